"""OME-Zarr 0.4, on Zarr 2."""
