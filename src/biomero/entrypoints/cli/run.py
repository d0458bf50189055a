"""``biomero run``: images in, results out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from biomero.application.cancel_run import cancel_run
from biomero.application.check_cluster import check_cluster
from biomero.application.describe_run import describe_run
from biomero.application.drive_here import drive_here
from biomero.application.engine.tidy import is_on_the_way
from biomero.application.follow_run import living_driver
from biomero.application.ports.clusters import Cluster
from biomero.application.run_document import RunDocument
from biomero.application.run_request import RunRequest
from biomero.application.services import Services
from biomero.application.settings import Settings
from biomero.application.submit_run import Order, accept_order, check_order
from biomero.bootstrap import make_services, resources_from, settings_for
from biomero.domain.ids import RunId
from biomero.domain.run_status import RunStatus
from biomero.entrypoints.cli import exits
from biomero.entrypoints.cli.closing import with_services
from biomero.entrypoints.cli.omero_options import omero_options, omero_order, split_inputs
from biomero.entrypoints.cli.options import (
    cluster_options,
    json_option,
    pairs_of,
    resource_flags,
    resource_options,
    this_user,
)
from biomero.entrypoints.cli.progress import TerminalProgress
from biomero.entrypoints.cli.show import print_outcome
from biomero.entrypoints.cli.steer import warn_if_nobody_drives
from biomero.errors import RunPausedError, UsageError


@click.command()
@click.argument("workflow")
@click.argument("images", nargs=-1, type=click.Path(path_type=Path, readable=False))
@click.option("--out", "results", type=click.Path(path_type=Path), help="Folder for the results.")
@click.option(
    "--param", "parameters", multiple=True, metavar="NAME=VALUE", help="A parameter of the workflow."
)
@click.option(
    "--input",
    "attachments",
    multiple=True,
    metavar="NAME=PATH",
    help="A further input of the workflow: a file, or a folder with several, once for each input. "
    "With --omero also NAME=FileAnnotation:ID, as often as there are files.",
)
@click.option(
    "--runtime",
    type=click.Choice(["apptainer", "singularity", "process"]),
    help="How the workflow's program is run: in a container, or as a process of its own environment.",
)
@click.option(
    "--python",
    help="With --runtime process: this Python for the workflow, instead of a new environment. "
    "The conversion of images keeps its own.",
)
@click.option(
    "--container-image", help="With a container runtime: this image or .sif file instead of the descriptor's."
)
@click.option(
    "--on-error",
    type=click.Choice(["continue", "stop"]),
    default="continue",
    show_default=True,
    help="What an image that fails means for the others.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    help="Images for each job; without it one job has all of them.",
)
@click.option("--zarr-version", type=click.Choice(["0.4", "0.5"]), default="0.5", show_default=True)
@click.option(
    "--plates",
    type=click.Choice(["auto", "fields", "hcs"]),
    default="auto",
    show_default=True,
    help="Images of wells as plates of OME-Zarr (hcs), or each alone; auto: as the workflow reads them.",
)
@click.option("--keep", is_flag=True, help="Leave the run's folder on the cluster when the run is done.")
@click.option(
    "--detach",
    is_flag=True,
    help="Leave the run to a worker and return at once; `biomero runs watch` follows it.",
)
@omero_options
@cluster_options
@resource_options
@json_option
@exits.tells_errors
def run(**given: Any) -> None:  # noqa: ANN401 - click hands over what the options above declare
    """Run WORKFLOW on IMAGES and write the results to a folder, or to OMERO.

    WORKFLOW is a name (see `biomero workflows list`), a descriptor or its folder, or the address of a
    repository such as https://github.com/org/W_name/tree/v1.2.
    """
    settings = settings_for(
        config=given["config"],
        cluster=given["cluster"],
        workflow=given["workflow"],
        ssh_config=given["ssh_config"],
    )
    for warning in settings.warnings:
        click.echo(f"biomero: {exits.printable(warning)}", err=True)
    services = with_services(make_services(settings))
    checked = check_order(_order(given, settings), services)
    if given["detach"]:
        leave_to_worker(accept_order(checked, services), services, as_json=given["as_json"])
    with services.clusters.open(settings.cluster) as cluster:
        check_cluster(cluster, checked, settings)
        run_id = accept_order(checked, services)
        finish(run_id, services, cluster, as_json=given["as_json"])


def leave_to_worker(run_id: RunId, services: Services, *, as_json: bool) -> NoReturn:
    """Leave a run to a worker."""
    if as_json:
        exits.print_json(describe_run(services.record, run_id).to_dict())
    else:
        click.echo(run_id)
        warn_if_nobody_drives(services, run_id)
    sys.exit(exits.DONE)


def _order(given: dict[str, Any], settings: Settings) -> Order:
    if given["python"] and given["runtime"] not in {None, "process"}:
        raise UsageError("--python goes with --runtime process")
    omero = omero_order(given, [str(word) for word in given["images"]], settings.omero)
    attachments, omero = split_inputs(given["attachments"], omero)
    return Order(
        workflow=given["workflow"],
        images=given["images"] if omero is None else (),
        omero=omero,
        results=given["results"],
        parameters=pairs_of(given["parameters"], option="--param"),
        attachments=attachments,
        runtime=given["runtime"],
        python=given["python"],
        container_image=given["container_image"],
        resources=resources_from(resource_flags(given), where="--"),
        on_error=given["on_error"],
        batch_size=given["batch_size"],
        zarr_version=given["zarr_version"],
        plates=given["plates"],
        keep=given["keep"],
        config=given["config"],
        requested_by=this_user(),
    )


def finish(run_id: RunId, services: Services, cluster: Cluster, *, as_json: bool) -> None:
    """Drive a run to its end, show it, and leave with the exit code that it deserves."""
    document = drive(run_id, services, cluster, as_json=as_json)
    show_outcome(document, services, as_json=as_json)


def drive(run_id: RunId, services: Services, cluster: Cluster, *, as_json: bool) -> RunDocument:
    """Drive a run to its end and return its document; where it does not come to an end, say so and leave."""
    if not as_json:
        click.echo(f"run {run_id}", err=True)
    with TerminalProgress() as progress:
        try:
            drive_here(run_id, services, cluster, progress, requested_by=this_user())
        except KeyboardInterrupt:
            progress.pause()
            _interrupted(run_id, services, cluster, as_json=as_json)
        except RunPausedError as exc:
            progress.pause()
            tell_paused(run_id, services, str(exc), as_json=as_json)
    return describe_run(services.record, run_id)


def show_outcome(document: RunDocument, services: Services, *, as_json: bool) -> NoReturn:
    """Show a run's end and leave."""
    request = RunRequest.from_json(services.record.get(document.id).request)
    is_done = document.status is RunStatus.DONE
    results = None if is_done and is_on_the_way(request, services.settings) else request.results
    if as_json:
        exits.print_json(document.to_dict())
    else:
        print_outcome(document, results=results)
    sys.exit(exits.DONE if is_done else exits.RUN_FAILED)


def tell_paused(run_id: RunId, services: Services, why: str, *, as_json: bool) -> NoReturn:
    """Say what a run waits for, and how to go on."""
    if as_json:
        exits.print_json(describe_run(services.record, run_id).to_dict())
    else:
        click.echo(
            f"biomero: {exits.printable(why)}\n"
            f"run {run_id} is paused; go on when that is put right:  biomero runs resume {run_id[:8]}",
            err=True,
        )
    sys.exit(exits.UNREACHABLE)


def _interrupted(run_id: RunId, services: Services, cluster: Cluster, *, as_json: bool) -> NoReturn:
    """Ask what Ctrl-C means; where nobody can answer, the run is left alone."""
    choice = "leave"
    if sys.stdin.isatty() and not as_json:
        click.echo("", err=True)
        try:
            choice = click.prompt(
                "Leave the run as it is, or cancel it?",
                type=click.Choice(["leave", "cancel"]),
                default="leave",
                err=True,
            )
        except click.Abort:
            choice = "leave"
    if choice == "cancel":
        with TerminalProgress() as progress:
            cancel_run(run_id, services, cluster, progress, requested_by=this_user())
        click.echo(f"run {run_id} is cancelled", err=True)
    elif not as_json:
        is_driven = living_driver(services) is not None
        why = "goes on: a worker drives it" if is_driven else "is left; jobs that were submitted go on"
        click.echo(
            f"run {run_id} {why}.\n"
            f"  {'follow it:    ' if is_driven else 'go on with it:'}  "
            f"biomero runs {'watch' if is_driven else 'resume'} {run_id[:8]}\n"
            f"  cancel it:      biomero runs cancel {run_id[:8]}",
            err=True,
        )
    if as_json:
        exits.print_json(describe_run(services.record, run_id).to_dict())
    sys.exit(exits.INTERRUPTED)
