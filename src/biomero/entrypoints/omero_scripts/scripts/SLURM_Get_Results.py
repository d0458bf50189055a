"""Put the results of a run into OMERO once more."""

from biomero.entrypoints.omero_scripts.get_results import main

main()
