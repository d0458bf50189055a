"""``scancel``: ending jobs by their names, which are ours alone; ids are given out again.

That we want the end is noted in the job's folder first: who is about to submit the job leaves it then, and a
job that comes to Slurm nevertheless ends itself. What had not begun may be in no account afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence

from biomero.adapters.slurm.command import Command
from biomero.adapters.slurm.job_lock import LOCK
from biomero.domain.job import JobRef

# A job of which nobody heard may be on its way at this moment: whoever submits it has its lock.
# Those that wait first: in an array with a limit, a task that ends lets the next one begin, which scancel
# then no longer finds where it saw it.
_SCRIPT = (
    LOCK
    + r"""
user=$(id -un) || exit
status=0
while read -r key heard folder; do
  (
    if cd -- "$folder" 2>/dev/null; then
      (umask 077; : >"cancelled.$key") 2>/dev/null
      if [ "$heard" = unheard ]; then
        lock "$key" 2>/dev/null
        [ $? != 75 ] || { echo "$key is being submitted" >&2; exit 75; }
      fi
    fi
    scancel --user="$user" --name="$key" --state=PENDING </dev/null 9>&- &&
      scancel --user="$user" --name="$key" </dev/null 9>&-
  ) || status=$?
done
exit $status
"""
)


def scancel(jobs: Sequence[JobRef]) -> Command:
    """Return the command that asks for the jobs' end.

    It ends with 0 also where no job of such a name is left; else Slurm could not be asked, or a job whose
    id nobody knows, 0 in its reference, is being submitted.
    """
    lines = "".join(f"{job.key} {'heard' if job.job_id else 'unheard'} {job.folder}\n" for job in jobs)
    return Command(argv=("sh", "-c", _SCRIPT), stdin=lines.encode(errors="surrogateescape"))
