"""Ice servants from plain objects: each method answers the operation of its name."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable
from typing import Any

import Ice
import omero

Answer = Callable[..., Any]


def servant(interface: Any, answers: object) -> Any:
    """Return a servant of an interface that asks `answers`, an object whose methods have annotations.

    An operation may be asynchronous on the server's side (most of OMERO's are); then ``NAME_async`` is
    called, and a void one must be answered without a value, or Ice 3.6 for Python crashes.
    """
    body: dict[str, Any] = {}
    for name in (name for name in dir(type(answers)) if not name.startswith("_")):
        method = getattr(answers, name)
        body[name] = _at_once(method)
        body[f"{name}_async"] = _later(method)
    return type(interface.__name__, (interface,), body)()


def _at_once(method: Answer) -> Answer:
    wants_current = "current" in inspect.signature(method).parameters

    def answer(_: object, *arguments: Any) -> Any:
        try:
            return method(*arguments) if wants_current else method(*arguments[:-1])
        except Ice.Exception:
            raise
        except Exception as exc:
            raise omero.InternalException(traceback.format_exc(), type(exc).__name__, str(exc)) from exc

    return answer


def _later(method: Answer) -> Answer:
    at_once = _at_once(method)
    is_void = inspect.signature(method).return_annotation in {None, "None"}

    def answer(self: object, callback: Any, *arguments: Any) -> None:
        try:
            value = at_once(self, *arguments)
        except Exception as exc:  # noqa: BLE001 - the caller gets it, whatever it is
            callback.ice_exception(exc)
            return
        if is_void:
            callback.ice_response()
        else:
            callback.ice_response(value)

    return answer
