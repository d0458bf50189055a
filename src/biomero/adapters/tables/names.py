"""Names of columns, and what they say of their values."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from biomero.application.ports.omero import TableColumn

_IDS = {f"omero_{kind}": (kind.capitalize(), kind) for kind in ("image", "roi", "dataset", "plate", "well")}


def with_names(columns: Sequence[TableColumn]) -> tuple[TableColumn, ...]:
    """Return columns of which each has a name of its own; those that are named for it become ids of OMERO."""
    taken: set[str] = set()
    named = []
    for place, column in enumerate(columns, 1):
        name, kind = column.name.strip() or f"column {place}", column.kind
        if name.lower() in _IDS and kind == "long" and all(_is_id(value) for value in column.values):
            name, kind = _IDS[name.lower()]
        free = next(one for one in _alternatives(name) if one not in taken)
        taken.add(free)
        named.append(TableColumn(name=free, kind=kind, values=column.values))
    return tuple(named)


def _is_id(value: object) -> bool:
    return isinstance(value, int) and value > 0


def _alternatives(name: str) -> itertools.chain[str]:
    return itertools.chain([name], (f"{name}_{again}" for again in itertools.count(2)))
