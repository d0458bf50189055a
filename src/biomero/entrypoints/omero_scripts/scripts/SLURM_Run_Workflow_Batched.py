"""Run workflows on a cluster, on many images in several jobs."""

from biomero.entrypoints.omero_scripts.run_workflow import main

main(is_batched=True)
