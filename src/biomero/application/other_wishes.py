"""Importing the results of a run once more: what was wished before is there, what differs comes beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from biomero.application.omero_request import OmeroRequest, OmeroWishes, RoiWish
from biomero.application.run_document import OutputKind
from biomero.domain.omero import OmeroKind, OmeroRef
from biomero.domain.run_events import Json
from biomero.domain.workflow_run import WorkflowRun


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherWishes:
    """What the run itself was to make, beside which other wishes are fulfilled.

    Parameters
    ----------
    described
        The objects on which the run itself has said where they come from.
    mark
        Tells this import from others of the same wishes, where its images shall be made anew; else empty.
    """

    before: OmeroWishes
    described: frozenset[OmeroRef] = frozenset()
    mark: str = ""

    def place(self, wishes: OmeroWishes, known: Mapping[str, OmeroRef]) -> str:
        """Return what tells an image in the wished dataset or screen from one where the run has put it.

        Parameters
        ----------
        known
            What the run and its imports have made, by the names of outputs.
        """
        named = {
            OmeroRef(kind, number)
            for kind, number in (
                (OmeroKind.DATASET, wishes.dataset_id),
                (OmeroKind.SCREEN, wishes.screen_id),
            )
            if number is not None
        }
        for name, ref in known.items():
            head, tilde, mark = name.partition("~")
            if ref in named and head in {"dataset", "screen"}:
                return tilde + mark
        told = _place(wishes, self.mark)
        return "" if told == _place(self.before, "") else mark_of(told)

    def rois(self, wish: RoiWish) -> str:
        """Return what tells ROIs of such a kind from those that the run has made, if it made any."""
        before = self.before.rois
        return "" if before is None or _looks(before) == _looks(wish) else mark_of(_looks(wish))


def mark_of(text: str) -> str:
    """Return a short text that is another one for every text."""
    return "~" + hashlib.sha256(text.encode()).hexdigest()[:8]


def touched_by(run: WorkflowRun, request: OmeroRequest, parents: Sequence[OmeroRef]) -> frozenset[OmeroRef]:
    """Return the objects that a run has made or added something to, and that it has said so on.

    Parameters
    ----------
    parents
        Where results of the whole run are attached.
    """
    outputs = {output["path"]: output for output in run.outputs}
    touched: set[OmeroRef] = set()
    for made in run.objects:
        ref, output = OmeroRef(OmeroKind(made["kind"]), made["id"]), outputs.get(made["output"])
        if ref.kind not in {OmeroKind.FILE, OmeroKind.TABLE}:
            touched.add(ref)
        elif at := _named(request.wishes, ref.kind, output):
            touched |= set(map(OmeroRef.parse, at))
        elif output is None or output["image"] is None:
            touched |= set(parents)
        else:
            touched.add(OmeroRef(OmeroKind.IMAGE, request.images[output["image"]].id))
    return frozenset(touched)


def _named(wishes: OmeroWishes, kind: OmeroKind, output: Json | None) -> Sequence[str]:
    """Return the objects that an attachment was to be at; none where it is at its image, or at parents."""
    if output is None:  # everything in one file
        return wishes.archive_at
    is_file = output["kind"] in {OutputKind.FILE.value, OutputKind.TABLE.value}
    return wishes.tables_at if kind is OmeroKind.TABLE else wishes.files_at if is_file else ()


def _place(wishes: OmeroWishes, mark: str) -> str:
    """Tell a place by the name that the user gave: its id may have been found by that meanwhile."""
    dataset, screen = wishes.dataset_name or wishes.dataset_id, wishes.screen_name or wishes.screen_id
    return f"{dataset}\n{screen}\n{mark}"


def _looks(wish: RoiWish) -> str:
    return f"{wish.shape}\n{wish.name_prefix}\n{wish.color}"
