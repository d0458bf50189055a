"""What can become of a run: the events that a record keeps of it.

Stored for ever under their topics, which follow no module. A field never changes its meaning; what is to say
more gets a new version and an upcast, or an event of its own.
"""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from eventsourcing.domain import Aggregate

Json = dict[str, Any]
"""Plain values, as JSON has them: what a stored event may hold."""

TOPIC = "biomero.eventsourcing:WorkflowRun"


class RunEvents:
    """The events of `WorkflowRun`, which has them by inheritance."""

    class TaskAdded(Aggregate.Event):
        """The run got another step that is recorded by itself."""

        TOPIC: ClassVar[str] = f"{TOPIC}.TaskAdded"
        task_id: UUID

    class WorkflowStarted(Aggregate.Event):
        """Work on the run began."""

        TOPIC: ClassVar[str] = f"{TOPIC}.WorkflowStarted"

    class RunRequested(Aggregate.Event):
        """What exactly was asked for."""

        TOPIC: ClassVar[str] = f"{TOPIC}.RunRequested"
        request: Json

    class StatusChanged(Aggregate.Event):
        """The run went on to another step."""

        TOPIC: ClassVar[str] = f"{TOPIC}.StatusChanged"
        status: str

    class ProgramPrepared(Aggregate.Event):
        """The container image or environment was ready."""

        TOPIC: ClassVar[str] = f"{TOPIC}.ProgramPrepared"
        identity: str
        command: list[str]

    class ImagesAdvanced(Aggregate.Event):
        """Some images came further."""

        TOPIC: ClassVar[str] = f"{TOPIC}.ImagesAdvanced"
        indices: list[int]
        stage: str

    class ImagesFailed(Aggregate.Event):
        """Some images will not come further, each with the reason why."""

        TOPIC: ClassVar[str] = f"{TOPIC}.ImagesFailed"
        failures: Json

    class ImageHashed(Aggregate.Event):
        """What the source of an image held, byte for byte."""

        TOPIC: ClassVar[str] = f"{TOPIC}.ImageHashed"
        index: int
        sha256: str

    class JobRequested(Aggregate.Event):
        """A job is about to be handed to the scheduler.

        Since version 2 it says what is asked for, and how many array tasks there are.
        """

        TOPIC: ClassVar[str] = f"{TOPIC}.JobRequested"
        class_version: ClassVar[int] = 2
        key: str
        step: str
        resources: Json
        array_size: int | None

        @staticmethod
        def upcast_v1_v2(state: Json) -> None:
            """Add what was not recorded then."""
            state["resources"] = {}
            state["array_size"] = None

    class JobSubmitted(Aggregate.Event):
        """The scheduler accepted a job."""

        TOPIC: ClassVar[str] = f"{TOPIC}.JobSubmitted"
        key: str
        job: Json

    class JobReported(Aggregate.Event):
        """The scheduler says something of a job that it did not say before."""

        TOPIC: ClassVar[str] = f"{TOPIC}.JobReported"
        key: str
        tasks: list[Json]

    class ProgressMade(Aggregate.Event):
        """A job says in its log that it came a good deal further."""

        TOPIC: ClassVar[str] = f"{TOPIC}.ProgressMade"
        key: str
        percent: int

    class OutputsDelivered(Aggregate.Event):
        """Results stand where they were wanted."""

        TOPIC: ClassVar[str] = f"{TOPIC}.OutputsDelivered"
        outputs: list[Json]
        problems: list[str]

    class ObjectsMade(Aggregate.Event):
        """Results are in OMERO, as the objects that are named, each by kind and id."""

        TOPIC: ClassVar[str] = f"{TOPIC}.ObjectsMade"
        objects: list[Json]
        problems: list[str]

    class ResultsPlaced(Aggregate.Event):
        """Results can be looked at in OMERO, at objects that are named as ``Dataset:5``."""

        TOPIC: ClassVar[str] = f"{TOPIC}.ResultsPlaced"
        places: list[str]

    class ImagesLeft(Aggregate.Event):
        """Images are on the cluster, in a folder where they stay."""

        TOPIC: ClassVar[str] = f"{TOPIC}.ImagesLeft"
        folder: str

    class CancelRequested(Aggregate.Event):
        """Somebody wants the run to end."""

        TOPIC: ClassVar[str] = f"{TOPIC}.CancelRequested"
        requested_by: str

    class PauseRequested(Aggregate.Event):
        """Somebody wants the run to stop at the next place where that is safe."""

        TOPIC: ClassVar[str] = f"{TOPIC}.PauseRequested"
        requested_by: str

    class RunHeld(Aggregate.Event):
        """The run stopped because somebody wanted it to; nothing is wrong with it."""

        TOPIC: ClassVar[str] = f"{TOPIC}.RunHeld"

    class ResumeRequested(Aggregate.Event):
        """Somebody takes back that the run shall stop, before it has."""

        TOPIC: ClassVar[str] = f"{TOPIC}.ResumeRequested"
        requested_by: str

    class StepRetried(Aggregate.Event):
        """A step went wrong in a way that may pass; it is tried again by itself."""

        TOPIC: ClassVar[str] = f"{TOPIC}.StepRetried"
        step: str
        attempt: int
        failure: Json
        after_s: float

    class JobAttempted(Aggregate.Event):
        """Some images of a step get another job, of a new key, by itself."""

        TOPIC: ClassVar[str] = f"{TOPIC}.JobAttempted"
        step: str
        images: list[int]
        resources: Json
        reason: str

    class RetryRequested(Aggregate.Event):
        """Somebody wants some images to go through some steps once more; the run is open again.

        In a new round they begin at the beginning, in folders of their own.
        """

        TOPIC: ClassVar[str] = f"{TOPIC}.RetryRequested"
        requested_by: str
        status: str
        images: list[int]
        job_steps: list[str]
        is_new_round: bool

    class RunPaused(Aggregate.Event):
        """The run waits for a person."""

        TOPIC: ClassVar[str] = f"{TOPIC}.RunPaused"
        failure: Json

    class RunResumed(Aggregate.Event):
        """A person let the run go on; since version 2 it says who, empty where nobody did."""

        TOPIC: ClassVar[str] = f"{TOPIC}.RunResumed"
        class_version: ClassVar[int] = 2
        requested_by: str

        @staticmethod
        def upcast_v1_v2(state: Json) -> None:
            """Add what was not recorded then."""
            state["requested_by"] = ""

    class SessionCounted(Aggregate.Event):
        """What a driving process cost the cluster, in logins and commands."""

        TOPIC: ClassVar[str] = f"{TOPIC}.SessionCounted"
        counts: Json

    class WorkflowCompleted(Aggregate.Event):
        """The run ended well."""

        TOPIC: ClassVar[str] = f"{TOPIC}.WorkflowCompleted"

    class WorkflowFailed(Aggregate.Event):
        """The run ended without its results."""

        TOPIC: ClassVar[str] = f"{TOPIC}.WorkflowFailed"
        error_message: str

    class FailureClassified(Aggregate.Event):
        """Why the run failed, with its evidence."""

        TOPIC: ClassVar[str] = f"{TOPIC}.FailureClassified"
        failure: Json

    class RunCancelled(Aggregate.Event):
        """The run ended because somebody wanted it to."""

        TOPIC: ClassVar[str] = f"{TOPIC}.RunCancelled"
