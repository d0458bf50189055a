"""``sbatch``: its options for a job, its answer, and what its refusals mean."""

from __future__ import annotations

import posixpath
import re

from biomero.domain.ids import SlurmJobId
from biomero.domain.job import JobSpec
from biomero.errors import UnparsableOutputError

# What Slurm says of a job that it would refuse again (slurm_errno.c, sbatch's own checks; 21.08 to 25.05).
_REFUSALS = re.compile(
    r"""invalid\ (partition|qos|account|job\ array|feature|generic\ resource|constraint|reservation|license
            |wckey|user\ id|node\ name|cluster|argument|gres|trackable|numeric|directive
            |.*\ specification|--|mail|time|memory|dependency)
      | partition\ (name\ )?specified
      | (is|are)\ invalid
      | node\ count\ specification
      | time\ limit
      | memory\ specification
      | node\ configuration\ is\ not\ available
      | partition\ configuration\ not\ available
      | cpu\ count | cpus?\ per
      | more\ processors\ requested | more\ nodes | too\ many
      | violates\ accounting/qos\ policy
      | not\ permitted | permission\ denied
      | unable\ to\ open\ file | not\ look\ like\ a\ batch\ script | dos\ line\ breaks | empty\ script
      | mutually\ exclusive
      | unrecognized\ option | requires\ an\ argument | unexpected\ argument | ambiguous
      | pathname.*too\ long
      | unable\ to\ resolve | unknown\ option
    """,
    re.IGNORECASE | re.VERBOSE,
)
# Limits on how many jobs there may be, which fall as others end: of an association, of a QOS (for an account,
# for a user, for the group), and the controller's MaxJobCount, for which sbatch waits and tries again.
_FULL = re.compile(
    r"(Max|Grp)SubmitJobs?|MaxSubmitPA|MaxJobsPerUser|temporarily unable to accept job", re.IGNORECASE
)
# The same policy message also stands for those.
_PASSING = re.compile(rf"{_FULL.pattern}|temporarily|try again", re.IGNORECASE)


def sbatch(spec: JobSpec) -> tuple[str, ...]:
    """Return the command that submits a job under its key as its name."""
    asked = spec.resources
    array = None
    if spec.array_size is not None:
        limit = f"%{spec.array_limit}" if spec.array_limit else ""
        array = f"0-{spec.array_size - 1}{limit}"
    options: dict[str, str | None] = {
        "job-name": spec.key,
        "chdir": posixpath.dirname(spec.script),
        "output": spec.log,
        # A job that Slurm starts again must not wipe what it said before.
        "open-mode": "append",
        "export": "ALL",
        "array": array,
        "cpus-per-task": _text(asked.cpus),
        "mem": None if asked.memory_mb is None else f"{asked.memory_mb}M",
        "time": _text(asked.time_limit_min),
        "partition": asked.partition,
        "account": asked.account,
        "qos": asked.qos,
        "gres": asked.gres,
        "gpus": asked.gpus,
        "constraint": asked.constraint,
        "exclude": asked.exclude,
        "mail-user": asked.mail_user,
        "mail-type": asked.mail_type,
        "comment": spec.comment or None,
        **{name.lstrip("-").replace("_", "-"): value for name, value in asked.extra.items()},
    }
    words = [
        f"--{name}={value}" if value else f"--{name}" for name, value in options.items() if value is not None
    ]
    return ("sbatch", "--parsable", *words, "--", spec.script)


def parse_sbatch(stdout: str) -> SlurmJobId:
    """Read ``sbatch --parsable``'s answer, ``12`` or, where there are several clusters, ``12;name``.

    Raises
    ------
    UnparsableOutputError
        If the last line is not of that form.
    """
    found = re.fullmatch(r"(\d+)(;.*)?", stdout.strip().rpartition("\n")[2])
    if found is None:
        raise UnparsableOutputError(f"sbatch answered something that is no job id: {stdout!r}")
    return SlurmJobId(int(found[1]))


def is_refusal(words: str) -> bool:
    """Say whether the same job would be refused again; if not, nothing is known."""
    return bool(_REFUSALS.search(words)) and not _PASSING.search(words)


def is_full(words: str) -> bool:
    """Say whether a limit on jobs is reached, so that the same job may be taken when others have ended."""
    return bool(_FULL.search(words))


def is_about_partition(words: str) -> bool:
    """Say whether the partition that was asked for does not exist."""
    return bool(re.search(r"invalid partition|partition (name )?specified", words, re.IGNORECASE))


def essence(words: str) -> str:
    """Return what Slurm said, without the name of the program and on one line."""
    lines = (re.sub(r"^s\w+: (error: |fatal: )?", "", line.strip()) for line in words.splitlines())
    return "; ".join(line for line in lines if line)


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)
