"""Programs on a login node's ``PATH`` that stand before Slurm's own and misbehave when told to.

As long as nothing is told, the real program runs in its place.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.slurm_lab import SlurmLab

_NAMES = ("sbatch", "squeue", "sacct", "scancel", "tar", "cat")
# A misfortune is taken from its folder by renaming it, which one process only can.
_PROGRAM = """#!/bin/sh
real=/usr/bin/${{0##*/}}
for told in {folder}/${{0##*/}}.*; do
  mine={folder}/taken.$$
  if mv "$told" "$mine" 2>/dev/null; then
    . "$mine"
    break
  fi
done
exec "$real" "$@"
"""
DIES_AFTER = '"$real" "$@" >/dev/null 2>&1; kill -9 $$'
"""It did its work, and nobody hears of it."""
DIES_BEFORE = "kill -9 $$"
"""It is killed before it does anything."""
LATE = '"$real" "$@"; code=$?; sleep 90; exit $code'
"""It did its work, and keeps its answer for itself."""
CANNOT_CONNECT = (
    'echo "${0##*/}: error: Batch job submission failed: Unable to contact slurm controller" >&2; exit 1'
)
_NOT_MINE = 'mv "$mine" "$told"; exec "$real" "$@"'
DAMAGES_UPLOAD = f"""
case "$PWD $*" in */runs/*--extract*) ;; *) {_NOT_MINE} ;; esac
"$real" "$@" || exit
for word; do case $word in --directory=*) into=${{word#*=}} ;; esac; done
file=$(find "$into" -type f -printf '%s %p\\n' | sort -n | tail -n 1)
printf damaged | dd of="${{file#* }}" bs=1 seek=100 conv=notrunc status=none
exit 0
"""
"""What it takes in for a run is there, but the largest file has other bytes."""
DAMAGES_DOWNLOAD = f"""
case "$PWD $*" in */runs/*/out\\ *--create*) ;; *) {_NOT_MINE} ;; esac
copy=$(mktemp)
"$real" "$@" >"$copy" || exit
printf damaged | dd of="$copy" bs=1 seek=700 conv=notrunc status=none
"$real" --list --file="$copy" >/dev/null || exit
/usr/bin/cat "$copy"
rm "$copy"
exit 0
"""
"""What it sends of a run's results is whole, but the first file has other bytes."""
OVER_QUOTA = f"""
case "${{0##*/}} $#" in cat\\ 0 | tar*) ;; *) {_NOT_MINE} ;; esac
/usr/bin/cat >/dev/null
echo "${{0##*/}}: cell: Cannot write: Disk quota exceeded" >&2
exit 2
"""
"""What it takes in it cannot write, as the account has all that it may have."""
ACCEPTED_AND_FAILED = (
    '"$real" "$@" >/dev/null 2>&1; '
    'echo "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation" >&2; exit 1'
)
"""The controller took the job, and its answer did not come in time."""


class LabPrograms:
    """The programs of one login node."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._told = folder / "told"
        self._count = 0

    def prepare(self) -> None:
        """Write the programs."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._told.mkdir(parents=True)
        for path in (self._folder, self._told):
            path.chmod(0o777)  # the cluster's user takes misfortunes away
        for name in _NAMES:
            program = self._folder / name
            program.write_text(_PROGRAM.format(folder=self._told))
            program.chmod(0o755)

    def tell(self, program: str, misfortune: str, *, times: int = 1) -> None:
        """Let the next calls of a program go wrong."""
        for _ in range(times):
            self._count += 1
            text = self._told / f".{program}.{self._count:04}"
            text.write_text(misfortune + "\n")
            text.chmod(0o644)
            text.rename(self._told / f"{program}.{self._count:04}")

    def pending(self, program: str) -> int:
        """Return how many misfortunes have not happened yet."""
        return len(list(self._told.glob(f"{program}.*")))

    def forget(self) -> None:
        """Let nothing go wrong any more."""
        for path in self._told.iterdir():
            path.unlink(missing_ok=True)


@contextmanager
def lab_programs(lab: SlurmLab) -> Iterator[LabPrograms]:
    """Put such programs before Slurm's own on the login node; its sshd starts again for that."""
    folder = lab.folder / "programs"
    programs = LabPrograms(folder)
    programs.prepare()
    environment = f"SLURM_CONF={lab.env['SLURM_CONF']} PATH={folder}:{lab.env['PATH']}"
    with lab.login_node.with_settings(SetEnv=environment):
        yield programs
