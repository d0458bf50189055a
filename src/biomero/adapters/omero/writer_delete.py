"""Deleting, with OMERO's own rules for what goes with what."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from biomero.adapters.omero.writer_session import WritingSession
from biomero.errors import OmeroError

_EVERY_S = 0.05


def delete(session: WritingSession, objects: Mapping[str, Sequence[int]]) -> None:
    """Delete objects and what hangs on them alone, in one transaction; return when they are gone.

    Parameters
    ----------
    objects
        Ids by the kind of object, spelt as OMERO's model spells it.

    Raises
    ------
    OmeroError
        If OMERO does not delete them.
    """
    import omero.cmd

    handle = session.factory.submit(omero.cmd.Delete2(targetObjects={k: list(v) for k, v in objects.items()}))
    try:
        while (response := handle.getResponse()) is None:
            time.sleep(_EVERY_S)
    finally:
        handle.close()
    if isinstance(response, omero.cmd.ERR):
        what = ", ".join(f"{kind} {list(ids)[:5]}" for kind, ids in objects.items())
        raise OmeroError(f"OMERO did not delete {what}: {response.category}, {response.name}")
