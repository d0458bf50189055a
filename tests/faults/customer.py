"""Somebody who asks for runs and wishes things of them, in this process: it is quicker than a shell."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from biomero.application.pause_run import pause_run, resume_run
from biomero.application.request_cancel import request_cancel
from biomero.application.retry_run import Retry, retry_run
from biomero.application.services import Services
from biomero.application.submit_run import Order, accept_order, check_order
from biomero.bootstrap import make_services, settings_for
from biomero.domain.ids import RunId
from biomero.domain.job import JobResources
from services.command import THRESHOLD

_WHO = "ada"


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A user of one scene.

    Parameters
    ----------
    env
        The environment with the scene's settings.
    cluster
        Where runs go; ``local`` for this machine.
    """

    env: Mapping[str, str]
    cluster: str

    def order(
        self,
        images: Sequence[Path],
        results: Path,
        *,
        resources: JobResources | None = None,
        batch_size: int | None = None,
        by: str = _WHO,
        **parameters: str,
    ) -> str:
        """Ask for a run and return its id; from now on it is promised to come to an end."""
        with self._services() as services:
            order = Order(
                workflow=str(THRESHOLD),
                images=images,
                results=results,
                parameters=parameters,
                runtime="process",
                # ours has all that the workflow needs; on a cluster an environment is made once
                python=sys.executable if self.cluster == "local" else None,
                resources=resources or JobResources(),
                batch_size=batch_size,
                requested_by=by,
            )
            return accept_order(check_order(order, services), services)

    def resume(self, run_id: str) -> None:
        """Let a run go on that waits for a person."""
        with self._services() as services:
            resume_run(RunId(run_id), services, requested_by=_WHO)

    def pause(self, run_id: str) -> None:
        """Ask a run to stop for a while."""
        with self._services() as services:
            pause_run(RunId(run_id), services, requested_by=_WHO)

    def cancel(self, run_id: str) -> None:
        """Ask for a run's end."""
        with self._services() as services:
            request_cancel(RunId(run_id), services, requested_by=_WHO)

    def retry(self, run_id: str, what: str, *, step: str | None = None) -> None:
        """Ask for another try of ``step``, ``failed-images`` or ``all``."""
        with self._services() as services:
            retry_run(RunId(run_id), services, Retry(what), requested_by=_WHO, step=step)

    @contextmanager
    def _services(self) -> Iterator[Services]:
        with patch.dict(os.environ, self.env):
            services = make_services(settings_for(cluster=self.cluster))
            try:
                yield services
            finally:
                services.record.close()
