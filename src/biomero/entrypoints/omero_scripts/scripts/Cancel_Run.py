"""End a run."""

from biomero.entrypoints.omero_scripts.run_scripts import cancel_run

cancel_run()
