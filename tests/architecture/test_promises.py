"""Promises about the whole that no single module can keep."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

import biomero.errors
from biomero.entrypoints.cli.main import main
from biomero.errors import BiomeroError


def commands(
    group: click.Group, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


def test_every_error_stands_in_the_drawn_tree() -> None:
    drawn = inspect.getdoc(biomero.errors) or ""
    classes = [
        c for _, c in inspect.getmembers(biomero.errors, inspect.isclass) if issubclass(c, BiomeroError)
    ]
    assert len(classes) > 20
    assert [c.__name__ for c in classes if c.__name__ not in drawn] == []


def test_every_command_prints_json_when_asked() -> None:
    found = dict(commands(main))
    assert len(found) >= 8
    without = [path for path, command in found.items() if "as_json" not in {p.name for p in command.params}]
    assert without == []


def test_every_command_says_what_it_does() -> None:
    assert [path for path, command in commands(main) if not command.help] == []
