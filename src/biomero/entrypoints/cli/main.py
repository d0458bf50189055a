"""``biomero``, the command."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import click

from biomero.entrypoints.cli.exits import INTERRUPTED, fail

_COMMANDS = {
    "cluster": "biomero.entrypoints.cli.cluster",
    "run": "biomero.entrypoints.cli.run",
    "runs": "biomero.entrypoints.cli.runs",
    "omero": "biomero.entrypoints.cli.omero",
    "worker": "biomero.entrypoints.cli.worker",
    "doctor": "biomero.entrypoints.cli.doctor",
    "workflows": "biomero.entrypoints.cli.workflows",
    "stats": "biomero.entrypoints.cli.stats",
    "db": "biomero.entrypoints.cli.db",
    "config": "biomero.entrypoints.cli.config",
}


class _Commands(click.Group):
    """Imports a command when it is wanted: image and SSH libraries take their time."""

    def main(  # type: ignore[override] # click's has two overloads, which this one serves both
        self,
        args: Sequence[str] | None = None,
        **extra: Any,  # noqa: ANN401 - click's signature
    ) -> Any:  # noqa: ANN401 - likewise
        """Run; what click itself refuses is said as JSON too, where JSON is asked for."""
        words = sys.argv[1:] if args is None else list(args)
        if "--json" not in words or not extra.get("standalone_mode", True):
            return super().main(args, **extra)
        try:
            code = super().main(words, **{**extra, "standalone_mode": False})
        except click.ClickException as exc:
            fail(exc.format_message(), kind=type(exc).__name__, code=exc.exit_code, as_json=True)
        except click.Abort:
            fail("interrupted", kind="KeyboardInterrupt", code=INTERRUPTED, as_json=True)
        sys.exit(code if isinstance(code, int) else 0)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(_COMMANDS[cmd_name]), cmd_name)
        return command


@click.group(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(version("biomero"))
def main() -> None:
    """Run bioimage analysis workflows on Slurm clusters, or on this machine."""
    for name in ("tifffile", "nd2", "liffile"):  # what they log of damaged files, we say ourselves
        logging.getLogger(name).setLevel(logging.CRITICAL)
