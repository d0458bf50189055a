#!/bin/sh
# The main job on real images: fetch them, segment the nuclei, say where to look.
set -eu
bin=$1 demo=$2
"$bin/python" demo/fetch_images.py "$demo/images"
rm -rf "$demo/results"
BIOMERO_STATE="$demo/state" "$bin/biomero" run nuclei-segmentation --cluster local "$demo"/images/*.tif "$demo"/images/*.png --out "$demo/results"
echo "pictures: $PWD/$demo/results/overlays"
