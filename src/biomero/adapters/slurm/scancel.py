"""``scancel``: ending jobs by their names, which are ours alone; ids are given out again.

That we asked is noted in the job's folder: what had not begun may be in no account afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence

from biomero.adapters.slurm.command import Command
from biomero.domain.job import JobRef

# Those that wait first: in an array with a limit, a task that ends lets the next one begin, which scancel
# then no longer finds where it saw it.
_SCRIPT = r"""
user=$(id -un) || exit
status=0
while read -r key folder; do
  scancel --user="$user" --name="$key" --state=PENDING </dev/null &&
    scancel --user="$user" --name="$key" </dev/null || { status=$?; continue; }
  (: >"$folder/cancelled.$key") 2>/dev/null || :
done
exit $status
"""


def scancel(jobs: Sequence[JobRef]) -> Command:
    """Return the command that asks for the jobs' end.

    It ends with 0 also where no job of such a name is left; else Slurm could not be asked.
    """
    lines = "".join(f"{job.key} {job.folder}\n" for job in jobs)
    return Command(argv=("sh", "-c", _SCRIPT), stdin=lines.encode(errors="surrogateescape"))
