"""Send an attached file to a cluster, beside images."""

from biomero.entrypoints.omero_scripts.transfer_scripts import file_transfer

file_transfer()
