"""``biomero doctor``: what is wrong between here and a compute node, and what to do."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from biomero.application.doctor.codes import Code
from biomero.application.doctor.examination import Tools
from biomero.application.doctor.examine import examine, has_problem
from biomero.application.doctor.findings import Finding, Level
from biomero.application.settings import ClusterSettings, Settings
from biomero.bootstrap import make_doctor, settings_for
from biomero.entrypoints.cli import exits
from biomero.entrypoints.cli.options import cluster_options, json_option
from biomero.errors import ConfigurationError, UsageError

_COLOURS = {Level.OK: "green", Level.WARNING: "yellow", Level.PROBLEM: "red", Level.SKIPPED: "dim"}
PROBLEM = 1
"""The exit code when there is a problem, whatever it is."""


@click.command()
@cluster_options
@json_option
@click.option("--quick", is_flag=True, help="Leave out what waits: images, and jobs on compute nodes.")
@click.option(
    "--wait",
    "job_timeout_s",
    type=click.FloatRange(min=1),
    default=120.0,
    show_default=True,
    metavar="SECONDS",
    help="How long the small jobs on compute nodes may take.",
)
@click.option(
    "--omero-write-test",
    "omero_user",
    metavar="USER",
    help="Make one of everything in OMERO as this user, in their default group, and delete it.",
)
@exits.tells_errors
def doctor(
    *,
    cluster: str | None,
    ssh_config: Path | None,
    config: Path | None,
    as_json: bool,
    quick: bool,
    job_timeout_s: float,
    omero_user: str | None,
) -> None:
    """Check everything from this machine to a compute node, and say what to do.

    Without --cluster every configured cluster is examined, or this machine where there is none. Small jobs
    are sent to the partitions that are used; nothing stays behind. The exit code is 1 if there is a problem.
    """
    console = Console(highlight=False)
    with console.status("examining …"):
        try:
            settings = settings_for(config=config, cluster=cluster, ssh_config=ssh_config)
        except ConfigurationError as exc:  # nothing else can be looked at then
            findings = [Code.CONFIGURATION.problem("configuration", str(exc))]
        else:
            tools = make_doctor(settings)
            clusters = _clusters(settings, is_chosen=cluster is not None)
            findings = list(examine(tools, clusters, quick=quick, job_timeout_s=job_timeout_s))
            if omero_user is not None:
                findings += _write_test(tools, omero_user)
    if as_json:
        exits.print_json(_document(findings))
    else:
        _print(console, findings)
    sys.exit(PROBLEM if has_problem(findings) else exits.DONE)


def _write_test(tools: Tools, user: str) -> Sequence[Finding]:
    from biomero.application.doctor.omero_writing import check_writing  # noqa: PLC0415 - seldom wanted

    if tools.omero is None:
        raise UsageError("--omero-write-test needs an OMERO: [OMERO] host")
    return list(check_writing(tools.omero, user))


def _clusters(settings: Settings, *, is_chosen: bool) -> Sequence[ClusterSettings]:
    if is_chosen or not settings.clusters:
        return [settings.cluster]
    return list(settings.clusters.values())


def _document(findings: Sequence[Finding]) -> dict[str, object]:
    return {
        "ok": not has_problem(findings),
        "counts": {level.value: sum(f.level is level for f in findings) for level in Level},
        "findings": [
            {
                "code": f.code,
                "level": f.level.value,
                "cluster": f.cluster,
                "place": f.place.value,
                "subject": f.subject,
                "message": f.message,
                "remedy": f.remedy,
            }
            for f in findings
        ],
    }


def _print(console: Console, findings: Sequence[Finding]) -> None:
    """Print a table for this machine and one for each cluster, and last what to do."""
    for cluster in dict.fromkeys(f.cluster for f in findings):
        if cluster:
            console.print(f"\n[bold]{_text(cluster)}[/bold]")
        table = Table(box=None, header_style="dim")
        for column in ("where", "", "code", "finding"):
            table.add_column(column, no_wrap=column != "finding", overflow="fold")
        shown = None
        for f in (f for f in findings if f.cluster == cluster):
            where = "" if f.place is shown else f.place.value
            shown = f.place
            table.add_row(where, _level(f), f.code, f"{_text(f.subject)}: {_text(f.message)}")
        console.print(table)
    console.print()
    for same in _by_remedy(findings):
        subjects = ", ".join(dict.fromkeys(f.subject for f in same))
        first = same[0]
        console.print(
            f"{_level(first)} {first.code} ({_text(subjects)}): {_text(first.remedy)}", soft_wrap=True
        )
    problems = sum(f.level is Level.PROBLEM for f in findings)
    warnings = sum(f.level is Level.WARNING for f in findings)
    console.print(f"{problems} problems, {warnings} warnings")


def _by_remedy(findings: Sequence[Finding]) -> Iterator[list[Finding]]:
    """Group what the same thing helps against, in the order of the first of each."""
    groups: dict[tuple[str, Level], list[Finding]] = {}
    for finding in findings:
        if finding.remedy:
            groups.setdefault((finding.code, finding.level), []).append(finding)
    yield from groups.values()


def _level(finding: Finding) -> str:
    colour = _COLOURS[finding.level]
    return f"[{colour}]{finding.level.value}[/{colour}]"


def _text(value: str) -> str:
    return escape(exits.printable(value))
