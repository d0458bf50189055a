"""What a run is for, where that is not a workflow's results: part of what was asked for."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from biomero.domain.ids import RunId
from biomero.domain.run_events import Json


class Goal(enum.Enum):
    """What a run comes to instead of a workflow's results."""

    IMPORT = "import"
    """The results of an earlier run are put into OMERO once more, with other wishes."""
    IMAGES = "images"
    """Images lie on the cluster and stay there; no workflow runs on them."""
    FILE = "file"
    """An attached file of OMERO goes beside images that an earlier run has left on the cluster."""
    CONVERSION = "conversion"
    """Images that an earlier run has left on the cluster get another format there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """A run without a workflow's job.

    Parameters
    ----------
    key
        What tells two requests for it apart; the same one twice is one run.
    earlier
        The run whose results or images it is about.
    round
        Which time that run tried its images, from 0: its folders on the cluster are named after it.
    is_here
        The results are on this machine, where the earlier run has them; else they are still on the cluster.
    makes_anew
        Imported images get a dataset of their own, also where the run has one of that name.
    folder
        A name for the folder of images on the cluster.
    takes_zarr
        Images stay OME-Zarr; else they become OME-TIFF.
    """

    goal: Goal
    key: str = ""
    earlier: RunId | None = None
    round: int = 0
    is_here: bool = False
    makes_anew: bool = False
    folder: str = ""
    takes_zarr: bool = True

    def to_json(self) -> Json:
        """Return plain values for the record."""
        return {**{name: getattr(self, name) for name in _PLAIN}, "goal": self.goal.value}

    @classmethod
    def from_json(cls, value: Json) -> Errand:
        """Read what `to_json` wrote."""
        return cls(**{name: value[name] for name in _PLAIN}, goal=Goal(value["goal"]))


_PLAIN = ("key", "earlier", "round", "is_here", "makes_anew", "folder", "takes_zarr")
