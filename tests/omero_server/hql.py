"""Queries in the part of HQL that clients of OMERO send, over what the caller may see."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import omero
import omero.model
from omero.rtypes import unwrap

from omero_server import rights, schema
from omero_server.call import Call
from omero_server.copies import Fetched
from omero_server.hql_expressions import Aggregate, Expression, Expressions, Row, comparable
from omero_server.hql_paths import Paths
from omero_server.hql_tokens import Tokens
from omero_server.records import Record

_JOINING = {"left", "right", "inner", "outer", "join"}
_AFTER = {"", *_JOINING, "where", "order", "group", ",", ")", "with", "fetch"}


@dataclass(frozen=True, slots=True)
class _Join:
    path: str
    alias: str
    is_outer: bool
    is_fetched: bool


class Query:
    """A query by somebody.

    Raises
    ------
    omero.QueryException
        If it is not understood.
    """

    def __init__(
        self, call: Call, text: str, parameters: dict[str, Any], *, page: Any = None, outer: Row | None = None
    ) -> None:
        self._call = call
        self._outer: Row = outer or {}
        self._page = page
        self._tokens = Tokens(text)

        def inner_rows(text: str, row: Row) -> list[tuple[Any, ...]]:
            return Query(call, text, parameters, outer=row).rows()

        self._paths = Paths(call, parameters, self._outer, self._tokens, inner_rows)
        self._expressions = Expressions(self._tokens, self._paths)
        self._roots: list[tuple[str, str]] = []
        self._joins: list[_Join] = []
        self._where: Expression | None = None
        self._group: list[Expression] = []
        self._order: list[tuple[Expression, bool]] = []
        self._distinct = False
        self._select = self._parse()

    def rows(self) -> list[tuple[Any, ...]]:
        """Return what is selected, a tuple for each row of the answer."""
        return self._selected(self._bound())

    def objects(self) -> tuple[list[Record], Fetched]:
        """Return the selected objects, and what was fetched with them."""
        bound = self._bound()
        found = [row[0] for row in self._selected(bound) if row[0] is not None]
        if not all(isinstance(record, Record) for record in found):
            raise self._tokens.error("not objects, but values are selected; use a projection")
        fetched = Fetched()
        fetched.load(*found)
        for join in self._joins:
            if join.is_fetched:
                self._fetch(join, bound, fetched)
        return found, fetched

    def _fetch(self, join: _Join, bound: list[Row], fetched: Fetched) -> None:
        holder, _, name = join.path.rpartition(".")
        read = self._paths.read(holder or self._paths.first)
        for row in bound:
            owner = read(row)
            if isinstance(owner, Record):
                fetched.add(owner, name, row[join.alias])
            elif owner is not None:
                fetched.load(row[join.alias])

    def _parse(self) -> list[Expression]:
        tokens = self._tokens
        select: list[Expression] = []
        if tokens.took("select"):
            self._distinct = bool(tokens.took("distinct"))
            while True:
                select.append(self._expressions.one())
                if tokens.took("as"):
                    tokens.take()
                if not tokens.took(","):
                    break
        tokens.expect("from")
        self._source()
        while not tokens.is_over:
            self._clause()
        return select or [self._paths.read(self._paths.first)]

    def _source(self) -> None:
        name = self._tokens.take().rpartition(".")[2]
        if not schema.known(name):
            raise self._tokens.error(f"{name} is not mapped")
        self._tokens.took("as")
        alias = "_root" if self._tokens.peek() in _AFTER else self._tokens.take()
        self._paths.first = self._paths.first or alias
        self._roots.append((name, alias))

    def _clause(self) -> None:
        tokens = self._tokens
        if tokens.took(","):
            self._source()
        elif tokens.peek() in _JOINING:
            self._join()
        elif tokens.took("where"):
            self._where = self._expressions.one()
        elif tokens.took("group"):
            tokens.expect("by")
            self._group = self._expressions.list()
        elif tokens.took("order"):
            tokens.expect("by")
            while True:
                self._order.append((self._expressions.one(), tokens.took("asc", "desc") == "desc"))
                if not tokens.took(","):
                    break
        else:
            raise tokens.error(f"unexpected token: {tokens.peek()}")

    def _join(self) -> None:
        tokens = self._tokens
        is_outer = tokens.peek() == "left"
        while tokens.take().lower() != "join":
            pass
        is_fetched = bool(tokens.took("fetch"))
        path = tokens.take()
        tokens.took("as")
        alias = f"_{len(self._joins)}" if tokens.peek() in _AFTER else tokens.take()
        self._joins.append(_Join(path, alias, is_outer, is_fetched))

    def _bound(self) -> list[Row]:
        rows: list[Row] = [dict(self._outer)]
        for name, alias in self._roots:
            seen = [r for r in self._call.server.records.all(name) if rights.can_read(self._call, r)]
            rows = [{**row, alias: record} for row in rows for record in seen]
        for join in self._joins:
            rows = [joined for row in rows for joined in self._joined(row, join)]
        if self._where is not None:
            where = self._where
            rows = [row for row in rows if where(row)]
        for expression, is_descending in reversed(self._order):
            rows.sort(key=_sort_key(expression), reverse=is_descending)
        return rows

    def _joined(self, row: Row, join: _Join) -> list[Row]:
        found = self._paths.read(join.path)(row)
        candidates = found if isinstance(found, list) else [found]
        seen = [r for r in candidates if not isinstance(r, Record) or rights.can_read(self._call, r)]
        rows: list[Row] = [{**row, join.alias: r} for r in seen if r is not None]
        return rows or ([{**row, join.alias: None}] if join.is_outer else [])

    def _selected(self, bound: list[Row]) -> list[tuple[Any, ...]]:
        if self._group or any(isinstance(e, Aggregate) for e in self._select):
            found = [self._over(rows) for rows in self._grouped(bound)]
        else:
            found = [tuple(expression(row) for expression in self._select) for row in bound]
        if self._distinct:
            found = list({tuple(comparable(v) for v in row): row for row in found}.values())
        if self._page is not None and self._page.limit is not None:
            start = self._page.offset.val if self._page.offset else 0
            found = found[start : start + self._page.limit.val]
        return found

    def _grouped(self, bound: list[Row]) -> Iterable[list[Row]]:
        if not self._group:
            return [bound]
        groups: dict[tuple[Any, ...], list[Row]] = {}
        for row in bound:
            groups.setdefault(tuple(comparable(e(row)) for e in self._group), []).append(row)
        return groups.values()

    def _over(self, rows: list[Row]) -> tuple[Any, ...]:
        return tuple(
            e.over(rows) if isinstance(e, Aggregate) else (e(rows[0]) if rows else None) for e in self._select
        )


_MOST_VALUES = 2**15 - 1
"""The driver of OMERO's releases counts them with 16 bits."""


def _sort_key(expression: Expression) -> Callable[[Row], tuple[bool, Any]]:
    def key(row: Row) -> tuple[bool, Any]:
        value = comparable(expression(row))
        return (value is None, 0 if value is None else value)

    return key


def query(call: Call, text: str, parameters: Any) -> Query:
    """Read a query as a client sends it, with its parameters.

    Raises
    ------
    omero.InternalException
        If there are more values than PostgreSQL's driver sends.
    """
    named = {} if parameters is None else {k: unwrap(v) for k, v in (parameters.map or {}).items()}
    count = sum(len(value) if isinstance(value, list) else 1 for value in named.values())
    if count > _MOST_VALUES:
        raise omero.InternalException(
            None, None, f"Tried to send an out-of-range integer as a 2-byte value: {count}"
        )
    page = None if parameters is None else parameters.theFilter
    return Query(call, text, named, page=page)


def unique(found: list[Record]) -> Record | None:
    """Return the only object of an answer, which may be in it more than once.

    Raises
    ------
    omero.ApiUsageException
        If there are others.
    """
    if len({record.key for record in found}) > 1:
        message = f"Query did not return a unique result: {len(found)}"
        raise omero.ApiUsageException(None, None, message)
    return found[0] if found else None
