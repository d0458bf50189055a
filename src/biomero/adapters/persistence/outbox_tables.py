"""The tables of notices that people get."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from biomero.adapters.persistence.tables import ViewBase

WAITS, SENT, GIVEN_UP = "waits", "sent", "given up"


class NoticeRow(ViewBase):
    """A notice on its way to people; what was sent is kept, so that it is not sent again."""

    __tablename__ = "engine_notice"

    notice_id: Mapped[str] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    run_id: Mapped[str]
    status: Mapped[str]
    at: Mapped[datetime] = mapped_column(sa.DateTime(timezone=True))
    facts: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    state: Mapped[str]
    attempts: Mapped[int]
    due: Mapped[datetime] = mapped_column(sa.DateTime(timezone=True))
    problem: Mapped[str]

    __table_args__ = (sa.Index("ix_engine_notice_state_due", "state", "due"),)


class NoticePosition(ViewBase):
    """Up to which event of the record notices were made; one row."""

    __tablename__ = "engine_notice_position"

    name: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(sa.BigInteger)


NOTICES = ViewBase.metadata.tables[NoticeRow.__tablename__]
NOTICE_POSITIONS = ViewBase.metadata.tables[NoticePosition.__tablename__]
