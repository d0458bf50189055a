"""The command line of a prepared program, as it stands in a job script."""

from __future__ import annotations

from collections.abc import Sequence

from biomero.application.ports.containers import PreparedProgram

_IN_FOLDER = 'CDPATH= cd -- "$1" && shift && exec "$@"'
"""Changes the folder first; `env -C` is missing from the coreutils of older clusters."""


def compose_command(
    prepared: PreparedProgram, *, program: Sequence[str], arguments: Sequence[str]
) -> tuple[str, ...]:
    """Return the words that run a workflow.

    Whoever writes the job script sets `PreparedProgram.env` before them.

    Parameters
    ----------
    program
        The program as the descriptor's command line names it, such as ``("python", "nuclei.py")``. It is
        left out where the image's entry point is run.
    arguments
        The workflow's own arguments.

    Examples
    --------
    >>> tool = PreparedProgram(argv=("apptainer", "run", "a.sif"), runs_entry_point=True)
    >>> compose_command(tool, program=("python", "a.py"), arguments=("--radius", "3"))
    ('apptainer', 'run', 'a.sif', '--radius', '3')
    """
    words = (*prepared.argv, *(() if prepared.runs_entry_point else program), *arguments)
    if prepared.folder is None:
        return words
    return ("sh", "-c", _IN_FOLDER, "sh", prepared.folder, *words)
