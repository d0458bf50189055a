"""BIOMERO: bioimage analysis workflows on Slurm clusters, for OMERO or for a folder of images."""

from importlib.metadata import version

__version__ = version("biomero")
