"""Convert images that were sent to a cluster."""

from biomero.entrypoints.omero_scripts.transfer_scripts import remote_conversion

remote_conversion()
