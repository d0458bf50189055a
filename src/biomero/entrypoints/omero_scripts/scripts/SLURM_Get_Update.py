"""See how runs stand."""

from biomero.entrypoints.omero_scripts.run_scripts import get_update

get_update()
