"""Send images to a cluster."""

from biomero.entrypoints.omero_scripts.transfer_scripts import image_transfer

image_transfer()
