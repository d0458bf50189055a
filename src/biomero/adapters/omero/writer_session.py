"""One user's session in one group, as writing uses it; OMERO's errors become ours here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from biomero.adapters.omero.seam import omero_errors
from biomero.adapters.omero.select import access_of
from biomero.adapters.omero.session import ALL_GROUPS, OmeroSession
from biomero.domain.omero import GroupAccess, OmeroGroup, OmeroUser
from biomero.errors import OmeroPermissionError

_AT_ONCE = 500
"""How many ids are named in one question: the database takes some ten thousand, a run can make more."""

_PAGE = 5000
"""Rows of an answer that may be long: it is one message, which omero-py takes up to 64 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WritingSession:
    """A session.

    Parameters
    ----------
    factory
        OMERO's service factory, of a session of the user whose context names the group.
    place
        The server, for messages.
    page
        How many rows of `paged_rows` are asked for at once.
    """

    place: str
    factory: Any = field(repr=False)
    user: OmeroUser
    group: OmeroGroup
    page: int = _PAGE

    def rows(self, query: str, *, all_groups: bool = False, **values: Any) -> list[list[Any]]:
        """Return what a query selects, which is not much: a row of plain values for each hit.

        Parameters
        ----------
        all_groups
            Look into every group that the user may see.
        values
            Texts, whole numbers, or one sequence of whole numbers, of which some are asked for at a time.
        """
        from omero.rtypes import unwrap

        context = [ALL_GROUPS] if all_groups else []
        ask = self.factory.getQueryService().projection
        rows = [row for some in _parts(values) for row in ask(query, _parameters(some), *context)]
        return [[unwrap(value) for value in row] for row in rows]

    def paged_rows(self, query: str, **values: Any) -> Iterator[list[Any]]:
        """Yield what a query selects, however much it is; values as for `rows`.

        The first value of a row is an id by which the query orders rows, and it takes those after ``:after``.
        """
        from omero.rtypes import unwrap

        ask = self.factory.getQueryService().projection
        for some in _parts(values):
            after, is_last = 0, False
            while not is_last:
                page = ask(query, _parameters({**some, "after": after}, limit=self.page))
                rows = [[unwrap(value) for value in row] for row in page]
                yield from rows
                is_last = len(rows) < self.page
                after = rows[-1][0] if rows else after

    def objects(self, query: str, **values: Any) -> list[Any]:
        """Return the objects that a query selects; values as for `rows`."""
        ask = self.factory.getQueryService().findAllByQuery
        return [one for some in _parts(values) for one in ask(query, _parameters(some))]

    def object(self, kind: str, of_id: int) -> Any:
        """Return an object by its id, loaded, to be changed and saved."""
        return self.factory.getQueryService().get(kind, of_id)

    def enumeration(self, kind: str, value: str) -> Any:
        """Return one of OMERO's fixed words, such as the ``PixelsType`` ``uint16``."""
        query = f"select e from {kind} e where e.value = :value"  # noqa: S608 - made of constants
        return self.objects(query, value=value)[0]

    def save(self, root: Any) -> Any:
        """Save an object and everything that hangs on it, in one transaction; return it."""
        return self.factory.getUpdateService().saveAndReturnObject(root)

    def save_all(self, roots: Sequence[Any]) -> list[Any]:
        """Save objects in one transaction; return them. New objects may hang on one of them only."""
        saved: list[Any] = self.factory.getUpdateService().saveAndReturnArray(list(roots))
        return saved

    def save_many(self, roots: Sequence[Any]) -> None:
        """Save many new objects in one transaction, each with what hangs on it."""
        self.factory.getUpdateService().saveAndReturnIds(list(roots))

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Turn OMERO's errors into ours.

        Parameters
        ----------
        what
            Is said of a refusal: ``draw ROIs on Image:5``.
        """
        with omero_errors(self.place):
            import omero.clients  # its slice definitions, which the class is of, are loaded by that

            try:
                yield
            except omero.SecurityViolation:
                raise OmeroPermissionError(
                    f"{self.user.name} may not {what} in {describe(self.group)}"
                ) from None


def writing_session(session: OmeroSession, *, place: str) -> WritingSession:
    """Return a session for writing in its group.

    Raises
    ------
    OmeroUnavailableError
        If OMERO does not answer.
    """
    with omero_errors(place):
        group = session.factory.getAdminService().getGroup(session.group_id)
    described = OmeroGroup(
        id=session.group_id, name=group.name.val, access=access_of(group.details.permissions)
    )
    return WritingSession(place=place, factory=session.factory, user=session.user, group=described)


def describe(group: OmeroGroup) -> str:
    """Return a group as people know it: its name and what its members may do."""
    if group.access is GroupAccess.OTHER:
        return f"the group {group.name}"
    return f"the group {group.name}, which is {group.access.words}"


def _parts(values: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield values again and again, each time with some more of the sequence among them."""
    name = next((name for name, value in values.items() if not isinstance(value, (str, int))), None)
    if name is None or len(values[name]) <= _AT_ONCE:
        yield values
        return
    for first in range(0, len(values[name]), _AT_ONCE):
        yield {**values, name: values[name][first : first + _AT_ONCE]}


def _parameters(values: Mapping[str, Any], *, limit: int | None = None) -> Any:
    import omero.sys
    from omero.rtypes import rlist, rlong, rstring

    parameters = omero.sys.ParametersI()
    if limit is not None:
        parameters.page(0, limit)
    for name, value in values.items():
        if isinstance(value, str):
            parameters.add(name, rstring(value))
        elif isinstance(value, int):
            parameters.add(name, rlong(value))
        else:
            parameters.add(name, rlist([rlong(number) for number in value]))
    return parameters
