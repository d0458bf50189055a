"""Sort what a script gives by name into parameters and attached files."""

from __future__ import annotations

from collections.abc import Mapping

from biomero.application.script_api.session import DataFolder, ScriptSession
from biomero.domain.descriptor import Parameter, ParameterType, ParameterValue, WorkflowDescriptor
from biomero.errors import InputError, UnsafePathError

_ONLY_FILE = 'cd -P -- "$1" && find . -mindepth 1 -maxdepth 1 -type f -printf "%P\\0"'


def sort_values(
    session: ScriptSession,
    folder: DataFolder,
    descriptor: WorkflowDescriptor,
    values: Mapping[str, ParameterValue | None],
) -> tuple[dict[str, ParameterValue], dict[str, str]]:
    """Tell parameters from attached files, and leave out what is not set.

    Returns
    -------
    parameters, attachments
        Values still unchecked, and by input the place of what was attached.

    Raises
    ------
    UnsafePathError
        If an attached file is not in the data folder.
    InputError
        If an input takes one file, and its folder has another number of them.
    """
    inputs = {p.id: p for p in descriptor.attachable_inputs}
    parameters = {p.id: p for p in descriptor.user_parameters}
    given: dict[str, ParameterValue] = {}
    attachments: dict[str, str] = {}
    for name, value in values.items():
        if value is None or (name == "use_gpu" and name not in parameters):
            continue
        if name in inputs:
            if value not in {"", "None"}:
                attachments[name] = _place(session, folder, inputs[name], str(value))
        elif not _is_unset(parameters.get(name), value):
            given[name] = value
    return given, attachments


def _is_unset(parameter: Parameter | None, value: ParameterValue) -> bool:
    """Scripts give an empty text, or the word None, for what a user left empty; to text that is a text."""
    takes_text = parameter is None or (parameter.type is ParameterType.STRING and not parameter.choices)
    return isinstance(value, str) and value.strip() in {"", "None"} and not takes_text


def _place(session: ScriptSession, folder: DataFolder, parameter: Parameter, value: str) -> str:
    """Return where the program finds what was attached: its folder, or the one file in it."""
    owner, rest = session.inside(value)
    if owner != folder or not rest.startswith("data/"):
        raise UnsafePathError(f"{parameter.id}: {value!r} is not in the data folder {folder.name}")
    place = f"{owner.path}/{rest}"
    if parameter.is_folder:
        return place
    found = session.run(_ONLY_FILE, place)
    if not found.ok:
        return place  # a file already
    names = found.stdout.split("\0")[:-1]
    if len(names) != 1:
        raise InputError(f"{parameter.id} takes one file, but {place} has {len(names)}")
    return f"{place}/{names[0]}"
