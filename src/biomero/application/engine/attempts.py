"""Which job of a step has which images, and under which name.

The first job of a step has all images of the run. A later one has those that are to be tried again; its key
ends with its number, so that nothing of it is mistaken for the first one's: Slurm's job name, the job script,
the claim and the exit status are named after the key, and where it writes is cleared beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass

from biomero.application.run_request import RequestedImage, RunRequest
from biomero.domain.ids import JobKey
from biomero.domain.job import JobResources
from biomero.domain.workflow_run import WorkflowRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A job of a step, submitted or still to be.

    Parameters
    ----------
    number
        From 1; the number of jobs that the step has had in the whole run.
    images
        The images it is for, in the order of the request. Those that fail on their way to it are among them.
    resources
        What it asks for beyond what the run asks for.
    """

    step: str
    number: int
    images: tuple[RequestedImage, ...]
    resources: JobResources

    @property
    def suffix(self) -> str:
        """What tells its files from those of the first one."""
        return "" if self.number == 1 else f"-{self.number}"

    def key(self, run: WorkflowRun) -> JobKey:
        """Return its identity, also its name in Slurm."""
        return JobKey(f"biomero-{run.run_id}-{self.step}{self.suffix}")


def asked_images(run: WorkflowRun, request: RunRequest) -> tuple[RequestedImage, ...]:
    """Return the images that the present round is about."""
    asked = set(run.asked_images)
    return tuple(image for image in request.images if image.index in asked)


def attempts_of(run: WorkflowRun, request: RunRequest, step: str) -> list[Attempt]:
    """Return the jobs of a step, oldest first; the newest may not be submitted yet."""
    first = Attempt(step=step, number=1, images=asked_images(run, request), resources=JobResources())
    return [
        first,
        *(
            Attempt(
                step=step,
                number=number,
                images=tuple(i for i in request.images if i.index in set(stored["images"])),
                resources=JobResources(**stored["resources"]),
            )
            for number, stored in enumerate(run.attempts.get(step, []), start=2)
        ),
    ]


def newest_attempt(run: WorkflowRun, request: RunRequest, step: str) -> Attempt:
    """Return the job that a step has now."""
    return attempts_of(run, request, step)[-1]


def attempt_with(run: WorkflowRun, request: RunRequest, step: str, image: RequestedImage) -> Attempt | None:
    """Return the newest job of a step that was for an image."""
    found = reversed(attempts_of(run, request, step))
    return next((attempt for attempt in found if image in attempt.images), None)
