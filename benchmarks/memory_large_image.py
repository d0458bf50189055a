"""Peak memory of every process that moves a large image, beside what is promised: 1 GiB.

python benchmarks/memory_large_image.py 8

A generated image of so many GB, one single plane, is written as OME-Zarr, copied with tar, and converted
to OME-TIFF, each in processes of its own whose memory is watched in /proc. Exit status 1 says that one of
them took more than the limit. Needs disk space of about three times the size; all of it is freed at the end.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONVERT = ROOT / "workflows" / "zarr-to-tiff" / "convert.py"


@dataclass(frozen=True, slots=True)
class Peak:
    """The most memory that a process took, in MiB.

    Parameters
    ----------
    own
        Its own memory (RssAnon and RssShmem): what counts against a limit.
    resident
        All that was resident (VmHWM), with the files of its libraries.
    """

    name: str
    own: float
    resident: float


def watch(processes: dict[str, subprocess.Popen[bytes]]) -> list[Peak]:
    """Watch processes until they end.

    Raises
    ------
    SystemExit
        If one ends with an error.
    """
    own, resident = dict.fromkeys(processes, 0.0), dict.fromkeys(processes, 0.0)
    while any(process.poll() is None for process in processes.values()):
        for name, process in processes.items():
            status = _status(process.pid)
            own[name] = max(own[name], status.get("RssAnon", 0) + status.get("RssShmem", 0))
            resident[name] = max(resident[name], status.get("VmHWM", 0))
        time.sleep(0.01)
    for name, process in processes.items():
        if process.returncode:
            raise SystemExit(f"{name} ended with exit status {process.returncode}")
    return [Peak(name, own[name], resident[name]) for name in processes]


def _status(pid: int) -> dict[str, float]:
    """Return the memory lines of a process in MiB; none once it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    fields = (line.split(":", 1) for line in lines if line.endswith("kB"))
    return {name: int(value.split()[0]) / 1024 for name, value in fields}


def start(*command: str | Path, **options: object) -> subprocess.Popen[bytes]:
    """Start a process of the benchmark."""
    return subprocess.Popen([str(word) for word in command], **options)


def export(target: Path, side: int) -> None:
    """Write a generated image of one plane as OME-Zarr; runs in a process of its own."""
    from biomero.adapters.ngff import NgffWriter  # noqa: PLC0415 - only this process needs it
    from biomero.application.ports.pyramids import PyramidSettings  # noqa: PLC0415
    from biomero.testing.images import GeneratedImage  # noqa: PLC0415

    NgffWriter().write(GeneratedImage("yx", (side, side)), target, PyramidSettings())


def run(folder: Path, size_gb: float, limit_mb: int) -> list[Peak]:
    """Export, copy and convert an image; return the peaks and print the speeds."""
    side = math.isqrt(round(size_gb * 1e9 / 2))
    megabytes = side * side * 2 / 2**20
    peaks: list[Peak] = []

    def step(name: str, processes: dict[str, subprocess.Popen[bytes]], begin: float) -> None:
        peaks.extend(watch(processes))
        seconds = time.monotonic() - begin
        print(f"{name:<10} {seconds:7.1f} s  {megabytes / seconds:6.0f} MiB of pixels/s", flush=True)

    exported, staged = folder / "exported", folder / "staged"
    for path in (exported, staged):
        path.mkdir()
    begin = time.monotonic()
    writer = start(
        sys.executable, __file__, str(size_gb), "--export", exported / "a.ome.zarr", "--side", str(side)
    )
    step("export", {"export": writer}, begin)

    begin = time.monotonic()
    pack = start("tar", "-C", exported, "-cf", "-", "a.ome.zarr", stdout=subprocess.PIPE)
    unpack = start("tar", "-C", staged, "-xf", "-", stdin=pack.stdout)
    pack.stdout.close()
    step("stage", {"tar (send)": pack, "tar (receive)": unpack}, begin)

    (folder / "list.json").write_text(json.dumps([{"source": "a.ome.zarr", "target": "a.tif"}]))
    begin = time.monotonic()
    options = ("--infolder", staged, "--outfolder", folder / "converted", "--list", folder / "list.json")
    memory = ("--max-memory-mb", str(limit_mb))
    step("convert", {"convert": start(sys.executable, CONVERT, *options, *memory)}, begin)
    written = (folder / "converted" / "a.tif").stat().st_size
    print(f"OME-TIFF   {written / 1e9:.2f} GB for {side * side * 2 / 1e9:.2f} GB of pixels")
    return peaks


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table of peaks; 1 says that the promise was broken."""
    parser = argparse.ArgumentParser(description="Peak memory of the processes that move a large image.")
    parser.add_argument("size_gb", type=float, help="size of the image in GB (10^9 bytes)")
    parser.add_argument("--limit-mb", type=int, default=1024, help="what is promised, in MiB")
    parser.add_argument("--folder", type=Path, help="where to work; a temporary folder is made in it")
    parser.add_argument("--export", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--side", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.export is not None:
        export(options.export, options.side)
        return 0
    print(f"{datetime.now().astimezone():%Y-%m-%d %H:%M}, {platform.platform()}")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        peaks = run(Path(folder), options.size_gb, options.limit_mb)
    print(f"\n{'process':<16}{'own MiB':>9}{'VmHWM MiB':>11}{'promise MiB':>13}")
    for peak in peaks:
        verdict = "ok" if peak.own < options.limit_mb else "BROKEN"
        print(f"{peak.name:<16}{peak.own:>9.0f}{peak.resident:>11.0f}{options.limit_mb:>13}  {verdict}")
    return int(any(peak.own >= options.limit_mb for peak in peaks))


if __name__ == "__main__":
    sys.exit(main())
