"""Which data was sent."""

from __future__ import annotations

from biomero.application.script_api.session import ScriptSession

_LIST = 'cd -- "$1" && find . -mindepth 1 -maxdepth 1 -type f -name "*.zip" ! -name ".*" -printf "%f\\0"'


def list_data(session: ScriptSession) -> list[str]:
    """Return the names of the data folders whose zip is on the cluster, in order.

    Scripts look here whether what they sent has arrived.
    """
    names = session.run(_LIST, session.root).stdout.split("\0")
    return sorted(name.removesuffix(".zip") for name in names if name)
