"""A user of OMERO, with unmodified omero-py: answers each request on standard input with a line."""

from __future__ import annotations

import json
import sys
from typing import Any

import omero
import omero.clients
import omero.grid
from omero.rtypes import rint, rlist, rlong, unwrap, wrap


class User:
    """Somebody who is logged in through the router."""

    def __init__(self, router: str, password: str) -> None:
        arguments = [f"--Ice.Default.Router={router}", "--Ice.MessageSizeMax=250000"]
        self._client: Any = omero.client(arguments)
        self._session: Any = self._client.createSession("alice", password)
        self._scripts: Any = self._session.getScriptService()
        self._running: list[Any] = []

    def upload(self, path: str, text: str) -> int:
        return int(self._scripts.uploadOfficialScript(path, text))

    def parameters(self, script: int) -> dict[str, str]:
        found = self._scripts.getParams(script)
        return {name: type(p.prototype).__name__ for name, p in found.inputs.items()}

    def start(self, script: int, inputs: dict[str, Any], wait_s: int) -> dict[str, int]:
        values = {name: _foreign(value) for name, value in inputs.items()}
        process = self._scripts.runScript(script, values, rint(wait_s))
        self._running.append(process)
        return {"number": len(self._running) - 1, "job": process.getJob().id.val}

    def poll(self, number: int) -> int | None:
        code: int | None = unwrap(self._running[number].poll())
        return code

    def cancel(self, number: int) -> bool:
        return bool(self._running[number].cancel())

    def kill(self, number: int) -> bool:
        return bool(self._running[number].kill())

    def results(self, number: int) -> dict[str, Any]:
        found = self._running[number].getResults(0)
        return {name: self._value(value) for name, value in found.items()}

    def status(self, job: int) -> str:
        handle = self._session.createJobHandle()
        status: str = handle.attach(job).value.val
        handle.close()
        return status

    def close(self) -> None:
        self._client.closeSession()

    def _value(self, value: Any) -> Any:
        held = getattr(value, "val", None)
        if not isinstance(held, omero.model.IObject):
            return unwrap(value)
        if not isinstance(held, omero.model.OriginalFile):
            return f"{type(held).__name__.removesuffix('I')}:{held.id.val}"
        store = self._session.createRawFileStore()
        store.setFileId(value.val.id.val)
        text = store.read(0, store.size()).decode()
        store.close()
        return text


def _foreign(value: Any) -> Any:
    """Return a value in OMERO's types; whole numbers are of the longer kind, as ids are."""
    if isinstance(value, list):
        return rlist([_foreign(one) for one in value])
    return rlong(value) if isinstance(value, int) and not isinstance(value, bool) else wrap(value)


def main() -> None:
    """Answer until there are no more requests."""
    user: User | None = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if user is None:
                user = User(*request["login"])
                answer: Any = "welcome"
            else:
                answer = getattr(user, request["do"])(*request["with"])
            said = {"answer": answer}
        except Exception as exc:  # noqa: BLE001 - the test sees what it was
            said = {"error": f"{type(exc).__name__}: {getattr(exc, 'message', None) or exc}"}
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()
    if user is not None:
        user.close()


if __name__ == "__main__":
    main()
