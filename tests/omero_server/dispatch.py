"""Ice servants from plain objects: each method answers the operation of its name, with the `Call` last."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import Ice
import omero
import omero_SharedResources_ice as generated

if TYPE_CHECKING:
    from omero_server.server import Server
    from omero_server.sessions import OpenSession

Answer = Callable[..., Any]


@cache
def _void() -> frozenset[tuple[str, str]]:
    """Return the operations that answer nothing, as the generated modules say it."""
    pattern = re.compile(r"(\w+)\._op_(\w+) = IcePy\.Operation\(.*, None, \([^()]*\)\)\n")
    found = set()
    for module in Path(generated.__file__).parent.glob("*_ice.py"):
        if module.name.startswith(("omero_", "Glacier2_")) and not module.name.startswith("omero_model_"):
            found.update(pattern.findall(module.read_text()))
    return frozenset(found)


def _operations(interface: Any) -> Iterator[tuple[str, bool]]:
    """Yield the operations of an interface, and whether each answers nothing."""
    for cls in interface.__mro__:
        for name in vars(cls):
            if name.startswith("_op_") and not name.startswith("_op_ice_"):
                yield name[4:], (cls.__name__, name[4:]) in _void()


class Service:
    """A service of a session: what its methods of the interface's names answer.

    `locks` says whether calls of all such services wait for each other, as those that change objects must;
    `checks_group` whether calls are refused that are made in a group of others.
    """

    locks = True
    checks_group = True

    def __init__(self, server: Server, session: OpenSession) -> None:
        self.server = server
        self.session = session
        self.records = server.records

    def close(self, call: Any) -> None:
        """End a stateful service."""
        self.server.forget(call.current.id)

    def activate(self, _: Any) -> None:
        """Nothing is to be done."""

    def passivate(self, _: Any) -> None:
        """Nothing is to be done."""

    def getCurrentEventContext(self, call: Any) -> Any:
        return call.context()


def servant(interface: Any, service: Service) -> Any:
    """Return a servant of an interface for a service of a session."""

    def prepare(name: str, method: Answer) -> Answer:
        operation = f"{interface.__name__}.{name}"

        def answer(*arguments: Any) -> Any:
            faults, current = service.server.faults, arguments[-1]
            faults.before(operation, current)
            found = _done(service, method, arguments)
            faults.after(operation, current)
            return found

        return answer

    return _assemble(interface, service, prepare)


def _done(service: Service, method: Answer, arguments: tuple[Any, ...]) -> Any:
    """Call a service's method; what it changed is kept if it answers, and undone if it raises."""
    server = service.server
    make_call = server.call if service.checks_group else server.sessions.call
    if not service.locks:
        return method(*arguments[:-1], make_call(service.session, arguments[-1]))
    with server.lock:
        try:
            found = method(*arguments[:-1], make_call(service.session, arguments[-1]))
            service.records.commit()
        except Exception:
            service.records.roll_back()
            raise
        return found


def bare_servant(interface: Any, answers: object) -> Any:
    """Return a servant for what has no session: its methods get Ice's ``current`` last."""
    return _assemble(interface, answers, lambda _, method: method)


def _assemble(interface: Any, answers: object, prepare: Callable[[str, Answer], Answer]) -> Any:
    body: dict[str, Any] = {}
    for name, is_void in _operations(interface):
        method = getattr(answers, name, None)
        known = _missing(interface, name) if method is None else prepare(name, method)
        body[name] = _at_once(known)
        body[f"{name}_async"] = _later(known, is_void=is_void)
    made = type(interface.__name__, (interface,), body)()
    made.service = answers
    return made


def _missing(interface: Any, name: str) -> Answer:
    def answer(*_: Any) -> Any:
        message = f"the test server has no {interface.__name__}.{name}"
        raise omero.InternalException(None, "NotImplemented", message)

    return answer


def _guarded(method: Answer, arguments: tuple[Any, ...]) -> Any:
    try:
        return method(*arguments)
    except Ice.Exception:
        raise
    except Exception as exc:
        traceback.print_exc()
        raise omero.InternalException(traceback.format_exc(), type(exc).__name__, str(exc)) from exc


def _at_once(method: Answer) -> Answer:
    return lambda _, *arguments: _guarded(method, arguments)


def _later(method: Answer, *, is_void: bool) -> Answer:
    """Answer through a callback; a void answer must have no value, or Ice 3.6 for Python crashes."""

    def answer(_: object, callback: Any, *arguments: Any) -> None:
        try:
            value = _guarded(method, arguments)
        except Exception as exc:  # noqa: BLE001 - the caller gets it, whatever it is
            callback.ice_exception(exc)
            return
        if is_void:
            callback.ice_response()
        else:
            callback.ice_response(value)

    return answer
