"""Questions to OMERO's database, in its own language (HQL), over every group that the user may see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from biomero.adapters.omero.lasting import LastingSession
from biomero.adapters.omero.seam import omero_errors
from biomero.adapters.omero.session import ALL_GROUPS, OmeroSession

PAGE = 1000
"""How many rows are asked for at once: answers stay far below the size of a message."""

BATCH = 500
"""How many ids are named in one question."""

Parameter = int | Sequence[int]


class Questions:
    """Asks a user's session; the answers are OMERO's own objects or rows of plain values.

    Parameters
    ----------
    place
        The server, for messages.
    """

    def __init__(self, session: LastingSession, place: str) -> None:
        self.place = place
        self._session = session

    def rows(self, hql: str, **parameters: Parameter) -> list[tuple[Any, ...]]:
        """Return the rows of a question that selects values."""

        def ask(session: OmeroSession) -> list[tuple[Any, ...]]:
            from omero.rtypes import unwrap

            with omero_errors(self.place):
                asked = _parameters(parameters)
                found = session.factory.getQueryService().projection(hql, asked, ALL_GROUPS)
                return [tuple(unwrap(value) for value in row) for row in found]

        return self._session.ask(ask)

    def objects(self, hql: str, **parameters: Parameter) -> list[Any]:
        """Return the objects of a question that selects one, each once."""

        def ask(session: OmeroSession) -> list[Any]:
            with omero_errors(self.place):
                asked = _parameters(parameters)
                found = session.factory.getQueryService().findAllByQuery(hql, asked, ALL_GROUPS)
                return list({one.id.val: one for one in found}.values())

        return self._session.ask(ask)

    def paged_rows(self, hql: str, **parameters: Parameter) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a question page by page.

        Its first value is an id by which it orders rows, and it takes those after ``:after``.
        """
        after, is_last = 0, False
        while not is_last:
            page = self.rows(hql, after=after, limit=PAGE, **parameters)
            yield from page
            is_last = len(page) < PAGE
            after = page[-1][0] if page else after

    def objects_of(self, hql: str, ids: Sequence[int], **parameters: Parameter) -> Iterator[Any]:
        """Yield the objects of a question about ``:ids``, which is asked for some of them at a time."""
        for some in _parts(ids):
            yield from self.objects(hql, ids=some, **parameters)

    def rows_of(self, hql: str, ids: Sequence[int], **parameters: Parameter) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a question about ``:ids``, which is asked for some of them at a time."""
        for some in _parts(ids):
            yield from self.rows(hql, ids=some, **parameters)


def _parts(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[first : first + BATCH] for first in range(0, len(ids), BATCH))


def _parameters(values: Mapping[str, Parameter]) -> Any:
    from omero.rtypes import rlist, rlong
    from omero.sys import ParametersI

    asked = ParametersI()
    for name, value in values.items():
        if name == "limit":
            asked.page(0, value)
        else:
            asked.add(name, rlong(value) if isinstance(value, int) else rlist([rlong(i) for i in value]))
    return asked
