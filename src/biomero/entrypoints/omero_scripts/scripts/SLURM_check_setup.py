"""Look whether runs can work."""

from biomero.entrypoints.omero_scripts.check_setup import main

main()
