"""Documented names of the views, and of their tables."""

from __future__ import annotations

from biomero.adapters.persistence.tables import (
    JobProgressView,
    JobView,
    TaskExecution,
    WorkflowProgressView,
)
from biomero.application.tracked_views import JobAccounting, JobProgress, WorkflowAnalytics, WorkflowProgress

__all__ = [
    "JobAccounting",
    "JobProgress",
    "JobProgressView",
    "JobView",
    "TaskExecution",
    "WorkflowAnalytics",
    "WorkflowProgress",
    "WorkflowProgressView",
]
