"""``biomero cluster``: have a cluster ready, look at it, and clean it up."""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from biomero.application.clean_cluster import clean_cluster, plan_cleaning
from biomero.application.cluster_status import cluster_status
from biomero.application.ports.clusters import Cluster
from biomero.application.prepare_cluster import Outcome, PrepareUpdate, prepare_cluster
from biomero.application.services import Services
from biomero.application.settings import ClusterSettings, Settings
from biomero.bootstrap import make_services, settings_for
from biomero.domain.leftovers import CleaningRule
from biomero.entrypoints.cli import exits
from biomero.entrypoints.cli.closing import with_services
from biomero.entrypoints.cli.options import cluster_options, json_option, pairs_of
from biomero.entrypoints.cli.show_cluster import (
    ItemProgress,
    cleaning_to_json,
    print_cleaning,
    print_prepared,
    print_status,
)
from biomero.errors import InputError, ParameterError

_AGE = re.compile(r"(\d+)\s*([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 24 * 7}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kMGT]?)B?", re.IGNORECASE)
_FACTORS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


@click.group()
def cluster() -> None:
    """Have a cluster ready for runs, look at it, and clean it up.

    Without --cluster it is the one of the configuration, or this machine where that names none.
    """


@cluster.command()
@click.option(
    "--workflow",
    "workflows",
    multiple=True,
    metavar="W",
    help="This workflow only: a name, a descriptor or an address. By default all of the configuration.",
)
@click.option(
    "--image",
    "images",
    multiple=True,
    metavar="W=FILE",
    help="Send this .sif file of this machine as the image of workflow W.",
)
@click.option(
    "--as-jobs/--on-login-node",
    "as_jobs",
    default=None,
    help="Pull images in jobs, or on the login node; the configuration says it by default.",
)
@cluster_options
@json_option
@exits.tells_errors
def prepare(**given: Any) -> None:  # noqa: ANN401 - click hands over what the options above declare
    """Make folders, pull container images and make environments, ahead of runs.

    What is there already stays. What cannot be had is named, and does not keep the others from being ready.
    """
    images = {name: _file(path) for name, path in pairs_of(given["images"], option="--image").items()}
    as_json: bool = given["as_json"]
    with (
        _opened(given, lambda settings: _pulling(settings, as_jobs=given["as_jobs"])) as (services, opened),
        ItemProgress(is_silent=as_json) as progress,
    ):
        items = prepare_cluster(
            opened,
            services,
            workflows=given["workflows"],
            images=images,
            listener=lambda update: _show(progress, update),
        )
    if as_json:
        exits.print_json(
            {
                "cluster": opened.settings.name,
                "items": [{**dataclasses.asdict(item), "outcome": item.outcome.value} for item in items],
            }
        )
    else:
        print_prepared(items)
    failed = any(item.outcome is Outcome.FAILED for item in items)
    sys.exit(exits.RUN_FAILED if failed else exits.DONE)


@cluster.command()
@cluster_options
@json_option
@exits.tells_errors
def status(**given: Any) -> None:  # noqa: ANN401 - click hands over what the options above declare
    """Show partitions, our jobs, and the space that runs and images take."""
    with _opened(given) as (_, opened):
        found = cluster_status(opened)
    if not given["as_json"]:
        print_status(found)
        return
    document = dataclasses.asdict(found)
    for job, told in zip(document["jobs"], found.jobs, strict=True):
        job["state"] = told.state.text
    exits.print_json(document)


@cluster.command()
@click.option(
    "--older-than", metavar="AGE", help="Nothing in it changed for so long, such as 30d, 12h or 2w."
)
@click.option("--larger-than", metavar="SIZE", help="It takes more than that, such as 500M or 2G.")
@click.option("--yes", is_flag=True, help="Remove it; without this, only say what would go.")
@cluster_options
@json_option
@exits.tells_errors
def clean(**given: Any) -> None:  # noqa: ANN401 - click hands over what the options above declare
    """Say which folders of runs and of the cache may go, and with --yes remove them.

    The folder of a run that is open stays, whatever its age.
    """
    rule = CleaningRule(older_than=_age(given["older_than"]), larger_than=_size(given["larger_than"]))
    if rule == CleaningRule():
        raise ParameterError("say what may go: --older-than AGE, --larger-than SIZE, or both")
    with _opened(given) as (services, opened):
        work = clean_cluster if given["yes"] else plan_cleaning
        found = work(opened, services, rule)
    if given["as_json"]:
        exits.print_json(cleaning_to_json(found, cluster=opened.settings.name, is_removed=given["yes"]))
    else:
        print_cleaning(found, is_removed=given["yes"])


@contextmanager
def _opened(
    given: dict[str, Any], change: Callable[[ClusterSettings], ClusterSettings] = lambda settings: settings
) -> Iterator[tuple[Services, Cluster]]:
    """Open the cluster that was asked for, or the one of the configuration."""
    settings = settings_for(config=given["config"], cluster=given["cluster"], ssh_config=given["ssh_config"])
    chosen = change(settings.cluster if given["cluster"] else _default_cluster(settings))
    services = with_services(make_services(dataclasses.replace(settings, cluster=chosen)))
    with services.clusters.open(chosen) as opened:
        yield services, opened


def _default_cluster(settings: Settings) -> ClusterSettings:
    """Return the cluster of the configuration; this machine where it names none."""
    if not settings.cluster.is_local or not settings.clusters:
        return settings.cluster
    return settings.clusters.get("slurm") or next(iter(settings.clusters.values()))


def _pulling(settings: ClusterSettings, *, as_jobs: bool | None) -> ClusterSettings:
    if as_jobs is None:
        return settings
    return dataclasses.replace(settings, pulls=dataclasses.replace(settings.pulls, as_job=as_jobs))


def _show(progress: ItemProgress, update: PrepareUpdate) -> None:
    progress.show(f"{update.kind} {update.name}", update.message, number=update.number, total=update.total)


def _file(text: str) -> Path:
    path = Path(text).expanduser().absolute()
    if not path.is_file():
        raise InputError(f"--image: {path}: there is no such file")
    return path


def _age(text: str | None) -> timedelta | None:
    if text is None:
        return None
    found = _AGE.fullmatch(text.strip())
    if found is None:
        raise ParameterError(f"--older-than takes hours, days or weeks, such as 12h, 30d or 2w, not {text!r}")
    try:
        return timedelta(hours=int(found[1]) * _HOURS[found[2]])
    except (OverflowError, ValueError) as exc:
        raise ParameterError(f"--older-than {text}: that is longer than times are counted here") from exc


def _size(text: str | None) -> int | None:
    if text is None:
        return None
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise ParameterError(f"--larger-than takes a size such as 500M or 2G, not {text!r}")
    try:
        return int(float(found[1]) * _FACTORS[found[2].upper()])
    except OverflowError as exc:
        raise ParameterError(f"--larger-than {text}: that is more than any disk holds") from exc
