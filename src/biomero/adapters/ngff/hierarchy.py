"""Finding the images in an OME-Zarr folder: one, several series, or the fields of a plate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from biomero.adapters.ngff.groups import Group, inside, read_group
from biomero.errors import ImageReadError


def find_images(path: Path) -> list[Path]:
    """Return the groups of the images in a folder, in the order that its metadata gives.

    Raises
    ------
    ImageReadError
        If there is no image.
    """
    group = read_group(path)
    if "multiscales" in group.ome:
        return [path]
    if "bioformats2raw.layout" in group.ome:
        images = list(_series(group))
    elif "plate" in group.ome:
        images = list(fields_of(group))
    else:
        raise ImageReadError(
            f"{path} is a Zarr folder but not an OME-Zarr image: its metadata has no multiscales"
        )
    if not images:
        raise ImageReadError(f"{path} holds no images")
    return images


def _series(group: Group) -> Iterator[Path]:
    # bioformats2raw.layout: the group OME SHOULD list the images as "series"; without a list they are
    # the groups 0, 1, 2 and so on.
    listed = read_group(group.path / "OME").ome.get("series") if (group.path / "OME").is_dir() else None
    if isinstance(listed, list):
        yield from (inside(group.path, name) for name in listed)
        return
    index = 0
    while (group.path / str(index)).is_dir():
        yield group.path / str(index)
        index += 1


def fields_of(group: Group) -> Iterator[Path]:
    """Yield the images of a plate, in the order of its metadata.

    Raises
    ------
    ImageReadError
        If the metadata of plate or wells is not valid.
    """
    try:
        wells = [inside(group.path, well["path"]) for well in group.ome["plate"]["wells"]]
        for well in wells:
            yield from (inside(well, image["path"]) for image in read_group(well).ome["well"]["images"])
    except (KeyError, TypeError) as exc:
        raise ImageReadError(f"{group.path}: the metadata of the plate is not valid ({exc!r})") from exc
