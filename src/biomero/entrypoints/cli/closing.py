"""What a command opens is closed when the command ends, however it ends."""

from __future__ import annotations

import logging

import click

from biomero.application.run_record import RunRecord
from biomero.application.services import Services
from biomero.errors import BiomeroError

_LOG = logging.getLogger(__name__)


def with_record(record: RunRecord) -> RunRecord:
    """Return a record that is closed when the command ends."""
    click.get_current_context().call_on_close(lambda: _close(record))
    return record


def with_services(services: Services) -> Services:
    """Return services whose record is closed when the command ends."""
    with_record(services.record)
    return services


def _close(record: RunRecord) -> None:
    try:
        record.close()
    except BiomeroError as exc:  # what the command did is done; views catch up later
        _LOG.info("the record was not closed well: %s", exc)
