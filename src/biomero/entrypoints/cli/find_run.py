"""A run by what a person types, with the settings that it was started with."""

from __future__ import annotations

from biomero.application.kept_wishes import deliver_kept
from biomero.application.ports.clusters import Cluster
from biomero.application.run_request import RunRequest
from biomero.application.services import Services
from biomero.bootstrap import make_services, open_record, settings_for
from biomero.domain.ids import RunId
from biomero.entrypoints.cli.closing import with_record, with_services


def find_run(text: str) -> tuple[Services, RunId]:
    """Return a run, and the services with its settings.

    Raises
    ------
    UnknownRunError
        If there is no such run, or more than one, or a script drives it.
    """
    record = with_record(open_record(settings_for()))
    found = record.find(text)
    request = RunRequest.from_json(record.get(found).request)
    settings = settings_for(
        config=request.config, cluster=request.cluster or "local", ssh_config=request.ssh_config
    )
    services = with_services(make_services(settings))
    deliver_kept(services)
    return services, found


def cluster_of(services: Services) -> Cluster:
    """Open a run's cluster; nothing is connected to before it is used."""
    return services.clusters.open(services.settings.cluster)
