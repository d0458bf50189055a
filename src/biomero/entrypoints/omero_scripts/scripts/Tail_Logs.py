"""See what the jobs of a run print."""

from biomero.entrypoints.omero_scripts.run_scripts import tail_logs

tail_logs()
