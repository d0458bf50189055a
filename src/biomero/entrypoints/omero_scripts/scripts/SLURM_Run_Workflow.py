"""Run workflows on a cluster."""

from biomero.entrypoints.omero_scripts.run_workflow import main

main()
