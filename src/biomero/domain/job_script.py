"""The script of one job: claims its work, runs one command, leaves behind how that ended."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from biomero.domain.ids import JobKey
from biomero.domain.retry import PREFLIGHT_EXIT_CODE

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BEAT_S = 30
_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"}

_BEGIN = """\
#!/bin/bash
set -euo pipefail
umask 077
"""

# Written with `set -C`, the file of the claim is made by exactly one job; tasks of one array, and a job that
# Slurm starts again, find their own id in it.
_CLAIM = """\
# A node that cannot be used ends the job before it begins, with a code of its own: another node may do.
unfit() { echo "this node ($(uname -n)) $1" >&2; exit @UNFIT@; }
cd -- "$folder" || unfit "cannot enter $folder"
(: >".node.$key.$$" && rm -f -- ".node.$key.$$") || unfit "cannot write in $folder"

job_id=${SLURM_ARRAY_JOB_ID:-${SLURM_JOB_ID:?this script is for Slurm}}
task=${SLURM_ARRAY_TASK_ID-}
name=$key${task:+.$task}

# Somebody asked for its end while it was on its way to Slurm.
[ ! -e "cancelled.$key" ] || exit 143

# One job only works under this key; one that was submitted twice leaves everything as it is.
claim=claim.$key
mkdir -p -- "$claim"
(set -C && printf '%s\\n' "$job_id" >"$claim/job") 2>/dev/null || true
for _ in {1..100}; do
  [ -s "$claim/job" ] && break
  sleep 0.1
done
[ -s "$claim/job" ] || printf '%s\\n' "$job_id" >"$claim/job"
owner=$(cat -- "$claim/job")
if [ "$owner" != "$job_id" ]; then
  echo "job $owner does this work already; job $job_id ends" >&2
  exit 0
fi
""".replace("@UNFIT@", str(PREFLIGHT_EXIT_CODE))

_RECORD = """\
# How it ended is left in a file, for clusters that keep no account of jobs.
started=$(date +%s)
received=
child=
heart=
outputs=
rm -f -- "exit.$name" "listing.$name"
# What it wrote is listed on the node that wrote it: elsewhere a network file system may show it later.
list() {
  (cd -- "$outputs" && find . -type f -printf '%s %P\\0') >".listing.$name.$$" 2>/dev/null &&
    mv -f -- ".listing.$name.$$" "listing.$name"
}
record() {
  printf 'key=%s job_id=%s task=%s exit_code=%s signal=%s host=%s started=%s ended=%s\\n' \\
    "$key" "$job_id" "$task" "$1" "${received:-0}" "$(uname -n)" "$started" "$(date +%s)" >".exit.$name.$$"
  mv -f -- ".exit.$name.$$" "exit.$name"
}
finish() {
  code=$?
  trap '' TERM
  if [ -n "$received" ] && [ "$code" = 0 ]; then code=$((128 + received)); fi
  if [ -n "$outputs" ] && [ -z "$received" ]; then list || true; fi
  kill "$heart" 2>/dev/null || true
  record "$code"
  exit "$code"
}
stop() {
  received=15
  # at once: the time until KILL may be too short for the program to end
  record 143
  if [ -z "$child" ]; then exit 143; fi
  kill -TERM "$child" 2>/dev/null || true
}
trap finish EXIT
trap stop TERM
"""

# The sleep is in the background, as bash hears TERM only then, and ends with the loop. Started by a shell
# that ends at once, the loop is no child of the script: a `wait` in the cluster's prologue does not wait for
# it. TERM ends it also when that comes to every process of the job: then the script leaves its exit file at
# once, and nobody looks for signs of life.
_BEAT = """\
# As long as this shell lives, a file is touched: a controller that lost its memory forgets jobs that go on.
# Slurm cannot end such a job either: it ends itself when somebody has asked for its end.
beat() {
  trap 'kill "$!"; exit 0' TERM
  while kill -0 "$$"; do
    touch -- "$claim/alive${task:+.$task}" || true
    if [ -e "cancelled.$key" ] && [ ! -e "exit.$name" ]; then kill -TERM "$$"; fi
    sleep @BEAT@ &
    wait "$!" || true
  done
}
heart=$(beat </dev/null >/dev/null 2>&1 & echo "$!")
""".replace("@BEAT@", str(_BEAT_S))

_RUN = """\
# In the background, as bash hears TERM only when it does not wait for a program in the foreground.
"${command[@]}" </dev/null &
child=$!
code=0
wait "$child" || code=$?
while [ -n "$received" ] && kill -0 "$child" 2>/dev/null; do
  code=0
  wait "$child" || code=$?
done
[ "$code" = 0 ] || exit "$code"
"""

_CHECK = """\
# The program says that it ended well; this says whether what was wanted is there.
"${check[@]}" </dev/null
"""

_MODULES = """\
set +eu
# shellcheck source=/dev/null
type module >/dev/null 2>&1 || . /etc/profile
set -e
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobScript:
    """What a job does.

    Every value reaches the program as it is; none is ever read by the shell. What the program's end was is
    the job's end, and stands in the folder's file ``exit.<key>`` (``exit.<key>.<task>`` in an array). While
    it works, it touches ``claim.<key>/alive`` (``claim.<key>/alive.<task>``) twice a minute.

    Parameters
    ----------
    folder
        The run's folder on the machine that runs the job, absolute; the job works in it.
    command
        The program and its arguments, for a single job.
    array_commands
        Likewise, one for each array task.
    check
        Run when the program has ended well; if it ends badly, so does the job. For a single job.
    array_checks
        Likewise, one for each array task.
    outputs
        The folder that the program writes to: what is in it at the end is listed in the file
        ``listing.<key>``, ``listing.<key>.<task>`` in an array. For a single job.
    array_outputs
        Likewise, one for each array task.
    directives
        Lines that begin with ``#SBATCH``, which count where the submission says nothing.
    environment
        Variables for the program.
    modules
        What the cluster's ``module load`` is given.
    prologue
        Lines of bash from the cluster's configuration, which run first; one that fails ends the job.
    """

    key: JobKey
    folder: str
    command: tuple[str, ...] = ()
    array_commands: tuple[tuple[str, ...], ...] = ()
    check: tuple[str, ...] = ()
    array_checks: tuple[tuple[str, ...], ...] = ()
    outputs: str = ""
    array_outputs: tuple[str, ...] = ()
    directives: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    modules: tuple[str, ...] = ()
    prologue: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if bool(self.command) == bool(self.array_commands) or not all(self.array_commands):
            raise ValueError("a job script needs either one command, or one for each array task")
        if self.array_checks and len(self.array_checks) != len(self.array_commands):
            raise ValueError("a job script needs a check for each array task, or none")
        if self.array_outputs and len(self.array_outputs) != len(self.array_commands):
            raise ValueError("a job script needs a folder of outputs for each array task, or none")
        for line in self.directives:
            if not line.startswith("#SBATCH ") or _CONTROL.search(line.replace("\t", " ")):
                raise ValueError(f"not a line for sbatch: {line!r}")
        if not self.folder.startswith("/"):
            raise ValueError(f"not an absolute folder: {self.folder!r}")
        for name in self.environment:
            if not _NAME.fullmatch(name):
                raise ValueError(f"not a name of an environment variable: {name!r}")
        lists = (self.command, self.check, *self.array_commands, *self.array_checks)
        words = (*(word for words in lists for word in words), *self.environment.values())
        if any("\0" in word for word in (self.folder, self.outputs, *self.array_outputs, *words)):
            raise ValueError("neither arguments nor variables can hold a zero byte")

    @property
    def array_size(self) -> int | None:
        """The number of array tasks; ``None`` for a single job."""
        return len(self.array_commands) or None

    @property
    def text(self) -> str:
        """The script; write it with ``surrogateescape``, as names that are not UTF-8 are surrogates in it."""
        begin = _BEGIN.replace("\n", "\n" + "".join(f"{line}\n" for line in self.directives), 1)
        parts = [begin, f"key={quote(self.key)}\nfolder={quote(self.folder)}\n", _CLAIM, _RECORD, _BEAT]
        if self.modules or self.prologue:
            parts.append(self._prologue())
        exports = "".join(f"export {name}={quote(value)}\n" for name, value in self.environment.items())
        parts += [*([exports] if exports else []), self._commands(), _RUN]
        return "\n".join([*parts, *([_CHECK] if self.check or self.array_checks else [])])

    def _prologue(self) -> str:
        loads = "".join(f"module load {quote(module)}\n" for module in self.modules)
        lines = "".join(f"{line}\n" for line in self.prologue)
        # Start-up files of clusters seldom bear `set -u`.
        return (_MODULES if loads else "set +u\n") + loads + lines + "set -eu\n"

    def _commands(self) -> str:
        if self.command:
            return f"{_assignments(self.command, self.check, self.outputs)}\n"
        checks = self.array_checks or ((),) * len(self.array_commands)
        outputs = self.array_outputs or ("",) * len(self.array_commands)
        tasks = enumerate(zip(self.array_commands, checks, outputs, strict=True))
        cases = "".join(f"{i}) {_assignments(*words)} ;;\n" for i, words in tasks)
        return f'case $task in\n{cases}*) echo "no array task $task" >&2; exit 64 ;;\nesac\n'


def quote(word: str) -> str:
    r"""Return `word` as bash reads it literally, on one line.

    Control characters are spelt out: ``sbatch`` refuses a script that holds ``\r\n`` anywhere.

    >>> quote("a b")
    "'a b'"
    >>> quote("$(x)\n")
    "$'$(x)\\n'"
    """
    if not _CONTROL.search(word):
        return shlex.quote(word)
    return "$'" + "".join(_ESCAPES.get(c) or _spelt(c) for c in word) + "'"


def _spelt(character: str) -> str:
    return f"\\x{ord(character):02x}" if _CONTROL.match(character) else character


def _assignments(command: tuple[str, ...], check: tuple[str, ...], outputs: str) -> str:
    return (
        f"command=({_words(command)})"
        + (f" check=({_words(check)})" if check else "")
        + (f" outputs={quote(outputs)}" if outputs else "")
    )


def _words(command: tuple[str, ...]) -> str:
    return " ".join(quote(word) for word in command)
