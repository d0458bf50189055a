"""Files that a script attached, and images by version."""

from __future__ import annotations

from pathlib import Path

import pytest

from biomero.application.list_versions import images_by_version
from biomero.application.ports.image_store import ImageFile
from biomero.application.script_api.attachments import sort_values
from biomero.domain.descriptor import (
    Choice,
    DescriptorFormat,
    Parameter,
    ParameterType,
    WorkflowDescriptor,
)
from biomero.errors import InputError, UnsafePathError
from unit.application.script_api.conftest import World


def descriptor(*, model_is_folder: bool = True) -> WorkflowDescriptor:
    choices = (Choice(value="a", label="a"),)
    return WorkflowDescriptor(
        name="x",
        description="",
        format=DescriptorFormat.BILAYERS,
        container_image=None,
        command_line=("x",),
        parameters=(
            Parameter(id="images", type=ParameterType.IMAGE, name="images"),
            Parameter(
                id="model", type=ParameterType.FILE, name="model", optional=True, is_folder=model_is_folder
            ),
            Parameter(id="size", type=ParameterType.INTEGER, name="size", optional=True),
            Parameter(id="text", type=ParameterType.STRING, name="text", optional=True),
            Parameter(id="kind", type=ParameterType.STRING, name="kind", optional=True, choices=choices),
        ),
    )


@pytest.fixture
def model(world: World) -> Path:
    place = world.unpacked("set", {"a.tif": b"II*\0"}) / "data/in/p1"
    place.mkdir()
    (place / "model.pt").touch()
    return place


def test_what_is_not_set_is_left_out(world: World, model: Path) -> None:
    session = world.session
    given = {"size": None, "kind": "", "text": "None", "model": "", "use_gpu": True, "else": 1}
    values, attached = sort_values(session, session.folder("set"), descriptor(), given)
    assert values == {"text": "None", "else": 1}
    assert attached == {}
    assert model.exists()


def test_an_attached_file_is_told_by_its_folder_or_by_itself(world: World, model: Path) -> None:
    session = world.session
    for value in (str(model), "scratch/data/set/data/in/p1"):
        for is_folder, place in ((True, model), (False, model / "model.pt")):
            described = descriptor(model_is_folder=is_folder)
            _, attached = sort_values(session, session.folder("set"), described, {"model": value})
            assert attached == {"model": str(place)}
    (model / "second.pt").touch()
    with pytest.raises(InputError, match="takes one file"):
        sort_values(session, session.folder("set"), descriptor(model_is_folder=False), {"model": str(model)})


def test_an_attached_file_must_be_in_the_folder_of_the_data(world: World, model: Path) -> None:
    session = world.session
    places = (
        "/etc/passwd",
        f"{model}/../../../../other",
        "scratch/data/other/data/in",
        str(world.data / "set/jobs"),
    )
    for place in places:
        with pytest.raises(UnsafePathError):
            sort_values(session, session.folder("set"), descriptor(), {"model": place})


def test_images_are_known_by_their_version() -> None:
    paths = (
        "own/x_v1.0.sif",
        "own/anything_v2.0.sif",
        "x_v1.0.sif",
        "x_v3.0.sif",
        "y_v4.0.sif",
        "other/x_v5.0.sif",
    )
    files = [ImageFile(path=path, size=1) for path in paths]
    assert images_by_version(files, "own", "x") == {"v1.0": "own/x_v1.0.sif", "v3.0": "x_v3.0.sif"}
