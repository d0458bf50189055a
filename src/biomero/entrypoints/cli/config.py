"""``biomero config``: look at settings, check them, change them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from biomero.bootstrap import configuration as settings_files
from biomero.entrypoints.cli import exits
from biomero.entrypoints.cli.options import config_option, json_option


@click.group()
def config() -> None:
    """Look at the settings in slurm-config.ini, check them and change them."""


@config.command()
@click.option(
    "--origin", "with_origin", is_flag=True, help="Say which file and line, or which variable, set it."
)
@config_option
@json_option
@exits.tells_errors
def show(*, with_origin: bool, config: Path | None, as_json: bool) -> None:
    """Print every value that counts; secrets are hidden."""
    judged = settings_files.judge(settings_files.read_configuration(config))
    rows = settings_files.rows(judged.configuration)
    if as_json:
        exits.print_json(
            {
                "files": [str(file) for file in judged.configuration.files],
                "settings": [
                    {"section": r.section, "key": r.key, "value": r.value, "origin": _origin(r.origin)}
                    for r in rows
                ],
                "problems": [_problem(p) for p in judged.problems],
                "warnings": [_problem(p) for p in judged.warnings],
            }
        )
        return
    section = ""
    for row in rows:
        if row.section != section:
            click.echo(f"{chr(10) if section else ''}[{row.section}]")
            section = row.section
        if with_origin:
            click.echo(f"# {exits.printable(str(row.origin))}")
        value = "" if row.value is None else f" = {row.value}".replace("\n", "\n    ")
        click.echo(exits.printable(f"{row.key}{value}"))
    _print_problems(judged)


@config.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@config_option
@json_option
@exits.tells_errors
def check(*, file: Path | None, config: Path | None, as_json: bool) -> None:
    """Say everything that is wrong with the settings.

    With FILE: with that file alone, as it would be on a machine that has no other one. The exit code is 2
    where something is wrong, and 0 where there are warnings at most.
    """
    if file is not None:
        configuration = settings_files.read_configuration(file, environment={}, files=())
    else:
        configuration = settings_files.read_configuration(config)
    judged = settings_files.judge(configuration)
    if as_json:
        exits.print_json(
            {
                "files": [str(path) for path in configuration.files],
                "problems": [_problem(p) for p in judged.problems],
                "warnings": [_problem(p) for p in judged.warnings],
                "exit_code": exits.USAGE if judged.problems else exits.DONE,
            }
        )
    else:
        _print_problems(judged)
        if not judged.problems:
            click.echo(
                f"{len(configuration.files)} files, {len(judged.settings.workflows)} workflows: no problem"
            )
    sys.exit(exits.USAGE if judged.problems else exits.DONE)


@config.command("set")
@click.argument("name", metavar="SECTION.KEY")
@click.argument("value")
@config_option
@json_option
@exits.tells_errors
def set_value(*, name: str, value: str, config: Path | None, as_json: bool) -> None:
    """Set a key, such as SLURM.slurm_data_path, in the file for this machine's own settings.

    With `-` for VALUE it is read from standard input, where a password does not show in lists of processes.
    """
    if value == "-":
        value = sys.stdin.read().rstrip("\r\n")
    _tell(settings_files.change_setting(name, value, file=config), "set", as_json=as_json)


@config.command("unset")
@click.argument("name", metavar="SECTION.KEY")
@config_option
@json_option
@exits.tells_errors
def unset_value(*, name: str, config: Path | None, as_json: bool) -> None:
    """Take a key out of the file for this machine's own settings; other files may still say it."""
    _tell(settings_files.change_setting(name, None, file=config), "unset", as_json=as_json)


@config.command()
@click.option("--ini", "as_ini", is_flag=True, help="A sample slurm-config.ini instead of the page.")
@json_option
@exits.tells_errors
def reference(*, as_ini: bool, as_json: bool) -> None:
    """Print what every key means, as a page in Markdown."""
    text = settings_files.sample_ini() if as_ini else settings_files.reference_markdown()
    if as_json:
        exits.print_json({"format": "ini" if as_ini else "markdown", "text": text})
    else:
        click.echo(text, nl=False)


def _origin(origin: settings_files.Origin) -> dict[str, Any]:
    return {
        "file": None if origin.file is None else str(origin.file),
        "line": origin.line,
        "variable": origin.variable,
    }


def _problem(problem: settings_files.Problem) -> dict[str, Any]:
    return {
        **_origin(problem.origin),
        "section": problem.section,
        "key": problem.key,
        "message": problem.message,
    }


def _print_problems(judged: settings_files.Judged) -> None:
    for problem in judged.problems:
        click.echo(f"{click.style('problem', fg='red')}  {exits.printable(str(problem))}", err=True)
    for warning in judged.warnings:
        click.echo(f"{click.style('warning', fg='yellow')}  {exits.printable(str(warning))}", err=True)


def _tell(changed: settings_files.Changed, verb: str, *, as_json: bool) -> None:
    backup = None if changed.backup is None else os.fspath(changed.backup)
    if as_json:
        exits.print_json(
            {
                "file": str(changed.file),
                "backup": backup,
                "section": changed.section,
                "key": changed.key,
                "warnings": [_problem(w) for w in changed.warnings],
            }
        )
        return
    click.echo(f"[{changed.section}] {changed.key} is {verb} in {changed.file}")
    for warning in changed.warnings:
        click.echo(f"{click.style('warning', fg='yellow')}  {exits.printable(str(warning))}", err=True)
