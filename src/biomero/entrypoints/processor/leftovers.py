"""What a processor that was killed left behind: processes, files, and jobs that OMERO believes to run."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from biomero.application.script_settings import ScriptSettings
from biomero.entrypoints.processor import tree
from biomero.entrypoints.processor.kept_script import OWNER, keep_output

_LOG = logging.getLogger(__name__)


def end_orphans(settings: ScriptSettings) -> int:
    """End processes of this worker's scripts, before the first of ours starts; return how many there were."""
    found: set[int] = set()
    for _ in range(100):
        orphans = tree.marked(f"{OWNER}={settings.name}")
        if not orphans:
            break
        found.update(orphans)
        tree.send(orphans, signal.SIGKILL)
        time.sleep(0.05)
    return len(found)


def clear_folders(own: Path, settings: ScriptSettings, end_job: Callable[[Path], None]) -> int:
    """Keep the output in folders of processors that have ended, then remove the folders.

    Parameters
    ----------
    own
        The folder of this process, which has started no script yet; those of others are beside it, by process
        id. Ids come again, in containers above all: what is there may be of a process of the same id.
    end_job
        Tells OMERO that the job of a configuration file has ended.

    Returns
    -------
    count
        How many scripts were found.
    """
    count = 0
    for folder, job in _scripts(own):
        _LOG.warning("job %s was running when its processor was killed", job)
        keep_output(folder, settings, job=job)
        end_job(folder / "config")
        shutil.rmtree(folder, ignore_errors=True)
        count += 1
    return count


def _scripts(own: Path) -> Iterator[tuple[Path, str]]:
    """Yield folders of scripts, with the id of the job, whose processor has ended."""
    for config in sorted(own.parent.glob("*/process*.dir/config")):
        if config.parents[1] != own and _is_held(config.parents[1]):
            continue
        with contextlib.suppress(OSError):
            lines = config.read_text().splitlines()
            job = next((line.partition("=")[2] for line in lines if line.startswith("omero.job=")), "")
            yield config.parent, job or "unknown"


def _is_held(folder: Path) -> bool:
    """Say whether the process of a folder lives: omero-py holds a lock in it."""
    try:
        with (folder / ".lock").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False
