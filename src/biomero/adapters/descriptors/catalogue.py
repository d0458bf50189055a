"""Workflows by name, path or address."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from biomero.adapters.descriptors.addresses import parse_address
from biomero.adapters.descriptors.code_host import CodeHosts
from biomero.adapters.descriptors.folder_hash import folder_version
from biomero.adapters.descriptors.parse import parse_descriptor
from biomero.application.ports.workflows import Workflow
from biomero.domain.parameters import nearest
from biomero.errors import DescriptorError, UnknownWorkflowError

DESCRIPTOR_FILES = ("descriptor.json", "descriptor.yaml", "config.yaml")
_SUFFIXES = (".json", ".yaml", ".yml")


class Catalogue:
    """Finds workflows; see `WorkflowCatalogue`.

    A plain name is first looked up among the configured names, then among the folders of known
    workflows, and then taken for a path. Write ``./name`` for a folder of the same name as a workflow.

    Parameters
    ----------
    code_hosts
        Where addresses are fetched.
    folders
        Folders with known workflows, each in a sub-folder of its name.
    references
        Configured names, each with the path or address that it stands for.
    internal
        Known workflows that are BIOMERO's own tools: found by name, but not listed.
    """

    def __init__(
        self,
        code_hosts: CodeHosts,
        *,
        folders: Sequence[Path] = (),
        references: Mapping[str, str] | None = None,
        internal: Collection[str] = (),
    ) -> None:
        self._code_hosts = code_hosts
        self._folders = tuple(folders)
        self._references = dict(references or {})
        self._internal = frozenset(internal)

    def names(self) -> list[str]:
        """See `WorkflowCatalogue.names`."""
        return sorted({*self._references, *(self._known().keys() - self._internal)})

    def find(self, reference: str) -> Workflow:
        """See `WorkflowCatalogue.find`."""
        if reference in self._references:
            return replace(self._find(self._references[reference]), reference=reference)
        return self._find(reference)

    def at_hand(self, reference: str) -> Workflow | None:
        """See `WorkflowCatalogue.at_hand`."""
        place = self._references.get(reference, reference)
        if "://" not in place:
            return self.find(reference)
        kept = self._code_hosts.kept(parse_address(place))
        return None if kept is None else replace(self._in_repository(place, kept), reference=reference)

    def _find(self, reference: str) -> Workflow:
        if "://" in reference:
            return self._at_address(reference)
        known = self._known()
        if reference in known:
            return self._at_path(reference, known[reference])
        path = Path(os.path.expanduser(reference))  # noqa: PTH111 - pathlib's raises for unknown accounts
        is_path = os.sep in reference or reference.startswith((".", "~")) or reference.endswith(_SUFFIXES)
        if reference and _exists(path):
            return self._at_path(reference, path)
        if is_path:
            raise UnknownWorkflowError(f"no workflow at {reference}: there is no such file or folder")
        raise UnknownWorkflowError(f"no workflow '{reference}'; {nearest(reference, self.names())}")

    def _known(self) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for folder in self._folders:
            if folder.is_dir():
                for path in sorted(folder.iterdir()):
                    if _descriptor_in(path) is not None:
                        found.setdefault(path.name, path)
        return found

    def _at_path(self, reference: str, path: Path) -> Workflow:
        descriptor_file = (_descriptor_in(path) if path.is_dir() else path) or path
        if descriptor_file.is_dir():
            raise UnknownWorkflowError(f"no workflow at {reference}: {_none_of_them('the folder')}")
        descriptor_file = descriptor_file.absolute()
        descriptor = parse_descriptor(descriptor_file)
        folder = descriptor_file.parent
        try:
            version = folder_version(folder, descriptor_file)
        except OSError as exc:
            raise DescriptorError(f"{folder}: the workflow's folder cannot be read: {exc}") from exc
        return Workflow(
            reference=reference,
            descriptor=descriptor,
            folder=folder,
            descriptor_file=descriptor_file,
            version=version,
        )

    def _at_address(self, reference: str) -> Workflow:
        return self._in_repository(reference, self._code_hosts.fetch(parse_address(reference)))

    def _in_repository(self, reference: str, repository: Path) -> Workflow:
        address = parse_address(reference)
        path = repository.joinpath(*address.path).absolute()
        descriptor_file = path if path.is_file() else _descriptor_in(path)
        if descriptor_file is None:
            raise UnknownWorkflowError(f"no workflow at {reference}: {_none_of_them('that place')}")
        if address.is_moving:  # known by what it holds, as a folder of this machine is
            return self._at_path(reference, descriptor_file)
        return Workflow(
            reference=reference,
            descriptor=parse_descriptor(descriptor_file),
            folder=descriptor_file.parent,
            descriptor_file=descriptor_file,
            version=address.ref,
            is_pinned=True,
        )


def _descriptor_in(folder: Path) -> Path | None:
    return next((folder / name for name in DESCRIPTOR_FILES if (folder / name).is_file()), None)


def _none_of_them(place: str) -> str:
    return f"{place} has none of {', '.join(DESCRIPTOR_FILES)}"


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that no file can have: too long, or with a NUL in it
        return False
