"""Objects as the server keeps them: in memory, with an index of who refers to whom, and on disk."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omero_server import schema, values


@dataclass(eq=False, slots=True)
class Record:
    """An object.

    Parameters
    ----------
    scalars
        Its plain fields, as Ice knows them.
    references
        The objects that it points at.
    owner, group
        Ids; those of root and of the group ``user`` for objects that everybody shares.
    """

    kind: schema.Kind
    id: int
    scalars: dict[str, Any] = field(default_factory=dict)
    references: dict[str, Record | None] = field(default_factory=dict)
    owner: int = 0
    group: int = 0
    created: Record | None = None
    updated: Record | None = None
    external: Record | None = None
    version: int = 0

    @property
    def key(self) -> tuple[str, int]:
        return self.kind.root, self.id

    def __str__(self) -> str:
        return f"{schema.java_name(self.kind.name)}:Id_{self.id}"

    def get(self, name: str) -> Any:
        """Return a plain field without its wrapping."""
        return values.plain(self.scalars.get(name))


class Records:
    """All objects. Whoever changes them commits, or everything since the last commit is undone."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS record (root, id, kind, body, PRIMARY KEY (root, id))"
        )
        self._database.execute("CREATE TABLE IF NOT EXISTS next_id (root PRIMARY KEY, id)")
        self._database.execute("CREATE TABLE IF NOT EXISTS secret (owner PRIMARY KEY, password)")
        self._database.commit()
        self._load()

    def all(self, name: str) -> list[Record]:
        """Return the objects of a class, and of those that stem from it, by id."""
        table = self._tables.get(schema.kind(name).root if name != "IObject" else name, {})
        return [r for _, r in sorted(table.items()) if name in r.kind.lineage]

    def find(self, name: str, number: int) -> Record | None:
        """Return one object of a class, if there is one of that id."""
        found = self._tables.get(schema.kind(name).root, {}).get(number)
        fits = found is not None and (name in found.kind.lineage or schema.is_a(name, found.kind.name))
        return found if fits else None

    def referring(self, record: Record, attribute: str, name: str) -> list[Record]:
        """Return the objects of a class whose field points at an object, in the order of their ids."""
        found = self._referring.get((record.key, attribute), {})
        return [r for _, r in sorted(found.items()) if name in r.kind.lineage]

    def collection(self, record: Record, name: str) -> list[Record]:
        """Return the elements of one of an object's collections."""
        attribute = schema.back_reference(record.kind.name, name)
        return self.referring(record, attribute, record.kind.collections[name]) if attribute else []

    def all_referring(self, record: Record) -> Iterator[tuple[str, Record]]:
        """Yield everything that points at an object, with the field that does."""
        for (key, attribute), found in list(self._referring.items()):
            if key == record.key:
                yield from ((attribute, r) for r in list(found.values()))

    def new(self, name: str, number: int | None = None) -> Record:
        """Make an object; its fields are not indexed before `put`."""
        kind = schema.kind(name)
        if number is None:
            number = self._next_ids.get(kind.root) or self._first_id(kind.root)
            self._next_ids[kind.root] = number + 1
            self._changed_roots.add(kind.root)
        return Record(kind, number)

    def put(self, record: Record) -> None:
        """Keep an object, new or changed."""
        self._touched[record.key] = record
        self._unindex(record)
        self._tables.setdefault(record.kind.root, {})[record.id] = record
        self._index(record)

    def remove(self, record: Record) -> None:
        """Forget an object."""
        self._touched[record.key] = record
        self._unindex(record)
        self._tables.get(record.kind.root, {}).pop(record.id, None)

    def commit(self) -> None:
        """Make everything since the last commit last."""
        for key in self._touched:
            found = self._tables.get(key[0], {}).get(key[1])
            if found is None:
                self._database.execute("DELETE FROM record WHERE root = ? AND id = ?", key)
                self._stored.pop(key, None)
            else:
                body = self._stored[key] = _body(found)
                row = (*key, found.kind.name, body)
                self._database.execute("INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?)", row)
        for root in self._changed_roots:
            given = (root, self._next_ids[root])
            self._database.execute("INSERT OR REPLACE INTO next_id VALUES (?, ?)", given)
        self._database.commit()
        self._touched.clear()
        self._changed_roots.clear()

    def roll_back(self) -> None:
        """Undo everything since the last commit; ids that were given are not given again."""
        touched = list(self._touched.items())
        for key, record in touched:
            self._unindex(record)
            table = self._tables.setdefault(key[0], {})
            table.pop(key[1], None)
            if key in self._stored:
                table[key[1]] = record
        for key, record in touched:
            if key in self._stored:
                self._fill(record, json.loads(self._stored[key]))
                self._index(record)
        self._touched.clear()

    def password(self, owner: int) -> str | None:
        """Return somebody's password."""
        row = self._database.execute("SELECT password FROM secret WHERE owner = ?", (owner,)).fetchone()
        return None if row is None else str(row[0])

    def set_password(self, owner: int, password: str) -> None:
        """Give somebody a password."""
        self._database.execute("INSERT OR REPLACE INTO secret VALUES (?, ?)", (owner, password))
        self._database.commit()

    def _first_id(self, root: str) -> int:
        # not the same for all, so that the id of a dataset seldom is one of an image, too
        return 1 + 1000 * (1 + sorted(schema.roots()).index(root))

    def _load(self) -> None:
        self._tables: dict[str, dict[int, Record]] = {}
        self._referring: dict[tuple[tuple[str, int], str], dict[tuple[str, int], Record]] = {}
        self._indexed: dict[tuple[str, int], list[tuple[tuple[str, int], str]]] = {}
        self._stored: dict[tuple[str, int], str] = {}
        self._touched: dict[tuple[str, int], Record] = {}
        self._changed_roots: set[str] = set()
        self._next_ids: dict[str, int] = dict(self._database.execute("SELECT root, id FROM next_id"))
        for root, number, name, body in self._database.execute("SELECT root, id, kind, body FROM record"):
            self._stored[root, number] = body
            self._tables.setdefault(root, {})[number] = Record(schema.kind(name), number)
        for key, body in self._stored.items():
            record = self._tables[key[0]][key[1]]
            self._fill(record, json.loads(body))
            self._index(record)

    def _fill(self, record: Record, body: dict[str, Any]) -> None:
        def at(key: list[Any] | None) -> Record | None:
            return None if key is None else self._tables.get(key[0], {}).get(key[1])

        record.scalars = {name: values.decode(value) for name, value in body["scalars"].items()}
        record.references = {name: at(key) for name, key in body["references"].items()}
        record.owner, record.group, record.version = body["owner"], body["group"], body["version"]
        record.created, record.updated, record.external = (at(key) for key in body["others"])

    def _index(self, record: Record) -> None:
        places = [(target.key, name) for name, target in record.references.items() if target is not None]
        for place in places:
            self._referring.setdefault(place, {})[record.key] = record
        self._indexed[record.key] = places

    def _unindex(self, record: Record) -> None:
        for place in self._indexed.pop(record.key, ()):
            self._referring.get(place, {}).pop(record.key, None)


def _body(record: Record) -> str:
    others = (record.created, record.updated, record.external)
    return json.dumps(
        {
            "scalars": {name: values.encode(v) for name, v in record.scalars.items() if v is not None},
            "references": {name: r.key for name, r in record.references.items() if r is not None},
            "owner": record.owner,
            "group": record.group,
            "version": record.version,
            "others": [None if r is None else r.key for r in others],
        }
    )
