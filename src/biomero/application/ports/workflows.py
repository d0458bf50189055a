"""Workflows by name, path or address."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from biomero.domain.descriptor import WorkflowDescriptor

CONVERTER = "zarr-to-tiff"
"""The name of the conversion among the workflows that BIOMERO ships; it is not for users."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """A workflow that was found.

    Parameters
    ----------
    reference
        What the user called it: a name, a path or an address.
    folder
        The local folder with descriptor and code.
    version
        The tag or commit of an address, else the hash of the folder's content.
    is_pinned
        The version is the tag or commit of an address, by which container images are tagged too.
    """

    reference: str
    descriptor: WorkflowDescriptor
    folder: Path
    descriptor_file: Path
    version: str
    is_pinned: bool = False


class WorkflowCatalogue(Protocol):
    """Finds workflows."""

    def find(self, reference: str) -> Workflow:
        """Find a workflow.

        Parameters
        ----------
        reference
            The name of a known workflow, the path of a descriptor or of its folder, or the address of a
            repository at a code host: with a tag or commit, which is fetched once, or a branch, which is
            looked at again.

        Raises
        ------
        UnknownWorkflowError
            If there is none; the message lists the known names that come near.
        DescriptorError
            If its descriptor is not valid; the message names file and field.
        """
        ...

    def at_hand(self, reference: str) -> Workflow | None:
        """Find a workflow as `find` does, if no other machine needs to be asked; ``None`` if one does.

        Raises
        ------
        UnknownWorkflowError
            If there is none.
        DescriptorError
            If its descriptor is not valid.
        """
        ...

    def names(self) -> list[str]:
        """Return the names of all known workflows that are for users."""
        ...
