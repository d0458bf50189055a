"""A process that puts one result into OMERO, and is killed before its first call, its second, and so on.

``python -m services.dying_writer`` reads what to do as JSON from its input, and prints, as JSON, how many
calls a put that nobody kills makes, and how many were killed before: at every call, or at every so many
(``step``) from the ``first``. Each put is by a child of its own, forked before anything of Ice runs;
after each that was killed another child does the same to its end, twice.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any

import Ice
import numpy as np
import omero.clients  # noqa: F401 - so that no child needs to load all of it

from biomero.adapters.omero.session import open_session
from biomero.adapters.omero.writer import IceWriter
from biomero.adapters.omero.writer_session import writing_session
from biomero.adapters.tables import TableFiles
from biomero.application.describe_run import output_from_json
from biomero.application.import_objects import ImportObjects
from biomero.application.omero_request import OmeroRequest, OmeroWishes, RoiWish
from biomero.application.ports.omero import OmeroWriter, OutputKey, RoiSettings, TableColumn
from biomero.application.settings import OmeroSettings
from biomero.bootstrap import image_sources
from biomero.domain.ids import RunId
from biomero.domain.imaging import Channel, DisplayWindow
from biomero.domain.omero import OmeroKind, OmeroRef
from biomero.domain.omero_targets import PlateSpot
from biomero.testing.images import ArrayImage

_MOST_CALLS = 400
_OLD = "to be cleared"
_OBJECTS = (30, 40)
"""Rows and columns of squares: more than one batch of ROIs."""


class Dying:
    """A proxy of Ice; what is behind it kills this process instead of making a call too many."""

    def __init__(self, target: Any, calls: list[str], survives: int) -> None:
        self._target = target
        self._calls = calls
        self._survives = survives

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._target, name)

        def call(*arguments: Any) -> Any:
            if not (name.startswith("get") and name.endswith("Service")):  # these only hand out proxies
                if len(self._calls) == self._survives:
                    os.kill(os.getpid(), signal.SIGKILL)
                self._calls.append(name)
            answer = method(*arguments)
            is_proxy = isinstance(answer, Ice.ObjectPrx)
            return Dying(answer, self._calls, self._survives) if is_proxy else answer

        return call


def main() -> None:
    """Do what the input says."""
    order = json.load(sys.stdin)
    step, first = order.get("step", 1), order.get("first", 0)
    walk = [_MOST_CALLS] if order["only_clean"] else range(first, _MOST_CALLS, step)
    for deaths, survives in enumerate(walk):
        run = RunId(f"{order['run']}-{survives}")
        died, calls = _in_child(order, run, survives=survives, times=1)
        if not died:
            json.dump({"calls": len(calls), "names": calls, "deaths": deaths}, sys.stdout)
            return
        died, _ = _in_child(order, run, survives=None, times=2)
        if died:
            sys.exit(f"after {survives} calls could not be gone on")
    sys.exit(f"makes more than {_MOST_CALLS} calls")


def _in_child(
    order: dict[str, Any], run: RunId, *, survives: int | None, times: int
) -> tuple[bool, list[str]]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            calls = _put(order, run, survives=survives, times=times)
            os.write(writing, json.dumps(calls).encode())
            code = 0
        except Exception:  # noqa: BLE001 - nobody else is left to tell it
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    died = os.WIFSIGNALED(status)
    if not died and os.WEXITSTATUS(status):
        sys.exit(f"with {survives} calls: failed")
    return died, json.loads(said or "[]")


def _put(order: dict[str, Any], run: RunId, *, survives: int | None, times: int) -> list[str]:
    settings = OmeroSettings(host=order["host"], user=order["service"], password=order["password"])
    calls: list[str] = []
    with open_session(settings, order["user"], order["group"]) as session:
        plain = writing_session(session, place=order["host"])
        if order["what"] == "run" and times == 1:  # who goes on finds what the one before it has left
            put_old_rois(IceWriter(plain), order, run)
        factory = plain.factory if survives is None else Dying(plain.factory, calls, survives)
        writing = type(plain)(place=plain.place, factory=factory, user=plain.user, group=plain.group)
        for _ in range(times):
            put(IceWriter(writing), order, run)
    return calls


def put(writer: OmeroWriter, order: dict[str, Any], run: RunId) -> None:
    """Put the result; everything is named by the run."""
    key = OutputKey(run_id=run, output="output")
    image = OmeroRef(OmeroKind.IMAGE, order["image"])
    targets = [image, OmeroRef(OmeroKind.DATASET, order["dataset"])]
    match order["what"]:
        case "dataset":
            writer.put_dataset(key, name=run, description="", projects=[order["project"]])
        case "image":
            writer.put_image(key, pixels(), name=run, description="", dataset=order["dataset"])
        case "rois":
            writer.put_rois(key, labels(), image.id, RoiSettings(name_prefix=run))
        case "table":
            writer.put_table(key, columns(), name=run, targets=targets)
        case "file":
            path = Path(order["file"])
            writer.put_file(key, path, name=run, media_type="text/plain", targets=targets)
        case "map":
            writer.put_map(key, namespace=run, pairs=[("a", "b")], targets=targets)
        case "run":
            put_results(writer, order, run)
        case _:
            put_on_plates(writer, order, run, key)


def put_old_rois(writer: OmeroWriter, order: dict[str, Any], run: RunId) -> None:
    """Put ROIs of another run, which this one shall clear."""
    (image, *_) = OmeroRequest.from_json(order["request"]).images
    key = OutputKey(run_id=RunId(f"{run}-old"), output="output")
    few = ArrayImage(np.kron([[1, 0], [0, 2]], np.ones((4, 4))).astype(np.int32))
    writer.put_rois(key, few, image.id, RoiSettings(name_prefix=f"{run} {_OLD}"))


def put_results(writer: OmeroWriter, order: dict[str, Any], run: RunId) -> None:
    """Put all results of a run: onto plates, into a dataset, as ROIs, as a table with their ids, and files.

    ROIs of another run go before.
    """
    wishes = OmeroWishes(
        images=True,
        label_images=True,
        screen_name=run,
        dataset_name=run,
        reuse_named=True,
        name_pattern=f"{run}_{{file}}",
        rois=RoiWish(name_prefix=run, clear=f"{run} {_OLD}"),
        tables=True,
        overlays=True,
        image_files=True,
        archive=True,
    )
    request = OmeroRequest.from_json(order["request"])
    ImportObjects(
        run_id=run,
        workflow="nuclei",
        request=replace(request, wishes=wishes),
        results=Path(order["results"]),
        files=image_sources(),
        tables=TableFiles(),
        writer=writer,
        maps=[("biomero/workflow", [("Workflow_ID", run)])],
        stems=[f"image_{number}" for number in range(len(request.images))],
        on_output=lambda _done, _of: None,
    ).run([output_from_json(output) for output in order["outputs"]])


def put_on_plates(writer: OmeroWriter, order: dict[str, Any], run: RunId, key: OutputKey) -> None:
    """Put a result of the kinds that make up plates."""
    match order["what"]:
        case "screen":
            writer.put_screen(key, name=run, description="")
        case "plate":
            writer.put_plate(key, name=run, description="", screen=order["screen"], like=order["plate"])
        case "well":
            own = OutputKey(run_id=run, output="plate")
            plate = writer.put_plate(
                own, name=run, description="", screen=order["screen"], like=order["plate"]
            )
            spot = PlateSpot(plate=plate.id, row=7, column=11)
            writer.put_image(key, pixels(), name=run, description="", dataset=None, on_plate=spot)
        case "field":  # the next one of a well that other runs put images into
            spot = PlateSpot(plate=order["plate"], row=1, column=2)
            writer.put_image(key, pixels(), name=run, description="", dataset=None, on_plate=spot)


def pixels() -> ArrayImage:
    """Return what `put` makes an image of."""
    window = DisplayWindow(start=3, end=300, min=0, max=65535)
    data = np.arange(2 * 3 * 50 * 60, dtype=np.uint16).reshape(2, 3, 50, 60)
    channels = [Channel(name="DAPI", color="0000FF", window=window), Channel()]
    return ArrayImage(data, axes="czyx", channels=channels)


def labels() -> ArrayImage:
    """Return what `put` makes ROIs of."""
    rows, columns = _OBJECTS
    numbers = np.arange(1, rows * columns + 1).reshape(rows, columns)
    return ArrayImage(np.kron(numbers, np.pad(np.ones((2, 2), int), ((0, 1), (0, 1)))).astype(np.int32))


def columns() -> list[TableColumn]:
    """Return what `put` makes a table of: more rows than go at once."""
    count = 25_000
    return [
        TableColumn(name="label", kind="long", values=list(range(count))),
        TableColumn(name="class", kind="string", values=["a"] * count),
    ]


if __name__ == "__main__":
    main()
