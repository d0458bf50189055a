"""``IQuery``: looking for objects."""

from __future__ import annotations

from typing import Any

import omero
from omero.rtypes import unwrap

from omero_server import hql, rights, schema, values
from omero_server.call import Call
from omero_server.copies import Copier
from omero_server.dispatch import Service
from omero_server.records import Record


class Query(Service):
    """`omero.api.IQuery`."""

    def findAllByQuery(self, text: str, parameters: Any, call: Call) -> list[Any]:
        found, fetched = hql.query(call, text, parameters).objects()
        return Copier(call, fetched).all(found)

    def findByQuery(self, text: str, parameters: Any, call: Call) -> Any:
        found, fetched = hql.query(call, text, parameters).objects()
        one = hql.unique(found)
        return None if one is None else Copier(call, fetched).one(one)

    def projection(self, text: str, parameters: Any, call: Call) -> list[list[Any]]:
        copier = Copier(call)

        def wrapped(value: Any) -> Any:
            return values.wrapped(copier.one(value) if isinstance(value, Record) else value)

        return [[wrapped(v) for v in row] for row in hql.query(call, text, parameters).rows()]

    def get(self, name: str, number: int, call: Call) -> Any:
        found = self._find(name, number, call)
        if found is None:
            message = f"The requested object ({name},{number}) is not available."
            raise omero.ValidationException(None, None, message)
        return Copier(call).one(found)

    def find(self, name: str, number: int, call: Call) -> Any:
        found = self._find(name, number, call)
        return None if found is None else Copier(call).one(found)

    def findAll(self, name: str, page: Any, call: Call) -> list[Any]:
        found = self._seen(name, call)
        if page is not None and page.limit is not None:
            start = page.offset.val if page.offset else 0
            found = found[start : start + page.limit.val]
        return Copier(call).all(found)

    def findAllByString(
        self, name: str, attribute: str, wanted: str, is_exact: bool, _page: Any, call: Call
    ) -> list[Any]:
        def matches(record: Record) -> bool:
            value = record.get(attribute)
            return value == wanted if is_exact else str(value).lower() == wanted.lower()

        return Copier(call).all([r for r in self._seen(name, call) if matches(r)])

    def findByString(self, name: str, attribute: str, wanted: str, call: Call) -> Any:
        found = self.findAllByString(name, attribute, wanted, True, None, call)
        if len(found) > 1:
            raise omero.ApiUsageException(None, None, f"not unique: {name}.{attribute} = {wanted}")
        return found[0] if found else None

    def refresh(self, thing: Any, call: Call) -> Any:
        return self.get(schema.class_name(thing), unwrap(thing.id), call)

    def _find(self, name: str, number: int, call: Call) -> Record | None:
        found = self.records.find(_kind(name), number)
        if found is not None and not rights.can_read(call, found):
            raise omero.SecurityViolation(None, None, f"Cannot read {found}")
        return found

    def _seen(self, name: str, call: Call) -> list[Record]:
        return [r for r in self.records.all(_kind(name)) if rights.can_read(call, r)]


def _kind(name: str) -> str:
    plain = schema.plain_name(name)
    if not schema.known(plain):
        raise omero.ApiUsageException(None, None, f"no class {name}")
    return plain
