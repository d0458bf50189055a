"""``biomero``, the command."""

from __future__ import annotations

import click

import biomero


@click.group()
@click.version_option(biomero.__version__)
def main() -> None:
    """Run bioimage analysis workflows on Slurm clusters."""
