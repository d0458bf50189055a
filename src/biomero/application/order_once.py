"""Use case: accept what somebody at OMERO asks for, once, however often they ask."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from uuid import UUID, uuid5

from biomero.application.offer_workflows import shown_version
from biomero.application.services import Services
from biomero.application.submit_run import Order, accept_order, check_order
from biomero.domain.ids import RunId
from biomero.errors import InputError, UnknownRunError

_OURS = UUID("5b0b3d7e-6d0e-4c54-9a39-1f4f6f1b8f5a")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderKey:
    """What makes two requests the same: who asks, and a text of theirs, such as the number of their job."""

    server: str
    user_id: int
    text: str

    @property
    def run_id(self) -> RunId:
        """The id of the run, which only these three lead to."""
        return RunId(str(uuid5(_OURS, f"{self.server}\n{self.user_id}\n{self.text}")))


@dataclass(frozen=True, slots=True)
class OrderOnce:
    """Accepts orders; one process of a machine does, so that its lock keeps two of a key apart."""

    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(
        self, key: OrderKey, order: Order, services: Services, *, version: str = ""
    ) -> tuple[RunId, bool]:
        """Return the run, and whether it is new.

        Parameters
        ----------
        version
            What the user saw of the workflow; empty for any.

        Raises
        ------
        InputError
            If the workflow is another one by now. Also all that `check_order` and `accept_order` raise.
        """
        run_id = key.run_id
        if is_known(run_id, services):
            return run_id, False
        checked = check_order(order, services)  # asks OMERO, which may take long: others need not wait
        found = shown_version(checked.workflow)
        if version and version not in {found, checked.workflow.version}:
            raise InputError(
                f"{order.workflow} is at version {found} now, not at {version}: open the form again"
            )
        with self._lock:
            if is_known(run_id, services):
                return run_id, False
            return accept_order(checked, services, run_id=run_id), True

    @property
    def alone(self) -> AbstractContextManager[object]:
        """Held while something else is accepted that must not be accepted twice."""
        return self._lock


def is_known(run_id: RunId, services: Services) -> bool:
    """Say whether there is such a run."""
    try:
        services.record.get(run_id)
    except UnknownRunError:
        return False
    return True
