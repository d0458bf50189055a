"""The steps of a run, in their order.

Each step looks, then acts, then records, so that dying on any line and starting again is right. A run is
found again by the name of its step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from biomero.application.engine import names
from biomero.application.engine.analyse import analyse_images, judge_analysis
from biomero.application.engine.context import StepContext, StepEnd
from biomero.application.engine.convert import convert_images, judge_conversion
from biomero.application.engine.deliver import deliver_results
from biomero.application.engine.fetch import fetch_results
from biomero.application.engine.import_results import import_results
from biomero.application.engine.place import on_to
from biomero.application.engine.prepare import is_about_images, prepare_run
from biomero.application.engine.settle import settle_images
from biomero.application.engine.stage import stage_images
from biomero.application.engine.tidy import tidy_up

_HOUR_S = 3600.0
_DAY_S = 24 * _HOUR_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step: what it does, and how long it may take before it counts as failed.

    Parameters
    ----------
    needs_images
        Without an image that is left to be worked on, or where one failed and the user wants to stop then,
        the run goes on with fetching what there is.
    """

    act: Callable[[StepContext], StepEnd]
    deadline_s: float
    needs_images: bool = False

    def __call__(self, context: StepContext) -> StepEnd:
        """Do it."""
        if self.needs_images and is_about_images(context) and _is_lost(context):
            return StepEnd(move=on_to(names.FETCH if context.errand is None else names.SETTLE))
        return self.act(context)


STEPS: Mapping[str, Step] = {
    names.PREPARE: Step(act=prepare_run, deadline_s=4 * _HOUR_S, needs_images=True),
    names.STAGE: Step(act=stage_images, deadline_s=2 * _DAY_S, needs_images=True),
    names.CONVERT: Step(act=convert_images, deadline_s=_HOUR_S, needs_images=True),
    names.JUDGE_CONVERSION: Step(act=judge_conversion, deadline_s=_HOUR_S),
    names.ANALYSE: Step(act=analyse_images, deadline_s=4 * _HOUR_S, needs_images=True),
    names.JUDGE_ANALYSIS: Step(act=judge_analysis, deadline_s=_HOUR_S),
    names.FETCH: Step(act=fetch_results, deadline_s=2 * _DAY_S),
    names.DELIVER: Step(act=deliver_results, deadline_s=2 * _DAY_S),
    names.IMPORT: Step(act=import_results, deadline_s=2 * _DAY_S),
    names.SETTLE: Step(act=settle_images, deadline_s=_HOUR_S),
    names.TIDY: Step(act=tidy_up, deadline_s=_HOUR_S),
}


def _is_lost(context: StepContext) -> bool:
    """Nothing is left to be analysed, or the user wants to stop at the first failure."""
    asked = {image.index for image in context.asked}
    failed = asked & set(context.run.image_failures)
    return failed == asked or (context.request.on_error == "stop" and bool(failed))
