"""Tables where OMERO has none to give."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from biomero.adapters.omero.writer_session import WritingSession
from biomero.adapters.omero.writer_tables import make_table
from biomero.application.ports.omero import TableColumn
from biomero.domain.omero import GroupAccess, OmeroGroup, OmeroUser
from biomero.errors import OmeroUnavailableError


class Resources:
    """OMERO's shared resources, with tables that are enabled and nobody makes."""

    def sharedResources(self) -> Resources:  # noqa: N802 - OMERO's name
        return self

    def areTablesEnabled(self) -> bool:  # noqa: N802 - OMERO's name
        return True

    def repositories(self) -> Any:
        return SimpleNamespace(descriptions=[SimpleNamespace(id=SimpleNamespace(val=1))])

    def newTable(self, _repository: int, _name: str) -> None:  # noqa: N802 - OMERO's name
        return None


def test_a_server_that_gives_no_table_is_said_to_be_unavailable() -> None:
    session = WritingSession(
        place="omero:4064",
        factory=Resources(),
        user=OmeroUser(id=2, name="alice"),
        group=OmeroGroup(id=3, name="lab", access=GroupAccess.PRIVATE),
    )
    column = TableColumn(name="area", kind="long", values=(1, 2))
    with pytest.raises(OmeroUnavailableError, match="gave no new table"):
        make_table(session, [column], "cells.csv")
