"""What a long history came to, as plain values, so that reading it again need not fold all of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from importlib.metadata import version
from typing import Any
from uuid import UUID

from eventsourcing.domain import Aggregate
from eventsourcing.persistence import StoredEvent
from eventsourcing.utils import get_topic

from biomero.domain.run_status import ImageStage, RunStatus

_SHAPE = 4
"""To be raised when the fold of `WorkflowRun` or `Task` changes within a release: older ones are void."""

_MARK = "~"
_LIBRARY = ("_id", "_version", "_pending_events")
_KINDS: dict[str, tuple[type, Callable[[Any], Any], Callable[[Any], Any]]] = {
    "uuid": (UUID, str, UUID),
    "moment": (datetime, datetime.isoformat, datetime.fromisoformat),
    "status": (RunStatus, lambda value: value.value, RunStatus),
    "stage": (ImageStage, lambda value: value.value, ImageStage),
}


def take_snapshot(aggregate: Aggregate) -> StoredEvent:
    """Return the state of a run or task, as it is stored."""
    state = {name: _plain(value) for name, value in vars(aggregate).items() if name not in _LIBRARY}
    return StoredEvent(
        originator_id=aggregate.id,
        originator_version=aggregate.version,
        topic=get_topic(type(aggregate)),
        state=json.dumps({"made_by": _made_by(), "state": state}).encode(),
    )


def restore_snapshot(stored: StoredEvent, kinds: Sequence[type[Aggregate]]) -> Aggregate | None:
    """Return the run or task of a snapshot; ``None`` where another release took it."""
    read = json.loads(stored.state)
    kind = next((kind for kind in kinds if get_topic(kind) == stored.topic), None)
    if kind is None or read["made_by"] != _made_by():
        return None
    aggregate: Aggregate = object.__new__(kind)
    vars(aggregate).update({name: _full(value) for name, value in read["state"].items()})
    own: tuple[Any, ...] = (stored.originator_id, stored.originator_version, [])
    vars(aggregate).update(zip(_LIBRARY, own, strict=True))
    return aggregate


def _made_by() -> str:
    return f"{version('biomero')} {_SHAPE}"


def _plain(value: Any) -> Any:  # noqa: ANN401 - an attribute
    for mark, (kind, plain, _) in _KINDS.items():
        if isinstance(value, kind):
            return {_MARK: mark, "value": plain(value)}
    if isinstance(value, dict):
        if all(isinstance(key, str) and key != _MARK for key in value):
            return {key: _plain(one) for key, one in value.items()}
        return {_MARK: "pairs", "value": [[_plain(key), _plain(one)] for key, one in value.items()]}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value


def _full(value: Any) -> Any:  # noqa: ANN401 - what `_plain` returned
    if isinstance(value, list):
        return [_full(one) for one in value]
    if not isinstance(value, dict):
        return value
    mark = value.get(_MARK)
    if mark is None:
        return {key: _full(one) for key, one in value.items()}
    if mark == "pairs":
        return {_full(key): _full(one) for key, one in value["value"]}
    return _KINDS[mark][2](value["value"])
