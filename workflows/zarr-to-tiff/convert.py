"""Converts OME-Zarr images to OME-TIFF: one task of a job array.

python convert.py --infolder IN --outfolder OUT --list LIST.json --task 0 --tasks 4

LIST.json holds objects {"source": "<name>.ome.zarr", "target": "<name>.tif"}. Task I of N converts the
items I, I+N, I+2N and so on. An image that cannot be converted does not stop the others. Exit status:
0 all items of the task are converted, 2 the arguments make no sense, 3 some items failed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from ome_tiff import convert
from pieces import MEBIBYTE
from zarr_image import open_image

EXIT_USAGE = 2
EXIT_SOME_FAILED = 3

_LEAST_MEMORY_MB = 256


@dataclass(frozen=True, slots=True)
class Item:
    """One image to convert: names below the input and output folder."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an item."""

    source: str
    ok: bool
    error: str | None
    seconds: float
    bytes: int


def main(arguments: list[str] | None = None) -> int:
    """Convert the items of one task and return the exit status."""
    options = _parse(arguments)
    try:
        items = _read_list(options.list)[options.task :: options.tasks]
    except (OSError, ValueError, TypeError, KeyError) as exc:
        print(f"{options.list} is not a list of items to convert: {exc!r}", file=sys.stderr)
        return EXIT_USAGE
    memory = options.max_memory_mb * MEBIBYTE - _memory_now()
    outcomes: list[Outcome] = []
    for item in items:
        outcomes.append(_convert_item(item, options, memory=memory))
        _report(outcomes, options)
        print(f"PROGRESS {len(outcomes)}/{len(items)}", flush=True)
    _report(outcomes, options)
    return 0 if all(outcome.ok for outcome in outcomes) else EXIT_SOME_FAILED


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Converts OME-Zarr images to OME-TIFF.")
    parser.add_argument("--infolder", type=Path, required=True, help="folder with the OME-Zarr folders")
    parser.add_argument("--outfolder", type=Path, required=True, help="folder for the TIFF files")
    parser.add_argument(
        "--list", type=Path, required=True, help="JSON file: which images, and their new names"
    )
    parser.add_argument("--task", type=int, default=0, help="number of this task, from 0")
    parser.add_argument("--tasks", type=int, default=1, help="number of tasks that share the list")
    parser.add_argument(
        "--max-memory-mb", type=int, default=1024, help="memory that this task may take, in MiB"
    )
    parser.add_argument(
        "--report", type=Path, help="folder for convert-<task>.json, what became of each image"
    )
    options = parser.parse_args(arguments)
    if not 0 <= options.task < options.tasks:
        parser.error(f"task {options.task} of {options.tasks}: tasks are numbered from 0")
    if options.max_memory_mb < _LEAST_MEMORY_MB:
        parser.error(f"--max-memory-mb: at least {_LEAST_MEMORY_MB} are needed")
    if not options.infolder.is_dir():
        parser.error(f"--infolder: {options.infolder} is not a folder")
    return options


def _read_list(path: Path) -> list[Item]:
    entries = json.loads(path.read_bytes())
    if not isinstance(entries, list):
        raise TypeError("it is no JSON array")
    return [Item(source=str(entry["source"]), target=str(entry["target"])) for entry in entries]


def _convert_item(item: Item, options: argparse.Namespace, *, memory: int) -> Outcome:
    start = time.monotonic()
    size, error = 0, None
    try:
        source = _inside(options.infolder, item.source)
        target = _inside(options.outfolder, item.target)
        target.parent.mkdir(parents=True, exist_ok=True)
        size = convert(open_image(source), target, memory=memory)
    except Exception as exc:  # noqa: BLE001 - the outermost loop: one bad image does not stop the others
        error = f"{item.source}: {exc or type(exc).__name__}"
        print(error, file=sys.stderr, flush=True)
    seconds = round(time.monotonic() - start, 3)
    return Outcome(source=item.source, ok=error is None, error=error, seconds=seconds, bytes=size)


def _inside(folder: Path, name: str) -> Path:
    if not name or Path(name).is_absolute() or ".." in Path(name).parts:
        raise ValueError(f"the name {name!r} leads out of {folder}")
    return folder / name


def _memory_now() -> int:
    """Return how much memory the process already takes, before the first image."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


def _report(outcomes: list[Outcome], options: argparse.Namespace) -> None:
    """Write what became of the items so far, whole or not at all; a killed task leaves what it did."""
    if options.report is None:
        return
    options.report.mkdir(parents=True, exist_ok=True)
    path = options.report / f"convert-{options.task}.json"
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps([asdict(outcome) for outcome in outcomes], indent=2))
    part.replace(path)


if __name__ == "__main__":
    sys.exit(main())
