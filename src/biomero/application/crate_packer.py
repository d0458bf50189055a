"""Put the files of a run into its crate, and compare them with the run's record on the way."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from biomero.application.hash_source import files_of, hash_of_parts
from biomero.application.omero_request import InputFile, OmeroRequest
from biomero.application.ports.crate import CratePackage, CratePart, CrateRole, Packed
from biomero.application.record_json import as_on_disk, safe_text
from biomero.application.results_folder import LOGS, REPORT_FILE, RUN_FILE, listing_sha256, regular_files
from biomero.application.run_document import OutputKind, OutputRecord, RunDocument
from biomero.application.run_request import RunRequest

_INPUTS = "inputs"
_NO_TEXT = re.compile("[\udc80-\udcff]")
_OUTPUT_WORDS = {
    OutputKind.LABEL: "label image",
    OutputKind.IMAGE: "image",
    OutputKind.TABLE: "table",
    OutputKind.FILE: "file",
    OutputKind.ZARR: "source image with its labels, as OME-Zarr",
    OutputKind.OVERLAY: "picture of the source image with the outlines of its labels",
}


@dataclass(slots=True, kw_only=True)
class CratePacker:
    """Fills a package; `parts` and `findings` grow with it.

    A file that is missing or changed since the run is a finding, and the crate is made all the same: what
    lies in it has the hash of its own bytes, and the finding says what the record has.
    """

    package: CratePackage
    document: RunDocument
    request: RunRequest
    parts: list[CratePart] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)

    def pack_inputs(self, *, copied: bool) -> None:
        """Refer to the inputs, or copy them; only then is one that is gone or changed a finding.

        Images and files of OMERO are referred to, whatever was wished: OMERO keeps them.
        """
        if self.request.omero is not None:
            self._refer_to_omero(self.request.omero)
        else:
            self._pack_images(copied=copied)
        for name, paths in self.request.attachments.items():
            for number, path in enumerate(paths):
                folder = f"{portable(name)}-{number}"
                self._pack_input(path, folder, None, f"attached as {name}", (), copied=copied)

    def _pack_images(self, *, copied: bool) -> None:
        images: dict[Path, list[int]] = {}
        for image in self.request.images:
            images.setdefault(image.path, []).append(image.index)
        hashes = {image.index: image.sha256 for image in self.document.images}
        for number, (path, indices) in enumerate(images.items()):
            sha256 = next((hashes[i] for i in indices if hashes[i]), None)
            words = f"input image, read as {', '.join(self.request.images[i].name for i in indices)}"
            self._pack_input(path, f"{number}", sha256, words, tuple(indices), copied=copied)

    def _refer_to_omero(self, omero: OmeroRequest) -> None:
        for recorded, image in zip(self.document.images, omero.images, strict=True):
            self.parts.append(
                CratePart(
                    role=CrateRole.INPUT,
                    name=_spelt(image.name),
                    place=None,
                    address=f"omero://{omero.server}/Image/{image.id}",
                    sha256=recorded.sha256,
                    description=(
                        f"Image:{image.id} of the OMERO at {omero.server}, read as {recorded.name}; the hash "
                        "is that of the OME-Zarr that was made of it"
                    ),
                    made_from=(recorded.index,),
                )
            )

        for name, files in omero.files.items():
            self.parts += [_file_of_omero(name, one, omero.server) for one in files]

    def _pack_input(
        self,
        path: Path,
        folder: str,
        sha256: str | None,
        words: str,
        images: tuple[int, ...],
        *,
        copied: bool,
    ) -> None:
        packed = None
        place = f"{_INPUTS}/{folder}/{portable(path.name)}"
        if copied:
            packed = self._copied_input(path, place)
            if packed is None:
                self.findings.append(f"the input {_spelt(path)} cannot be read any more, and is left out")
            elif sha256 not in {packed.sha256, None}:
                self.findings.append(
                    f"the input {_spelt(path)} has changed since the run: its SHA-256 was {sha256}"
                )
        self.parts.append(
            CratePart(
                role=CrateRole.INPUT,
                name=_spelt(path.name),
                place=place if packed else None,
                source=path,
                is_folder=path.is_dir(),
                sha256=packed.sha256 if packed else sha256,
                size=packed.size if packed else self._size_then(path),
                description=words,
                made_from=images,
            )
        )

    def _copied_input(self, path: Path, place: str) -> Packed | None:
        files = files_of(path) if path.is_dir() else [path]
        try:
            for file in files:  # what goes wrong later is the crate's own disk
                file.open("rb").close()
        except OSError:
            return None
        if not path.is_dir():
            return self.package.add_file(path, place)
        packed = {file: self.package.add_file(file, _below(place, file, path)) for file in files}
        digest = hash_of_parts(path, {file: one.sha256 for file, one in packed.items()})
        return Packed(sha256=digest, size=sum(one.size for one in packed.values()))

    def _size_then(self, path: Path) -> int | None:
        """Return the size of an input that nobody has written to since the run ended; else nobody knows."""
        finished = self.document.times.finished
        try:
            stats = [file.stat() for file in (files_of(path) if path.is_dir() else [path])]
        except OSError:
            return None
        if finished is None or any(stat.st_mtime > finished.timestamp() for stat in stats):
            return None
        return sum(stat.st_size for stat in stats)

    def pack_outputs(self) -> None:
        """Copy every output that the record has."""
        for output in self.document.outputs:
            self._pack_output(output)

    def _pack_output(self, output: OutputRecord) -> None:
        path = self._found(output.path)
        place = self._free(portable(as_on_disk(output.path)))
        packed = None if path is None else self._copied(path, place)
        if packed is None:
            self.findings.append(
                f"the output {output.path} is no longer among the results; its SHA-256 was {output.sha256}"
            )
        elif packed.sha256 != output.sha256:
            self.findings.append(
                f"the output {output.path} has changed since the run: its SHA-256 was {output.sha256}"
            )
        self.parts.append(
            CratePart(
                role=CrateRole.OUTPUT,
                name=output.path,
                place=place if packed else None,
                is_folder=path is not None and path.is_dir(),
                sha256=packed.sha256 if packed else output.sha256,
                size=packed.size if packed else output.size,
                description=self._words(output),
                made_from=() if output.image is None else (output.image,),
            )
        )

    def _free(self, place: str) -> str:
        """Return a place that nothing has: two names may be portable as one."""
        taken = {part.place for part in self.parts}
        while place in taken:
            place += "_"
        return place

    def _words(self, output: OutputRecord) -> str:
        words = _OUTPUT_WORDS[output.kind]
        if output.image is not None:
            words += f" of {self.document.images[output.image].name}"
        if output.objects is not None:
            words += f" with {output.objects} object{'' if output.objects == 1 else 's'}"
        return f"{words}, made by the workflow as {output.made_as}" if output.made_as else words

    def pack_record(self) -> None:
        """Put the run's document, its report and its logs into the crate."""
        document = self.document.to_json().encode("ascii")
        self._add_record(RUN_FILE, self.package.add_bytes(document, RUN_FILE), "everything known of the run")
        report = self._found(REPORT_FILE)
        packed = None if report is None else self._copied(report, REPORT_FILE)
        if packed is None:
            self.findings.append(f"the results folder has no {REPORT_FILE} any more")
        else:
            self._add_record(REPORT_FILE, packed, "the report on the run, for people")
        results = self.request.results
        logs = self._found(LOGS)
        for log in [] if logs is None else regular_files(results / LOGS):
            place = portable(log.relative_to(results).as_posix())
            self._add_record(place, self.package.add_file(log, place), "log of a job")

    def _add_record(self, place: str, packed: Packed, words: str) -> None:
        self.parts.append(
            CratePart(
                role=CrateRole.RECORD,
                name=place,
                place=place,
                sha256=packed.sha256,
                size=packed.size,
                description=words,
            )
        )

    def _copied(self, path: Path, place: str) -> Packed | None:
        """Copy a file or folder of the results; ``None`` where there is nothing to be copied."""
        if path.is_file():
            return self.package.add_file(path, place)
        files: Sequence[Path] = list(regular_files(path))
        packed = {file: self.package.add_file(file, _below(place, file, path)) for file in files}
        digests = {os.fsencode(f.relative_to(path).as_posix()): one.sha256 for f, one in packed.items()}
        if not packed:
            return None
        return Packed(
            sha256=listing_sha256(sorted(digests.items())), size=sum(one.size for one in packed.values())
        )

    def _found(self, name: str) -> Path | None:
        """Return where something of the results lies; ``None`` if nowhere, or out of the results folder."""
        results = self.request.results
        for spelling in dict.fromkeys((name, as_on_disk(name))):
            path = results / spelling
            if path.exists() and path.resolve().is_relative_to(results.resolve()):
                return path
        return None


def _file_of_omero(input_id: str, one: InputFile, server: str) -> CratePart:
    hashed = f"; its {one.file.hash_kind} is {one.file.hash}" if one.file.hash else ""
    return CratePart(
        role=CrateRole.INPUT,
        name=_spelt(one.file.name),
        place=None,
        address=f"omero://{server}/FileAnnotation/{one.file.id}",
        size=one.file.size,
        description=(
            f"FileAnnotation:{one.file.id} of the OMERO at {server}, attached as {input_id}, "
            f"read as {one.name}{hashed}"
        ),
    )


def portable(name: str) -> str:
    r"""Return a name that every archive and every URI can hold: bytes that are no text become ``%XX``.

    Examples
    --------
    >>> portable("caf\udce9.tif")
    'caf%E9.tif'
    """
    return _NO_TEXT.sub(lambda byte: f"%{ord(byte[0]) - 0xDC00:02X}", name)


def _below(place: str, file: Path, folder: Path) -> str:
    return f"{place}/{portable(file.relative_to(folder).as_posix())}"


def _spelt(name: str | Path) -> str:
    return str(safe_text(os.fspath(name)))
