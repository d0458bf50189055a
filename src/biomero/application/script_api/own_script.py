"""Job scripts of a facility's own: run as they are, with the documented variables."""

from __future__ import annotations

import re

from biomero.application.script_api.checked_order import CheckedOrder
from biomero.application.script_api.find_image import find_image
from biomero.application.script_api.session import ScriptSession
from biomero.domain.file_names import check_name
from biomero.domain.job_script import JobScript
from biomero.domain.spelling import text_of
from biomero.errors import ConfigurationError, ParameterError

_READ = 'cat -- "$1" && cd -- "$2" && printf "\\0%s\\0" "$(pwd -P)"'
# Where jobs of BIOMERO 2 began: paths in these scripts, and of images, may be below the home folder.
_AT_HOME = 'CDPATH= cd -- "$HOME" && exec "$@"'
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
NOT_FOR_PARAMETERS = re.compile(
    r"PATH|HOME|SHELL|IFS|ENV|USER|LOGNAME|PWD|TMPDIR|LANG|LC_.*|LD_.*|BASH_.*|SLURM_.*|PYTHON.*"
    r"|APPTAINER.*|SINGULARITY.*|DATA_PATH|IMAGE_PATH|IMAGE_VERSION|SCRIPT_PATH|GPU_FLAG"
)


def own_script(session: ScriptSession, order: CheckedOrder) -> JobScript:
    """Return a job script that runs the facility's own one, as it is at this moment.

    Its ``#SBATCH`` lines count as in a submission of the script itself. Variables are set before it begins;
    no shell ever reads their values.

    Raises
    ------
    ConfigurationError
        If there is no such script.
    ParameterError
        If the name of a parameter cannot be, or must not be, that of a variable.
    """
    text, scripts = _read(session, session.cluster.settings.script_path, order.own.job_script or "")
    copy = f"{order.folder.jobs}/{order.key}.own"
    session.write_file(copy, text)
    lines = text.splitlines()
    interpreter = lines[0][2:].split(maxsplit=1) if lines and lines[0].startswith("#!") else ["/bin/bash"]
    return JobScript(
        key=order.key,
        folder=order.folder.jobs,
        command=("sh", "-c", _AT_HOME, "sh", *interpreter, copy),
        directives=_directives(lines),
        environment=_environment(session, order, scripts),
    )


def _environment(session: ScriptSession, order: CheckedOrder, scripts: str) -> dict[str, str]:
    """Return the documented variables, and one for each parameter."""
    settings = session.cluster.settings
    place, _, file = (find_image(session, order.workflow, order.own, order.version) or "").rpartition("/")
    return {
        "DATA_PATH": order.folder.path,
        "IMAGE_PATH": place or f"{settings.images_path}/{order.own.image_folder}".rstrip("/"),
        "IMAGE_VERSION": order.version,
        "SINGULARITY_IMAGE": file,
        "SCRIPT_PATH": scripts,
        **({"GPU_FLAG": "--nv"} if order.gpu and settings.injects_gpu_flag else {}),
        **({"APPTAINER_BINDPATH": settings.data_bind_path} if settings.data_bind_path else {}),
        **{_variable(name): text_of(value) for name, value in order.values.items()},
        **{_variable(name): place for name, place in order.attachments.items()},
    }


def _read(session: ScriptSession, scripts: str, name: str) -> tuple[str, str]:
    """Return the text of a script, and the folder of scripts."""
    path = f"{scripts}/{check_name(name)}"
    read = session.run(_READ, path, scripts)
    if not read.ok:
        raise ConfigurationError(
            f"there is no job script {path} on the cluster ({read.stderr.strip()}); "
            "set up the job scripts, or correct the workflow's _job"
        )
    text, place, _ = read.stdout.rsplit("\0", 2)
    return text, place


def _directives(lines: list[str]) -> tuple[str, ...]:
    """Return the lines for ``sbatch``, which reads them up to the first command."""
    found = []
    for line in lines:
        if line.startswith("#SBATCH "):
            found.append(line.rstrip())
        elif line.strip() and not line.startswith("#"):
            break
    return tuple(found)


def _variable(name: str) -> str:
    """Return the variable of a parameter: its name in capitals."""
    variable = name.upper()
    if not _VARIABLE.fullmatch(variable) or NOT_FOR_PARAMETERS.fullmatch(variable):
        raise ParameterError(
            f"the parameter {name!r} cannot be given to the job script: "
            f"{variable} cannot be the name of its variable"
        )
    return variable
