"""OME-Zarr 0.5, on Zarr 3 with sharding."""
