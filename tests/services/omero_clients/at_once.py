"""Several gateways in one process, each with its session, at work at the same time; prints what failed."""

from __future__ import annotations

import json
import sys
import threading
from typing import Any

import omero
import omero.gateway
import omero.model
from omero.rtypes import rstring

HOST, PORT, PASSWORD = sys.argv[1], int(sys.argv[2]), sys.argv[3]
IMAGE = int(sys.argv[4])
USERS, ROUNDS = 4, 15


def work(number: int, failed: list[str]) -> None:
    """Log in, and make, find and read."""
    try:
        connection = omero.gateway.BlitzGateway("alice", PASSWORD, host=HOST, port=PORT)
        assert connection.connect(), repr(connection.getLastError())
        for turn in range(ROUNDS):
            _take_turn(connection, f"{number} {turn}")
        connection.close()
    except Exception as exc:  # noqa: BLE001 - the test sees what it was
        failed.append(repr(exc))


def _take_turn(connection: Any, name: str) -> None:
    dataset = omero.model.DatasetI()
    dataset.name = rstring(name)
    made = connection.getUpdateService().saveAndReturnObject(dataset)
    assert connection.getObject("Dataset", made.id.val).getName() == name
    assert connection.getObject("Image", IMAGE).getPrimaryPixels().getPlane(0, 0, 0).size


def main() -> None:
    """Let them work."""
    failed: list[str] = []
    workers = [threading.Thread(target=work, args=(number, failed)) for number in range(USERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    sys.stdout.write(f"{json.dumps(failed)}\n")


if __name__ == "__main__":
    main()
