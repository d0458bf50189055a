"""Shell text for scripts that run commands themselves: pure functions, every value quoted."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from string import Template
from typing import Any

from biomero.application.script_api.own_script import NOT_FOR_PARAMETERS
from biomero.errors import ConfigurationError, ParameterError

JOB_TEMPLATE = """\
#!/bin/bash
#SBATCH --job-name=omero-job-$jobname
#SBATCH --cpus-per-task=4
#SBATCH --time=00:45:00
#SBATCH --mem=5G
#SBATCH --output=omero-%j.log
#SBATCH --open-mode=append
# For submitting $jobname by hand, with DATA_PATH, IMAGE_PATH, SINGULARITY_IMAGE and the parameters
# as variables. BIOMERO itself writes a script for each run, and does not use this one.
set -euo pipefail
: "${DATA_PATH:?}" "${IMAGE_PATH:?}" "${SINGULARITY_IMAGE:?}"
arguments=($INPARAMS)
$PARAMS
arguments+=($OUTPARAMS $EXTRAPARAMS)
if command -v apptainer >/dev/null; then runtime=apptainer; else runtime=singularity; fi
"$runtime" run $GPU_FLAG "$IMAGE_PATH/$SINGULARITY_IMAGE" "${arguments[@]}"
[ -n "$(ls -A "$DATA_PATH/data/out")" ] || { echo "the workflow wrote nothing" >&2; exit 2; }
"""

SEVEN_ZIP = "$(command -v 7z || command -v 7za)"
"""The packer that is there; found by the shell that runs the text."""

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_]")


def jobs_text(*, start: str, end: str, columns: str, states: str) -> str:
    """Return the command that lists jobs of a time."""
    options = ("--starttime", start, "--endtime", end, "--state", states, "-o", columns, "-n", "-X")
    return shlex.join(("sacct", *options))


def status_text(job_ids: Iterable[int | str]) -> str:
    """Return the command that reports on jobs.

    Examples
    --------
    >>> status_text([11, "12"])
    'sacct -n -o JobId,State,End -X -j 11 -j 12'

    Raises
    ------
    ParameterError
        If an id is no number.
    """
    return " ".join(["sacct -n -o JobId,State,End -X", *(f"-j {_number(job_id)}" for job_id in job_ids)])


def tail_text(log_file: str, lines: int) -> str:
    """Return the command that shows the last lines of a log."""
    return f"tail -n {int(lines)} -- {shlex.quote(log_file)} | strings"


def zip_text(program: str | None, folder: str, archive: str) -> str:
    """Return the command that packs the results of a data folder into `archive` beside them."""
    place, target = shlex.quote(f"{folder}/data/out"), shlex.quote(f"{folder}/{archive}.zip")
    if is_infozip(program):
        return f"cd -- {place} && {shlex.quote(program or 'zip')} -q -r {target} ."
    return f"cd -- {place} && {_seven_zip(program)} a -y {target} -tzip ."


def unzip_text(program: str | None, data_path: str, archive: str, patterns: str) -> str:
    """Return the command that unpacks an archive into a data folder; the packer reads the patterns."""
    name = archive.removesuffix(".zip")
    folder = shlex.quote(f"{data_path}/{name}/data")
    source = shlex.quote(f"{data_path}/{name}.zip")
    made = f"mkdir -p -- {folder}/in {folder}/out {folder}/gt"
    wanted = patterns.split()
    if is_infozip(program):
        unpack = shlex.quote((program or "zip").removesuffix("zip") + "unzip")
        both = shlex.join([p for name in wanted for p in (name, f"{name}/*")])
        return f"{made} && {unpack} -q -o {source} {both} -d {folder}/in"
    return f"{made} && {_seven_zip(program)} x -y -aoa {source} -o{folder}/in {shlex.join(wanted)}"


def is_infozip(program: str | None) -> bool:
    """Say whether the packer is Info-ZIP rather than 7-Zip, by its name."""
    return bool(program) and (program or "").rpartition("/")[2] == "zip"


def sbatch_text(flags: Mapping[str, str], script: str) -> str:
    """Return the command that submits a script.

    Examples
    --------
    >>> sbatch_text({"mem": "4G", "mail-user": "a@b.c;id"}, "jobs/blur.sh")
    "sbatch --mem=4G '--mail-user=a@b.c;id' jobs/blur.sh"
    """
    options = (f"--{name}={value}" if value else f"--{name}" for name, value in flags.items())
    return shlex.join(("sbatch", *options, script))


def parameter_variable(parameter_id: str) -> str:
    """Return the name of the environment variable that gives a job the value of a parameter.

    Raises
    ------
    ParameterError
        If the variable means something to shells, to Slurm or to the job script: a value would run commands.
    """
    name = variable(parameter_id)
    if NOT_FOR_PARAMETERS.fullmatch(name):
        raise ParameterError(f"the parameter {parameter_id!r} cannot be given by a variable: {name} is taken")
    return name


def variable(parameter_id: str) -> str:
    """Return the name of the environment variable of a parameter.

    Examples
    --------
    >>> variable("cell-diameter")
    'CELL_DIAMETER'
    """
    name = _NOT_IN_NAMES.sub("_", parameter_id).upper()
    return name if name[:1].isalpha() or name[:1] == "_" else f"_{name}"


def parameter_lines(parameters: Mapping[str, Mapping[str, Any]], *, switches: bool = False) -> str:
    """Return the lines of a job script that add each parameter which has a value.

    Parameters
    ----------
    switches
        A boolean's flag stands alone and means true, as bilayers has it.
    """
    lines = []
    for name, parameter in parameters.items():
        flag, key = parameter.get("cmd_flag"), variable(name)
        words = f'"${key}"' if not flag else f'{shlex.quote(flag)} "${key}"'
        given = f'[ -z "${{{key}+x}}" ]'
        if switches and parameter.get("type") == "boolean" and flag:
            given, words = f'[ "${{{key}-}}" != True ]', shlex.quote(flag)
        lines.append(f"{given} || arguments+=({words})")
    return "\n".join(lines)


def job_text(workflow: str, substitutes: Mapping[str, str], template: str) -> str:
    """Fill the template of a job script.

    Raises
    ------
    ConfigurationError
        If there is no template of that name.
    """
    if template != "job_template.sh":
        raise ConfigurationError(f"no template {template!r}; there is: job_template.sh")
    blank = dict.fromkeys(("INPARAMS", "OUTPARAMS", "PARAMS", "EXTRAPARAMS", "GPU_FLAG"), "")
    name = re.sub(r"[^A-Za-z0-9._-]", "_", workflow)
    return Template(JOB_TEMPLATE).safe_substitute({**blank, "jobname": name, **substitutes})


def folder_words(flag: str | None, place: str) -> str:
    """Return the words of a job script for a folder below ``$DATA_PATH``."""
    words: Sequence[str] = (*([shlex.quote(flag)] if flag else []), f'"$DATA_PATH/data/{place}"')
    return " ".join(words)


def _number(job_id: int | str) -> int:
    try:
        return int(job_id)
    except ValueError as exc:
        raise ParameterError(f"{job_id!r} is not the id of a job: a number is wanted") from exc


def _seven_zip(program: str | None) -> str:
    return shlex.quote(program) if program else SEVEN_ZIP
