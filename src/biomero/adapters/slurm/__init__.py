"""Slurm, by its commands' text formats."""
