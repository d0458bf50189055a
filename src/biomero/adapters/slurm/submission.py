"""Handing over a job in one remote command: lock, look, and only then ``sbatch``."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from biomero.adapters.slurm.command import Command
from biomero.adapters.slurm.job_lock import LOCK
from biomero.adapters.slurm.sbatch import parse_sbatch, sbatch
from biomero.domain.ids import SlurmJobId
from biomero.domain.job import JobSpec
from biomero.errors import UnparsableOutputError

# The look: our own note; the claim of a job that has begun; jobs that wait or run; jobs that have ended; and
# at last whether somebody has asked for its end already.
# A job that sbatch refused may still have a row in accounting: FAILED, and never on a node.
# Whatever login scripts print comes before our lines, which therefore begin with a word of their own.
_SCRIPT = (
    LOCK
    + r"""
folder=$1 key=$2
shift 2
say() { printf 'biomero:%s %s\n' "$1" "$2"; }
keep() {
  (umask 077 && printf '%s\n' "$1" >".job.$key.$$" && mv -f ".job.$key.$$" "job.$key") 2>/dev/null || :
  say job "$1"
  exit 0
}
command -v sbatch >/dev/null || { say absent sbatch; exit 0; }
cd -- "$folder" 2>/dev/null || { say nowhere "$folder"; exit 0; }
lock "$key"
case $? in
0) ;;
75) say busy lock; exit 0 ;;
*) say closed "$folder"; exit 0 ;;
esac
for note in "job.$key" "claim.$key/job"; do
  [ ! -s "$note" ] || keep "$(cat "$note")"
done
unset SQUEUE_ACCOUNT SQUEUE_NAMES SQUEUE_PARTITION SQUEUE_QOS SQUEUE_STATES SQUEUE_USERS SQUEUE_FORMAT
id=$(squeue --noheader --me --name="$key" --format=%F 9>&-) || { say busy squeue; exit 0; }
id=$(printf '%s\n' "$id" | sort -n | head -n 1)
[ -z "$id" ] || keep "$id"
id=$(sacct --noheader --parsable2 --allocations --name="$key" --starttime=now-30days \
  --format=JobID,State,NodeList 2>/dev/null 9>&- |
  awk -F'|' '!($2 == "FAILED" && $3 == "None assigned") { sub(/_.*/, "", $1); print $1 }' |
  sort -n | head -n 1)
[ -z "$id" ] || keep "$id"
[ ! -e "cancelled.$key" ] || { say cancelled "$key"; exit 0; }
answer=$(timeout 60 "$@" </dev/null 9>&- 2>".said.$key.$$")
status=$?
said=$(cat ".said.$key.$$")
rm -f ".said.$key.$$"
if [ $status = 0 ]; then
  printf '%s\n' "$said" >&2
  id=$(printf '%s\n' "$answer" | tail -n 1)
  keep "${id%%;*}"
fi
say refused "$status"
printf '%s\n' "$said" >&2
case $said in
*[Pp]artition*) sinfo --noheader --format=%R 9>&- 2>/dev/null | sort -u | while read -r name; do
  say partition "$name"
done ;;
*Submit* | *temporarily*) say others "$(squeue --noheader --me --array 9>&- 2>/dev/null | wc -l)" ;;
esac
"""
)
_OBSTACLES = {"refused", "busy", "absent", "nowhere", "closed", "cancelled"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What became of it: either there is a job, or `obstacle` says why not.

    Parameters
    ----------
    obstacle
        ``refused`` (by sbatch, with its exit status in `detail`), ``busy`` (`detail` could not be asked),
        ``absent`` (no such program), ``nowhere`` (no such folder), ``closed`` (a folder that cannot be
        written to) or ``cancelled`` (somebody asked for the job's end before).
    partitions
        Those that there are, where the refusal was about the partition.
    others
        How many jobs of the account there are, array tasks counted one by one, where a limit on jobs is
        reached.
    """

    job_id: SlurmJobId | None = None
    obstacle: str = ""
    detail: str = ""
    partitions: tuple[str, ...] = ()
    others: int | None = None


def submit(spec: JobSpec) -> Command:
    """Return the one command that finds the job of that key, or else submits it."""
    folder = posixpath.dirname(spec.script)
    return Command(argv=("sh", "-c", _SCRIPT, "sh", folder, spec.key, *sbatch(spec)))


def parse_submit(stdout: str) -> Submission:
    """Read what the command said.

    Raises
    ------
    UnparsableOutputError
        If it did not come to an end.
    """
    said = [
        line.removeprefix("biomero:").split(" ", 1)
        for line in stdout.splitlines()
        if line.startswith("biomero:") and " " in line
    ]
    partitions = tuple(value for word, value in said if word == "partition")
    others = next((int(value) for word, value in said if word == "others"), None)
    for word, value in said:
        if word == "job":
            return Submission(job_id=parse_sbatch(value))
        if word in _OBSTACLES:
            return Submission(obstacle=word, detail=value, partitions=partitions, others=others)
    raise UnparsableOutputError(f"submitting a job gave no answer, only this: {stdout!r}")
