from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

WRITE = """
import sys, numpy, tifffile
planes, height, width = 3, 16384, 16384
with tifffile.TiffWriter(sys.argv[1], bigtiff=True) as tif:
    tif.write(shape=(planes, height, width), dtype="uint16", photometric="minisblack", data=None)
"""

READ = """
import sys
from pathlib import Path
from biomero.adapters.tiff import TiffSource
total = 0
with TiffSource().open(Path(sys.argv[1])) as image:
    height, width = image.metadata.shape[-2:]
    high, wide = image.block_shape
    for z in range(image.metadata.size("z")):
        for top in range(0, height, high):
            for left in range(0, width, wide):
                y, x = slice(top, min(top + high, height)), slice(left, min(left + wide, width))
                total += image.read(z=z, y=y, x=x).size
    image.read(z=1, y=slice(0, height), x=slice(700, 712))
# not ru_maxrss: that begins with what the parent had when it forked
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(total, int(status["VmHWM"].split()[0]) // 1024)
"""


@pytest.mark.slow
def test_an_image_larger_than_the_memory_allowed_is_read_by_pieces(tmp_path: Path) -> None:
    path = tmp_path / "large.tif"
    subprocess.run([sys.executable, "-c", WRITE, path], check=True)
    assert path.stat().st_size > 1.5 * 10**9
    done = subprocess.run([sys.executable, "-c", READ, path], check=True, capture_output=True, text=True)
    pixels, peak_mib = map(int, done.stdout.split())
    assert pixels == 3 * 16384 * 16384
    assert peak_mib < 400
