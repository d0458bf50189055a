"""``biomero omero import``: results of a run that has ended into OMERO once more, with other wishes."""

from __future__ import annotations

from typing import Any

import click

from biomero.application.import_again import import_again
from biomero.entrypoints.cli import exits
from biomero.entrypoints.cli.find_run import cluster_of, find_run
from biomero.entrypoints.cli.omero_options import omero_wishes, wish_options
from biomero.entrypoints.cli.options import json_option, this_user
from biomero.entrypoints.cli.run import finish, leave_to_worker
from biomero.errors import UsageError


@click.command("import")
@click.argument("run_id", metavar="ID")
@wish_options
@click.option(
    "--another-dataset",
    is_flag=True,
    help="Make another dataset, with images of its own, also where the run has made one of that name.",
)
@click.option("--detach", is_flag=True, help="Leave it to a worker and return at once.")
@json_option
@exits.tells_errors
def import_results(*, run_id: str, another_dataset: bool, detach: bool, as_json: bool, **given: Any) -> None:  # noqa: ANN401 - as `run`
    """Put the results of a run into OMERO once more, with other wishes.

    The results must be there: in the folder of --out, on the cluster because of --keep, or on their way to
    OMERO in a run that is paused. What the run has made in OMERO already is not made again.
    """
    wishes = omero_wishes(given)
    if not wishes:
        raise UsageError("nobody said what shall come of the results (--to)")
    services, found = find_run(run_id)
    accepted, _ = import_again(
        services.record.get(found),
        wishes,
        services,
        requested_by=this_user(),
        makes_anew=another_dataset,
    )
    if detach:
        leave_to_worker(accepted, services, as_json=as_json)
    with cluster_of(services) as cluster:
        finish(accepted, services, cluster, as_json=as_json)
