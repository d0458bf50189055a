"""Wishes from while the database was away: kept on this machine, and recorded when it is back."""

from __future__ import annotations

import json
import logging
import os
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from biomero.application.request_cancel import request_cancel
from biomero.application.services import Services
from biomero.errors import UnknownRunError, UsageError

_LOG = logging.getLogger(__name__)
_RUN = re.compile(r"[0-9a-f]{8}[0-9a-f-]{0,28}")
_FOLDER = "wishes"


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

    Raises
    ------
    DatabaseUnavailableError
        If it is still away; the wishes stay.
    """
    for file, wish in _kept(services.settings.state_folder / _FOLDER):
        try:
            run_id = services.record.find(wish.run)
        except UnknownRunError as exc:
            _LOG.error("a wish to cancel that was kept is dropped: %s", exc)
        else:
            request_cancel(run_id, services, requested_by=wish.requested_by)
            _LOG.info("run %s: the wish to cancel it was kept, and is recorded now", run_id)
        file.unlink(missing_ok=True)


def _kept(folder: Path) -> Iterator[tuple[Path, KeptWish]]:
    for file in sorted(folder.glob("*.json")):
        try:
            stored = json.loads(file.read_text())
            yield file, KeptWish(run=str(stored["run"]), requested_by=str(stored["requested_by"]))
        except FileNotFoundError:  # another process has delivered it
            continue
        except (ValueError, KeyError, TypeError):
            _LOG.error("%s is no wish; it is left where it is", file)
