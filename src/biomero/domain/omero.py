"""What OMERO has, in its own words: objects, users, groups, and what a run may make of them."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field

_ADDRESS = re.compile(r"\A(?P<kind>[A-Za-z]+):(?P<id>[1-9][0-9]{0,18})\Z")
_NUMBERS = re.compile(r"([0-9]+)")
LARGEST_ID = 2**63 - 1
"""That an object may have."""
_IMAGE_ADDRESS = "omero:"
_TABLE = "OMERO.tables"


class OmeroKind(enum.Enum):
    """A kind of object, by the name that OMERO and its users have for it."""

    PROJECT = "Project"
    DATASET = "Dataset"
    SCREEN = "Screen"
    PLATE = "Plate"
    WELL = "Well"
    IMAGE = "Image"
    ROI = "Roi"
    TABLE = "Table"
    """An OMERO.table: a file annotation upon an original file."""
    FILE = "FileAnnotation"
    MAP = "MapAnnotation"


SELECTABLE = (
    OmeroKind.IMAGE,
    OmeroKind.DATASET,
    OmeroKind.PROJECT,
    OmeroKind.PLATE,
    OmeroKind.WELL,
    OmeroKind.SCREEN,
)
"""What images can be chosen by."""


@dataclass(frozen=True, slots=True, order=True)
class OmeroRef:
    """An object of OMERO, by its kind and id.

    >>> str(OmeroRef.parse("Image:5"))
    'Image:5'
    """

    kind: OmeroKind
    id: int

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.id}"

    @classmethod
    def parse(cls, text: str) -> OmeroRef:
        """Read ``Image:5``; the kind in any case.

        Raises
        ------
        ValueError
            If it is not an object that images can be chosen by; the message says what is.
        """
        match = _ADDRESS.match(text.strip())
        kinds = {kind.value.lower(): kind for kind in SELECTABLE}
        if match is None or match["kind"].lower() not in kinds or int(match["id"]) > LARGEST_ID:
            names = ", ".join(f"{kind.value}:ID" for kind in SELECTABLE)
            raise ValueError(f"{text!r} is no object of OMERO that has images; write one of {names}")
        return cls(kinds[match["kind"].lower()], int(match["id"]))


def file_annotation_in(text: str) -> int | None:
    """Return the id in ``FileAnnotation:12``, the kind in any case; ``None`` if it is something else.

    >>> file_annotation_in("FileAnnotation:12"), file_annotation_in("./FileAnnotation:12")
    (12, None)
    """
    match = _ADDRESS.match(text)
    if match is None or match["kind"].lower() != OmeroKind.FILE.value.lower():
        return None
    return int(match["id"]) if int(match["id"]) <= LARGEST_ID else None


def image_address(image_id: int) -> str:
    """Return what stands in a record where a file's path would.

    >>> image_address(5)
    'omero:Image:5'
    """
    return f"{_IMAGE_ADDRESS}Image:{image_id}"


def file_address(annotation_id: int) -> str:
    """Return what stands in a record where an attached file's path would.

    >>> file_address(12)
    'omero:FileAnnotation:12'
    """
    return f"{_IMAGE_ADDRESS}{OmeroKind.FILE.value}:{annotation_id}"


def image_id_of(address: str) -> int | None:
    """Return the image that an address names; ``None`` if it is a file's path.

    >>> image_id_of("omero:Image:5"), image_id_of("cells.tif")
    (5, None)
    """
    kind, _, number = address.removeprefix(_IMAGE_ADDRESS).partition(":")
    is_image = address.startswith(_IMAGE_ADDRESS) and kind == "Image" and number.isdecimal()
    return int(number) if is_image else None


def name_order(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return what names are put in order by, as people do: numbers count as numbers.

    >>> sorted(["cell 10", "cell 9", "Cell 1"], key=name_order)
    ['Cell 1', 'cell 9', 'cell 10']
    """
    words = _NUMBERS.split(name.casefold())
    return tuple((1, int(word), "") if word.isascii() and word.isdigit() else (0, 0, word) for word in words)


class GroupAccess(enum.Enum):
    """What members of a group may do with each other's data."""

    PRIVATE = "rw----"
    """Nobody but owners of the group sees another's."""
    READ_ONLY = "rwr---"
    """They may look."""
    READ_ANNOTATE = "rwra--"
    """They may look, annotate and link."""
    READ_WRITE = "rwrw--"
    """They may do everything."""
    OTHER = ""

    @property
    def words(self) -> str:
        """As people say it: ``read-annotate``."""
        return self.name.lower().replace("_", "-")


@dataclass(frozen=True, slots=True, kw_only=True)
class OmeroUser:
    """Somebody at OMERO."""

    id: int
    name: str
    """What they log in with."""
    full_name: str = ""
    email: str = ""
    is_admin: bool = False
    """An administrator without any restriction, who sees and steers everybody's runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OmeroGroup:
    """A group of OMERO."""

    id: int
    name: str
    access: GroupAccess


@dataclass(frozen=True, slots=True, kw_only=True)
class OmeroEntry:
    """An object in a list of objects; owner and group by their names."""

    ref: OmeroRef
    name: str
    owner: str
    group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WellPlace:
    """Where on a plate an image was taken.

    Parameters
    ----------
    row, column
        From 0.
    field
        Which image of the well it is, from 0.
    """

    plate_id: int
    plate_name: str
    well_id: int
    row: int
    column: int
    field: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OmeroImage:
    """An image that was selected.

    Parameters
    ----------
    parents
        The datasets (or, on a plate, the well) that it is in and that the user may see.
    place
        Where on a plate it is; ``None`` for images of datasets.
    """

    id: int
    name: str
    owner_id: int
    group_id: int
    parents: tuple[OmeroRef, ...] = ()
    place: WellPlace | None = None
    can_annotate: bool = True
    """The user may link annotations, tables and ROIs to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OmeroFile:
    """A file that is attached to objects.

    Parameters
    ----------
    id
        The file annotation's, which users know.
    file_id
        The original file's, which OMERO reads by.
    size
        In bytes.
    hash, hash_kind
        What OMERO has to compare it by, and how that is made (``SHA1-160``); both may be empty.
    """

    id: int
    name: str
    size: int
    owner_id: int
    group_id: int
    file_id: int
    media_type: str = ""
    hash: str = ""
    hash_kind: str = ""

    def __str__(self) -> str:
        """As messages call it: ``FileAnnotation:12 (settings.csv)``."""
        return f"{OmeroRef(OmeroKind.FILE, self.id)} ({self.name})"

    @property
    def is_table(self) -> bool:
        """Whether it is an OMERO.table, of whatever name: its bytes are HDF5."""
        return self.media_type == _TABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class OmeroSelection:
    """The images behind what was chosen, each once, in the order of the choice, by name within a container.

    Parameters
    ----------
    problems
        One sentence for each chosen object that gave no image, such as an empty dataset.
    """

    images: tuple[OmeroImage, ...]
    group: OmeroGroup
    problems: tuple[str, ...] = field(default=())


def well_name(row: int, column: int) -> str:
    """Return what people call a well, by its place from 0.

    >>> well_name(0, 0), well_name(7, 11), well_name(26, 0)
    ('A01', 'H12', 'AA01')
    """
    return f"{row_name(row)}{column + 1:02}"


def row_name(row: int) -> str:
    """Return the letters of a row of wells, by its place from 0.

    >>> row_name(0), row_name(25), row_name(26)
    ('A', 'Z', 'AA')
    """
    letters = ""
    row += 1
    while row:
        row, last = divmod(row - 1, 26)
        letters = chr(ord("A") + last) + letters
    return letters
