"""Use case: say whether two runs brought the same, output by output."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from biomero.application.describe_run import describe_run
from biomero.application.pixel_blocks import pixel_windows
from biomero.application.ports.image_source import ImageSource
from biomero.application.record_json import as_on_disk
from biomero.application.results_folder import fingerprint
from biomero.application.run_document import OutputKind, OutputRecord, RunDocument
from biomero.application.run_record import RunRecord
from biomero.application.run_request import RunRequest
from biomero.domain.ids import RunId
from biomero.domain.run_status import RunStatus
from biomero.errors import ImageReadError, InputError


class Verdict(enum.Enum):
    """How an output of the second run compares with the first run's."""

    EQUAL = "equal"
    """Byte for byte."""
    SAME_PIXELS = "same pixels"
    """The files differ, as by a time that stands in them; size, type and every pixel agree."""
    DIFFERENT = "different"
    MISSING = "missing"
    """Only the first run has it."""
    NEW = "new"
    """Only the second run has it."""

    @property
    def is_equal(self) -> bool:
        """The output says the same in both runs."""
        return self in {Verdict.EQUAL, Verdict.SAME_PIXELS}


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedOutput:
    """An output of either run.

    Parameters
    ----------
    note
        Why the pixels could not be compared, where that is so.
    """

    path: str
    kind: OutputKind
    verdict: Verdict
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunComparison:
    """Two runs beside each other.

    Parameters
    ----------
    changed_inputs
        The names of images that are not the same in both runs.
    changed_parameters
        The parameters whose values differ, by name.
    programs
        What ran, exactly: the digests of the container images, or of program and environment.
    """

    first: RunId
    second: RunId
    statuses: tuple[RunStatus, RunStatus]
    versions: tuple[str, str]
    programs: tuple[str | None, str | None]
    changed_inputs: tuple[str, ...]
    changed_parameters: tuple[str, ...]
    outputs: tuple[ComparedOutput, ...]

    @property
    def has_same_program(self) -> bool:
        """Workflow and container image, or environment, are the same."""
        return self.versions[0] == self.versions[1] and self.programs[0] == self.programs[1]

    @property
    def has_same_outputs(self) -> bool:
        """Both runs ended well, and every output says the same."""
        went_well = all(status.is_success for status in self.statuses)
        return went_well and all(output.verdict.is_equal for output in self.outputs)

    @property
    def is_equal(self) -> bool:
        """The same went in, the same worked on it, and the same came out."""
        return (
            self.has_same_outputs
            and self.has_same_program
            and not self.changed_inputs
            and not self.changed_parameters
        )


def compare_runs(first: RunId, second: RunId, *, record: RunRecord, images: ImageSource) -> RunComparison:
    """Compare two runs that have ended.

    Hashes come from the record. Where those of an image differ, its pixels are read from both results
    folders.

    Raises
    ------
    UnknownRunError
        If one of the runs is not on record.
    """
    one, other = describe_run(record, first), describe_run(record, second)
    places = [RunRequest.from_json(record.get(i).request).results for i in (first, second)]
    return RunComparison(
        first=first,
        second=second,
        statuses=(one.status, other.status),
        versions=(one.workflow.version, other.workflow.version),
        programs=(one.workflow.container_identity, other.workflow.container_identity),
        changed_inputs=_changed(_hashes(one), _hashes(other)),
        changed_parameters=_changed(one.parameters, other.parameters),
        outputs=tuple(_compare_outputs(one.outputs, other.outputs, places, images)),
    )


def _hashes(document: RunDocument) -> dict[str, str | None]:
    return {image.name: image.sha256 for image in document.images}


def _changed(one: Mapping[str, object], other: Mapping[str, object]) -> tuple[str, ...]:
    names = dict.fromkeys((*one, *other))
    return tuple(n for n in names if (n in one, one.get(n)) != (n in other, other.get(n)))


def _compare_outputs(
    one: Sequence[OutputRecord], other: Sequence[OutputRecord], places: Sequence[Path], images: ImageSource
) -> list[ComparedOutput]:
    before, after = {o.path: o for o in one}, {o.path: o for o in other}
    compared = []
    for path in sorted({*before, *after}):
        match before.get(path), after.get(path):
            case None, OutputRecord() as new:
                found = ComparedOutput(path=path, kind=new.kind, verdict=Verdict.NEW)
            case OutputRecord() as old, None:
                found = ComparedOutput(path=path, kind=old.kind, verdict=Verdict.MISSING)
            case OutputRecord() as old, OutputRecord() as new:
                found = _compare(old, new, places, images)
        compared.append(found)
    return compared


def _compare(
    old: OutputRecord, new: OutputRecord, places: Sequence[Path], images: ImageSource
) -> ComparedOutput:
    verdict, note = Verdict.EQUAL, ""
    if old.sha256 != new.sha256:
        verdict = Verdict.DIFFERENT
        if old.kind is new.kind and new.kind in {OutputKind.LABEL, OutputKind.IMAGE}:
            try:
                files = [_unchanged(place, output) for place, output in zip(places, (old, new), strict=True)]
                if _have_same_pixels(files[0], files[1], images):
                    verdict = Verdict.SAME_PIXELS
            except (ImageReadError, InputError) as exc:
                note = f"pixels were not compared: {exc}"
    return ComparedOutput(path=new.path, kind=new.kind, verdict=verdict, note=note)


def _unchanged(results: Path, output: OutputRecord) -> Path:
    """Return where an output lies.

    Raises
    ------
    InputError
        If it is gone, or is no longer what the run left there.
    """
    for name in dict.fromkeys((output.path, as_on_disk(output.path))):
        path = results / name
        if path.exists():
            if fingerprint(path)[0] == output.sha256:
                return path
            raise InputError(f"{path} has changed since the run")
    raise InputError(f"{results / output.path} is gone")


def _have_same_pixels(one: Path, other: Path, images: ImageSource) -> bool:
    with images.open(one) as first, images.open(other) as second:
        if any(
            getattr(first.metadata, said) != getattr(second.metadata, said)
            for said in ("axes", "shape", "dtype")
        ):
            return False
        return all(bool((window.read(first) == window.read(second)).all()) for window in pixel_windows(first))
