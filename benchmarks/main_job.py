"""What the main job costs beside the work itself, against plain tools on the same machine.

Starts a real Slurm cluster with a real sshd (root), and prints one table::

    python benchmarks/main_job.py [MEGABYTES]
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import tifffile

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests"))

from biomero.adapters.ngff import NgffWriter  # noqa: E402 - after the path above
from biomero.adapters.ssh import SshConnection, SshTransfer  # noqa: E402
from biomero.adapters.tiff import TiffSource  # noqa: E402
from biomero.application.ports.pyramids import PyramidSettings  # noqa: E402
from biomero.application.ports.transfer import FileToSend  # noqa: E402
from services.command import THRESHOLD, User, image_file  # noqa: E402
from services.slurm_lab import SlurmLab  # noqa: E402

REPEATS = 3


def median_seconds(act: Callable[[], object]) -> float:
    """Return the median time of some repeats."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        act()
        times.append(time.perf_counter() - start)
    return sorted(times)[REPEATS // 2]


def main() -> None:
    """Measure and print."""
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 512
    folder = Path(tempfile.mkdtemp(prefix="biomero-benchmark-"))
    folder.chmod(0o755)
    lab = SlurmLab(folder / "lab")
    try:
        lab.start(guarded=True)
        print(
            f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.machine()}, {os.cpu_count()} cores, "
            f"load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}"
        )
        one_image(folder, lab)
        moving(folder, lab, megabytes)
    finally:
        lab.stop()
        shutil.rmtree(folder, ignore_errors=True)


def one_image(folder: Path, lab: SlurmLab) -> None:
    """Print what a run of one image takes beyond its jobs."""
    settings = folder / "slurm-config.ini"
    settings.write_text("[SLURM]\nslurm_data_path = biomero/data\n")
    options = ("--cluster", lab.alias, "--ssh-config", str(lab.ssh_config), "--config", str(settings))
    user = User(home=folder, cluster=(*options, "--runtime", "process"))
    image = image_file(folder / "cell.tif")
    rows = []
    for repeat in range(REPEATS + 1):
        start = time.perf_counter()
        ended = user.run(THRESHOLD, [image], out=f"results-{repeat}")
        wall = time.perf_counter() - start
        assert ended.code == 0, ended.stderr + ended.stdout
        document = ended.document
        jobs = sum(task["usage"]["elapsed_s"] or 0 for job in document["jobs"] for task in job["tasks"])
        rows.append((wall - jobs, wall, jobs, document["counts"]))
    beyond, wall, jobs, counts = sorted(rows[1:], key=lambda row: row[0])[REPEATS // 2]
    print(f"1 image, 2 jobs: {wall:.1f} s in all, {jobs} s of it in jobs (by sacct), {beyond:.1f} s beyond")
    print(f"  {json.dumps(counts)}")


def moving(folder: Path, lab: SlurmLab, megabytes: int) -> None:
    """Print the rates of export and transfer beside plain tools, in MB of pixels a second."""
    source = folder / "large.tif"
    planes = max(1, megabytes * 1_000_000 // (2048 * 2048 * 2))
    rng = np.random.default_rng(0)
    pixels = rng.poisson(120, (planes, 2048, 2048)).astype(np.uint16)
    tifffile.imwrite(source, pixels, metadata={"axes": "ZYX"}, ome=True)
    size = pixels.nbytes / 1e6
    del pixels
    zarr = folder / "large.ome.zarr"

    def export() -> None:
        shutil.rmtree(zarr, ignore_errors=True)
        with TiffSource().open(source) as image:
            NgffWriter().write(image, zarr, PyramidSettings())

    def copy() -> None:
        subprocess.run(["cp", "--", source, folder / "copy.tif"], check=True)

    copying = median_seconds(copy)
    (folder / "copy.tif").unlink()
    exporting = median_seconds(export)
    stored = sum(p.stat().st_size for p in zarr.rglob("*") if p.is_file()) / 1e6
    ssh = f"ssh -F '{lab.ssh_config}' {lab.alias}"
    piped = median_seconds(
        lambda: subprocess.run(
            ["sh", "-c", f"tar -C '{folder}' -c large.ome.zarr | {ssh} 'mkdir -p piped && tar -C piped -x'"],
            check=True,
        )
    )
    connection = SshConnection(lab.alias, ssh_config=lab.ssh_config)
    transfer = SshTransfer(connection)
    sending = median_seconds(
        lambda: transfer.upload([FileToSend(path=zarr, name="large.ome.zarr")], "uploaded")
    )
    connection.close()
    print(f"{size:.0f} MB of pixels, {stored:.0f} MB as OME-Zarr 0.5 with all levels, median of {REPEATS}:")
    print(f"  cp of the TIFF           {size / copying:7.0f} MB/s")
    print(f"  export to OME-Zarr       {size / exporting:7.0f} MB/s  {exporting / copying:5.1f} times cp")
    print(f"  tar | ssh tar            {stored / piped:7.0f} MB/s")
    print(
        f"  upload, hashes checked   {stored / sending:7.0f} MB/s  {sending / piped:5.1f} times tar | ssh tar"
    )


if __name__ == "__main__":
    main()
