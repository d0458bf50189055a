"""The words with which a workflow is started: pure functions, and nothing is quoted here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from biomero.domain.descriptor import (
    DescriptorFormat,
    Output,
    Parameter,
    ParameterType,
    ParameterValue,
    WorkflowDescriptor,
)
from biomero.domain.parameters import nearest
from biomero.domain.spelling import spelt, text_of
from biomero.errors import DescriptorError, ParameterError

_LEFTOVER = "cytomine_"  # connection and ids of the Cytomine server, which nothing here has


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLine:
    """How a workflow is started.

    Parameters
    ----------
    program
        The words of the author's command line before the arguments, such as ``python wrapper.py``.
    uses_entry_point
        A container is started by its own entry point with `arguments` alone. Otherwise, and always
        outside a container, it is started as `argv`.
    """

    program: tuple[str, ...]
    arguments: tuple[str, ...]
    uses_entry_point: bool

    @property
    def argv(self) -> tuple[str, ...]:
        """The whole command line: program and arguments."""
        return self.program + self.arguments


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """What a run puts into a command line."""

    descriptor: WorkflowDescriptor
    values: Mapping[str, ParameterValue]
    input_folder: str
    output_folder: str
    attachments: Mapping[str, str]
    is_of_omero: bool

    def value_of(self, parameter: Parameter) -> ParameterValue | None:
        """Return the value of a parameter or input; ``None`` where it is left out."""
        if parameter.output_folder:
            return self.output_folder
        if not parameter.type.is_path:
            fallback = parameter.default if parameter.set_by_server else None
            return self.values.get(parameter.id, fallback)
        if parameter.id in self.attachments:
            return self.attachments[parameter.id]
        if takes_images_of_run(self.descriptor, parameter):
            return self.input_folder
        if not parameter.optional:
            kind = " ".join((*parameter.sub_types[:1], parameter.type.value))
            or_there = f" or --input {parameter.id}=FileAnnotation:ID" if self.is_of_omero else ""
            raise ParameterError(
                f"{self.descriptor.name}: input '{parameter.id}' needs a {kind}; attach one "
                f"(--input {parameter.id}=PATH{or_there})"
            )
        return None


def takes_images_of_run(descriptor: WorkflowDescriptor, parameter: Parameter) -> bool:
    """Say whether an input to which nothing is attached gets the images of the run.

    The first image input does, and others that must have some and are not of another kind.
    """
    if parameter not in descriptor.main_inputs:
        return False
    first = descriptor.main_inputs[0]
    if parameter is first:
        return True
    says_its_kind = first.sub_types and parameter.sub_types
    return not parameter.optional and not (says_its_kind and parameter.sub_types != first.sub_types)


def needs_attachment(descriptor: WorkflowDescriptor, parameter: Parameter) -> bool:
    """Say whether nothing runs unless a file is attached to an input."""
    return not parameter.optional and not takes_images_of_run(descriptor, parameter)


def build_arguments(
    descriptor: WorkflowDescriptor,
    values: Mapping[str, ParameterValue],
    *,
    input_folder: str,
    output_folder: str,
    ground_truth_folder: str,
    attachments: Mapping[str, str] | None = None,
    is_of_omero: bool = False,
) -> CommandLine:
    """Make the words that start a workflow.

    Every value is a word of its own, unchanged. There is one exception: text that begins with ``-``
    joins its long flag as ``--flag=-text``, because argparse takes it for a flag otherwise.

    Parameters
    ----------
    values
        As `check_parameters` returns them. Parameters that are not among them are left out.
    input_folder, output_folder, ground_truth_folder
        Paths as the workflow sees them. For an input that is no folder, `input_folder` is a file.
    attachments
        Paths, by id of the input, of the files that a user attached.
    is_of_omero
        The images are in OMERO, so that files that are attached there can be given, too: for messages.

    Raises
    ------
    ParameterError
        If a required input has no file, or a file is attached to an input that does not exist.
    DescriptorError
        If the descriptor names no program and one is needed.
    """
    attached = attachments or {}
    inputs = [p.id for p in descriptor.inputs]
    for unknown in (name for name in attached if name not in inputs):
        raise ParameterError(f"{descriptor.name}: no input '{unknown}'; {nearest(unknown, inputs)}")
    given = _Given(
        descriptor=descriptor,
        values=values,
        input_folder=input_folder,
        output_folder=output_folder,
        attachments=attached,
        is_of_omero=is_of_omero,
    )
    if descriptor.uses_entry_point:
        folders = (
            "--infolder",
            input_folder,
            "--gtfolder",
            ground_truth_folder,
            "--outfolder",
            output_folder,
        )
        arguments = (*folders, *_by_convention(given), "--local", "-nmc")
        return CommandLine(program=_program(descriptor), arguments=arguments, uses_entry_point=True)
    if not descriptor.command_line:
        raise DescriptorError(f"{descriptor.name}: its descriptor names no command, so it cannot be run")
    if descriptor.format is DescriptorFormat.BILAYERS:
        arguments = tuple(_in_order(given))
    else:
        arguments = _in_place(given)
    return CommandLine(program=_program(descriptor), arguments=arguments, uses_entry_point=False)


def _by_convention(given: _Given) -> Iterator[str]:
    """BIAFLOWS: each parameter as flag and value, in the descriptor's order."""
    for parameter in given.descriptor.parameters:
        value = None if _is_leftover(parameter) else given.value_of(parameter)
        if value is not None:
            yield from spelt(parameter.flag or f"--{parameter.id}", text_of(value))


def _in_order(given: _Given) -> Iterator[str]:
    """Bilayers: arguments 1, 2, 3 first, then those without an order, then ..., -2, -1."""
    parameters = given.descriptor.parameters
    arguments: list[tuple[int, tuple[str, ...]]] = []
    for parameter in parameters:
        value = given.value_of(parameter)
        # To this format, these words mean that there is no value.
        if value is None or value in ("", "None") or parameter.omitted:
            continue
        arguments.append((parameter.order, _words(parameter, value)))
    for hidden in given.descriptor.hidden_arguments:
        words = spelt(hidden.flag or None, hidden.value) if hidden.value is not None else (hidden.flag,)
        arguments.append((hidden.order, words))
    # An output may name the flag of the parameter that asks for it: then it is said already.
    said = {parameter.flag for parameter in parameters}
    has_folder = any(parameter.output_folder for parameter in parameters)
    for output in given.descriptor.outputs:
        is_said = output.flag in said or (output.flag is None and has_folder)
        if not output.omitted and not is_said:
            said.add(output.flag)
            arguments.append((output.order, spelt(output.flag, given.output_folder)))
    arguments.sort(key=lambda argument: (_group(argument[0]), argument[0]))
    for _, words in arguments:
        yield from words


def _group(order: int) -> int:
    if order == 0:
        return 1
    return 0 if order > 0 else 2


def _in_place(given: _Given) -> tuple[str, ...]:
    """biomero-schema: the author's command line with flag and value in the place of each key."""
    descriptor = given.descriptor
    items: list[Parameter | Output] = [*descriptor.parameters, *descriptor.outputs]
    mentioned: set[Parameter | Output] = set()
    words: list[str] = []
    follows_flag = False  # the word before is the author's own and begins with "-"
    for template in descriptor.command_line[len(_program(descriptor)) :]:
        item = _item_of(template, items)
        if item is None:
            words.append(template)
            follows_flag = template.startswith("-")
            continue
        mentioned.add(item)
        value = given.value_of(item) if isinstance(item, Parameter) else given.output_folder
        flag = item.flag
        if follows_flag and flag in (None, words[-1]):
            flag = words.pop()  # goes with the value, and with it vanishes
        if value is not None:
            words += _filled(template, item, flag, value)
        follows_flag = False
    for parameter in descriptor.parameters:
        is_ours = parameter.output_folder or parameter.type.is_path or not parameter.set_by_server
        if parameter not in mentioned and is_ours and not _is_leftover(parameter):
            value = given.value_of(parameter)
            if value is not None:
                words += spelt(parameter.flag or f"--{parameter.id}", text_of(value))
    return tuple(words)


def _filled(
    template: str, item: Parameter | Output, flag: str | None, value: ParameterValue
) -> tuple[str, ...]:
    key = f"[{_bare(item.value_key or '')}]"
    if template in (key, item.value_key):
        return spelt(flag, text_of(value))
    # The key is a part of the author's word, as in --radius=[RADIUS]: there the flag stands already.
    return (template.replace(key, text_of(value)),)


def _item_of(word: str, items: Sequence[Parameter | Output]) -> Parameter | Output | None:
    for item in items:
        if item.value_key and (word == item.value_key or f"[{_bare(item.value_key)}]" in word):
            return item
    return None


def _bare(key: str) -> str:
    """``RADIUS`` of ``[RADIUS]``; authors write both."""
    return key[1:-1] if key.startswith("[") and key.endswith("]") else key


def _program(descriptor: WorkflowDescriptor) -> tuple[str, ...]:
    """Return the words before the first argument: before a key, or the flag that introduces it."""
    if descriptor.format is DescriptorFormat.BILAYERS:
        return descriptor.command_line
    items: list[Parameter | Output] = [*descriptor.parameters, *descriptor.outputs]
    flags = {item.flag for item in items if item.flag}
    words: list[str] = []
    for word in descriptor.command_line:
        is_leftover = _bare(word).lower().startswith(_LEFTOVER)
        is_key = is_leftover or _item_of(word, items) is not None
        if is_key and words and words[-1].startswith("-"):
            words.pop()  # introduces the key
        if is_key or word in flags:
            break
        words.append(word)
    return tuple(words)


def _is_leftover(parameter: Parameter) -> bool:
    return parameter.id.lower().startswith(_LEFTOVER)


def _words(parameter: Parameter, value: ParameterValue) -> tuple[str, ...]:
    if parameter.type is ParameterType.BOOLEAN and not parameter.append_value:
        return (parameter.flag,) if value and parameter.flag else ()
    return spelt(parameter.flag, text_of(value))
