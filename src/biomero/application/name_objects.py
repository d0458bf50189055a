"""Names of what is made in OMERO."""

from __future__ import annotations

from biomero.domain.delivery import stem_of
from biomero.domain.ids import RunId
from biomero.domain.selection import safe_name
from biomero.errors import ParameterError

PLACES = ("{original_file}", "{original_ext}", "{file}", "{ext}")
"""What may stand in a pattern: name and suffix of the source and of the output."""

_LONGEST = 255


def image_name(pattern: str, *, output: str, source: str | None, is_label: bool) -> str:
    """Return the name of an imported image.

    Without a pattern, or where the pattern speaks of a source and there is none, a label image is called by
    its source, and any other by its file. A pattern is text with places, and nothing in it is evaluated.

    >>> image_name("", output="a.ome.tif", source="cell 1.czi", is_label=True)
    'cell 1.czi [a]'
    >>> image_name("{original_file}_nuclei.{ext}", output="a.ome.tif", source="cell 1.czi", is_label=True)
    'cell 1_nuclei.ome.tif'
    """
    stem = stem_of(output)
    suffix = output[len(stem) :].lstrip(".")
    if not pattern or (source is None and "{original" in pattern):
        return (f"{source} [{stem}]" if source is not None and is_label else output)[:_LONGEST]
    original = source or ""
    original_stem = stem_of(original)
    values = (original_stem, original[len(original_stem) :].lstrip("."), stem, suffix)
    name, rest = "", pattern
    while rest:
        place = next((i for i, p in enumerate(PLACES) if rest.startswith(p)), None)
        name += rest[0] if place is None else values[place]
        rest = rest[1 if place is None else len(PLACES[place]) :]
    return name[:_LONGEST]


def check_pattern(pattern: str) -> None:
    """Make sure that a pattern for names has no place that nobody knows.

    Raises
    ------
    ParameterError
        If it has; the message says which there are.
    """
    left = pattern
    for place in PLACES:
        left = left.replace(place, "")
    if "{" in left or "}" in left:
        raise ParameterError(
            f"the names {pattern!r} have a place that is not known; there are {', '.join(PLACES)}"
        )


def default_dataset_name(workflow: str, run_id: RunId) -> str:
    """Return the name of a dataset that nobody named.

    >>> default_dataset_name("nuclei", RunId("0f5d7c2a-77"))
    'nuclei 0f5d7c2a'
    """
    return f"{workflow} {run_id[:8]}"


def plate_name(source: str, workflow: str) -> str:
    """Return the name of the plate that has the results of another one.

    >>> plate_name("Plate 1", "nuclei")
    'Plate 1 [nuclei]'
    """
    return f"{source[: _LONGEST - len(workflow) - len(' []')]} [{workflow}]"[:_LONGEST]


def archive_name(workflow: str, run_id: RunId, number: int = 0) -> str:
    """Return the name of the file that has all results of a run.

    Parameters
    ----------
    number
        After which round, from 0.

    >>> archive_name("nuclei", RunId("0f5d7c2a-77")), archive_name("nuclei", RunId("0f5d7c2a-77"), 1)
    ('nuclei_0f5d7c2a.zip', 'nuclei_0f5d7c2a_2.zip')
    """
    return f"{safe_name(workflow)}_{run_id[:8]}{f'_{number + 1}' if number else ''}.zip"
