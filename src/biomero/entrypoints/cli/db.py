"""``biomero db``: the database of runs and its views."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from biomero.application.ports.database import SchemaState
from biomero.bootstrap import open_database, settings_for
from biomero.entrypoints.cli import exits
from biomero.entrypoints.cli.options import config_option, json_option


@click.group()
def db() -> None:
    """Make, upgrade and check the database of runs, and make its views anew.

    The record of runs itself is only ever added to; views are made of it.
    """


@db.command()
@config_option
@json_option
@exits.tells_errors
def init(*, config: Path | None, as_json: bool) -> None:
    """Make the tables in a new database; tables of BIOMERO 2 are taken over as they are."""
    _bring_up_to_date(config, as_json=as_json)


@db.command()
@config_option
@json_option
@exits.tells_errors
def upgrade(*, config: Path | None, as_json: bool) -> None:
    """Bring the tables to this release, then the views to the newest event."""
    _bring_up_to_date(config, as_json=as_json)


def _bring_up_to_date(config: Path | None, *, as_json: bool) -> None:
    with open_database(settings_for(config=config)) as database:
        before = database.schema.state()
        database.schema.upgrade()
        database.tracking().catch_up()
        now = database.schema.state()
        if as_json:
            exits.print_json({"database": database.schema.address, "from": before.version, "to": now.version})
        elif before.version == now.version:
            click.echo(f"{database.schema.address} is up to date ({now.version})")
        else:
            was = f"from {before.version} " if before.version else ""
            click.echo(f"{database.schema.address} was brought {was}to {now.version}")


@db.command()
@config_option
@json_option
@exits.tells_errors
def check(*, config: Path | None, as_json: bool) -> None:
    """Say whether tables and views are up to date; exit with 1 where they are not. Nothing is changed."""
    with open_database(settings_for(config=config)) as database:
        state = database.schema.state()
        head = database.head() if state.version is not None else 0
        lag = {view: head - position for view, position in state.positions.items()}
        problems = _problems(state, lag)
        if as_json:
            document = {
                "database": database.schema.address,
                "version": state.version,
                "newest": state.newest,
                "events": head,
                "behind": lag,
                "problems": problems,
            }
            exits.print_json(document)
        else:
            click.echo(f"database  {database.schema.address}")
            click.echo(f"tables    {state.version or 'none'}; this BIOMERO has {state.newest}")
            click.echo(f"events    {head}")
            for view, behind in sorted(lag.items()):
                click.echo(f"view      {view}: " + (f"{behind} events behind" if behind else "up to date"))
            for problem in problems:
                click.echo(f"problem   {problem}")
    sys.exit(exits.RUN_FAILED if problems else exits.DONE)


def _problems(state: SchemaState, lag: dict[str, int]) -> list[str]:
    if state.version is None:
        return ["the tables of views were not made yet: biomero db init"]
    if state.version > state.newest:
        return ["a newer BIOMERO made the tables: upgrade BIOMERO"]
    if state.version != state.newest:
        return ["an older BIOMERO made the tables: biomero db upgrade"]
    problems = [f"{part} is missing, which no migration takes away" for part in state.missing]
    if any(lag.values()):
        # those that are behind by an event are only asked at a bad moment; the command does no harm
        problems.append("views are behind the record: biomero db upgrade")
    return problems


@db.command()
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    metavar="DATE",
    help="Leave out runs to which nothing happened since then, such as 2026-01-31 (UTC).",
)
@config_option
@json_option
@exits.tells_errors
def rebuild(*, since: datetime | None, config: Path | None, as_json: bool) -> None:
    """Make all views anew from the record, while others go on reading and writing."""
    with open_database(settings_for(config=config)) as database:
        database.tracking().rebuild(None if since is None else since.replace(tzinfo=UTC))
        if as_json:
            exits.print_json({"database": database.schema.address, "events": database.head()})
        else:
            click.echo(f"views were made anew from {database.head()} events")
