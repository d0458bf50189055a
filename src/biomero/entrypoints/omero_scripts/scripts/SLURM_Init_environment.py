"""Have clusters ready for runs."""

from biomero.entrypoints.omero_scripts.init_environment import main

main()
