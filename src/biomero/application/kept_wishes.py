"""Wishes from while the database was away: kept on this machine, and recorded when it is back."""

from __future__ import annotations

import json
import logging
import os
import re
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from biomero.application.request_cancel import request_cancel
from biomero.application.services import Services
from biomero.errors import BiomeroError, DatabaseUnavailableError, UsageError

_LOG = logging.getLogger(__name__)
_RUN = re.compile(r"[0-9a-f]{8}[0-9a-f-]{0,28}")
_FOLDER = "wishes"
_REST_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptWish:
    """Somebody wants a run to end.

    Parameters
    ----------
    run
        The run's id, or how it begins; nobody could look whether there is one.
    """

    run: str
    requested_by: str


def keep_cancel(state: Path, wish: KeptWish) -> Path:
    """Keep a wish until `deliver_kept`, and return its file.

    Parameters
    ----------
    state
        The folder of this account's state, which no other account can enter.

    Raises
    ------
    UsageError
        If the run is not named by at least eight characters of its id: who is ``last`` may change.
    """
    run = wish.run.lower()
    if not _RUN.fullmatch(run):
        raise UsageError(
            f"the database is away, and a wish can be kept for a run's id only, not for '{wish.run}'"
        )
    folder = state / _FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / f"{uuid.uuid4()}.json"
    draft = file.with_suffix(".part")
    with draft.open("x") as text:
        json.dump({"run": run, "requested_by": wish.requested_by}, text)
        text.flush()
        os.fsync(text.fileno())
    draft.rename(file)
    return file


def deliver_kept(services: Services) -> None:
    """Record the wishes that were kept; doing it again, or twice at once, changes nothing.

    A wish that nobody can fulfil is dropped, and the log says why. No wish keeps the others from being
    recorded, or the caller from going on: one that cannot be recorded for now is tried again in a minute.

    Raises
    ------
    DatabaseUnavailableError
        If it is still away; the wishes stay.
    """
    for file in sorted((services.settings.state_folder / _FOLDER).glob("*.json")):
        try:
            if not _rests(file):
                _deliver(file, services)
        except DatabaseUnavailableError:
            raise
        except Exception as exc:  # noqa: BLE001 - whatever it is, the worker and other wishes go on
            is_bug = not isinstance(exc, BiomeroError | OSError)
            _LOG.warning("the wish to cancel in %s is tried again later: %s", file, exc, exc_info=is_bug)
            with suppress(OSError):
                os.utime(file, (time.time(), time.time() + _REST_S))


def _deliver(file: Path, services: Services) -> None:
    wish = _read(file)
    if wish is None:
        return
    try:
        run_id = services.record.find(wish.run)
        request_cancel(run_id, services, requested_by=wish.requested_by)
    except UsageError as exc:
        _LOG.warning("the wish to cancel run %s, which was kept, is dropped: %s", wish.run, exc)
    else:
        _LOG.info("run %s: the wish to cancel it was kept, and is recorded now", run_id)
    file.unlink(missing_ok=True)


def _read(file: Path) -> KeptWish | None:
    """Return a wish; ``None`` where another process has delivered it, or it is none and was put aside."""
    try:
        stored = json.loads(file.read_text())
        return KeptWish(run=str(stored["run"]), requested_by=str(stored["requested_by"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as exc:
        _LOG.warning("%s is no wish, and is put aside: %r", file, exc)
        file.replace(file.with_suffix(".odd"))
        return None


def _rests(file: Path) -> bool:
    """Say whether it was tried in vain a moment ago; its time of change says until when it is left alone."""
    try:
        return 0 < file.stat().st_mtime - time.time() <= _REST_S
    except FileNotFoundError:
        return True
