"""Segmentation of nuclei in fluorescence images, without training: 2D and 3D."""
