"""What a run has from OMERO, and what it shall make there: part of what was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from biomero.domain.omero import OmeroFile, OmeroImage, OmeroKind, OmeroRef, WellPlace
from biomero.domain.run_events import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class RoiWish:
    """How label images shall become ROIs of the images that they were made of.

    Parameters
    ----------
    name_prefix
        ROIs are called by it and the object's number; empty stands for the workflow's name.
    color
        Six hexadecimal digits; ``None`` lets BIOMERO choose.
    clear
        ROIs of the user whose names contain this are deleted before; empty for none.
    pattern
        Only label images whose file name is like this, as shells have it (``*_nuclei*``); empty for all.
    """

    shape: str = "polygon"
    name_prefix: str = ""
    color: str | None = None
    clear: str = ""
    pattern: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OmeroWishes:
    """What shall be made in OMERO, in the group of the images.

    Parameters
    ----------
    images, label_images
        Import images that are no label images, or those that are, into a dataset.
    dataset_id, dataset_name
        An existing dataset, or the name of a new one; a new one with a name of ours where neither is said.
    screen_id, screen_name
        An existing screen, or the name of a new one, for results of images that are on a plate: they come
        onto plates of their own there, and not into the dataset.
    reuse_named
        Names are those of a dataset and a screen that the user has already, if there is one.
    name_pattern
        Names of imported images; ``{original_file}``, ``{original_ext}``, ``{file}`` and ``{ext}`` stand for
        the source's and the output's name and suffix.
    tables
        Tables become OMERO.tables.
    files
        All other files are attached.
    overlays
        Pictures with outlines are attached.
    image_files
        Image files, as the workflow wrote them, are attached to the images that they are of.
    archive
        All that the workflow wrote is attached, as one ZIP file, to the datasets and plates of the images.
    archive_at, tables_at, files_at
        Other objects to which the ZIP file, the tables or the files are attached: ``("Project:5",)``.
    """

    images: bool = False
    label_images: bool = False
    dataset_id: int | None = None
    dataset_name: str = ""
    screen_id: int | None = None
    screen_name: str = ""
    reuse_named: bool = False
    name_pattern: str = ""
    rois: RoiWish | None = None
    tables: bool = False
    files: bool = False
    overlays: bool = False
    image_files: bool = False
    archive: bool = False
    archive_at: tuple[str, ...] = ()
    tables_at: tuple[str, ...] = ()
    files_at: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything shall be made."""
        return (
            self.images
            or self.label_images
            or self.tables
            or self.files
            or self.overlays
            or self.image_files
            or self.archive
            or self.rois is not None
        )

    @property
    def to_screen(self) -> bool:
        """Whether images that come of a plate's images shall be on plates."""
        return (self.images or self.label_images) and bool(self.screen_id or self.screen_name)


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """An attached file that goes into an input of the workflow.

    Parameters
    ----------
    file
        As OMERO told of it when the run was asked for.
    name
        What it is called on the cluster: safe for any program, unique in its input.
    """

    file: OmeroFile
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OmeroRequest:
    """Images of OMERO, as who they are read, and what shall be made of the results.

    Parameters
    ----------
    server
        Host and port: a run is of one server.
    images
        In the order of the run's images.
    files
        Attached files for the workflow's further inputs, by the input's id.
    """

    server: str
    user: str
    user_id: int
    group_id: int
    group_name: str
    chosen: tuple[OmeroRef, ...]
    images: tuple[OmeroImage, ...]
    wishes: OmeroWishes = field(default_factory=OmeroWishes)
    files: Mapping[str, tuple[InputFile, ...]] = field(default_factory=dict)

    def to_json(self) -> Json:
        """Return plain values for the record."""
        return {
            "server": self.server,
            "user": self.user,
            "user_id": self.user_id,
            "group_id": self.group_id,
            "group_name": self.group_name,
            "chosen": [str(ref) for ref in self.chosen],
            "images": [_image_to_json(image) for image in self.images],
            "wishes": asdict(self.wishes),
            "files": {name: [asdict(file) for file in files] for name, files in self.files.items()},
        }

    @classmethod
    def from_json(cls, value: Json) -> OmeroRequest:
        """Read what `to_json` wrote."""
        rois = value["wishes"]["rois"]
        plain = {name: value[name] for name in ("server", "user", "user_id", "group_id", "group_name")}
        return cls(
            **plain,
            chosen=tuple(map(_ref_from_text, value["chosen"])),
            images=tuple(map(_image_from_json, value["images"])),
            wishes=OmeroWishes(
                **{
                    **value["wishes"],
                    **{name: tuple(value["wishes"].get(name, ())) for name in _TARGETS},
                    "rois": None if rois is None else RoiWish(**rois),
                }
            ),
            # runs of earlier releases had no files of OMERO
            files={
                name: tuple(InputFile(file=OmeroFile(**f["file"]), name=f["name"]) for f in files)
                for name, files in value.get("files", {}).items()
            },
        )


_TARGETS = ("archive_at", "tables_at", "files_at")


def _image_to_json(image: OmeroImage) -> Json:
    return {**asdict(image), "parents": [str(ref) for ref in image.parents]}


def _image_from_json(value: dict[str, Any]) -> OmeroImage:
    place = value["place"]
    return OmeroImage(
        **{
            **value,
            "parents": tuple(map(_ref_from_text, value["parents"])),
            "place": None if place is None else WellPlace(**place),
        }
    )


def _ref_from_text(text: str) -> OmeroRef:
    kind, _, number = text.partition(":")
    return OmeroRef(OmeroKind(kind), int(number))
