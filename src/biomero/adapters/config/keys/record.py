"""Keys of the record and its views."""

from __future__ import annotations

from biomero.adapters.config import kinds
from biomero.adapters.config.keys.setting import Setting
from biomero.adapters.config.kinds import whole_number

RECORD = (
    Setting(
        section="ANALYTICS",
        key="track_workflows",
        kind=kinds.BOOLEAN,
        default="true",
        meaning="Whether the documented Python API records runs for the dashboard.",
    ),
    Setting(
        section="ANALYTICS",
        key="enable_job_accounting",
        kind=kinds.BOOLEAN,
        default="true",
        meaning="Whether the view of jobs by user is kept.",
    ),
    Setting(
        section="ANALYTICS",
        key="enable_job_progress",
        kind=kinds.BOOLEAN,
        default="true",
        meaning="Whether the views of the progress of jobs and of runs are kept.",
    ),
    Setting(
        section="ANALYTICS",
        key="enable_workflow_analytics",
        kind=kinds.BOOLEAN,
        default="true",
        meaning="Whether the view of how long steps took is kept.",
    ),
    Setting(
        section="ANALYTICS",
        key="sqlalchemy_url",
        kind=kinds.DATABASE_URL,
        variables=("SQLALCHEMY_URL",),
        example="postgresql+psycopg://biomero@db.example.org/biomero",
        is_secret=True,
        meaning="The database of the record, as SQLAlchemy spells it; "
        "without it, SQLite in the state folder.",
    ),
    Setting(
        section="ANALYTICS",
        key="analytics_rebuild_start_time",
        kind=kinds.MOMENT,
        variables=("BIOMERO_ANALYTICS_REBUILD_START_TIME",),
        example="2024-01-01",
        meaning="From when on views are rebuilt.",
    ),
    Setting(
        section="ANALYTICS",
        key="analytics_rebuild_days_ago",
        kind=whole_number(at_least=0),
        variables=("BIOMERO_ANALYTICS_REBUILD_DAYS_AGO",),
        example="90",
        meaning="For how many days back views are rebuilt; wins over `analytics_rebuild_start_time`.",
    ),
)
