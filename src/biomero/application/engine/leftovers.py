"""What an earlier job of a step has left where a later one will write."""

from __future__ import annotations

from biomero.application.engine.attempts import Attempt
from biomero.application.engine.context import StepContext
from biomero.errors import RemoteCommandError

# Put aside under a name of this attempt once: when that name is there, what lies in the folder now is this
# attempt's own. Before the move nothing of this attempt can be there, as its job is submitted afterwards.
_CLEAR = (
    'umask 077; aside=$1; shift; mkdir -p -- "$aside" && number=0 && for folder; do number=$((number + 1)); '
    'if [ ! -e "$aside/$number" ]; then if [ -e "$folder" ]; then mv -- "$folder" "$aside/$number"; '
    'else mkdir -- "$aside/$number"; fi || exit; fi; mkdir -p -- "$folder" || exit; done'
)


def clear_leftovers(context: StepContext, attempt: Attempt, *folders: str) -> None:
    """Empty the folders that a later job of a step writes to; what was in them is kept beside, as evidence.

    The first job of a step finds nothing, and nothing is asked of the cluster. Doing it again, also while the
    job runs, changes nothing.
    """
    if attempt.number == 1:
        return
    aside = f"{context.folder.base}/before-{attempt.step}{attempt.suffix}"
    done = context.cluster.shell.run(("sh", "-c", _CLEAR, "sh", aside, *folders))
    if not done.ok:
        raise RemoteCommandError(f"{aside} could not be made: {done.stderr.strip()}")
