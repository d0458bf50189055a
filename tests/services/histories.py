"""Histories of runs as lists of calls, to be played on any tracker: ours, or that of BIOMERO 2.8.3.

The program of BIOMERO 2.8.3 imports this file in an environment of its own: nothing but Python is used here.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

Step = tuple[Any, ...]
"""The tracker's call, what it is about (by its name here), and the other arguments."""


class Said:
    """What a remote command said, as scripts hand it over."""

    command = "sbatch 'a b'"
    env = {"A": "1"}  # noqa: RUF012 - never changed
    stdout = "Submitted batch job 77"
    stderr = ""


def play(tracker: Any, history: list[Step]) -> dict[str, UUID]:
    """Do every step of a history; return the ids of what came into being, by name."""
    ids: dict[str, UUID] = {}
    for call, about, *rest in history:
        if call == "initiate_workflow":
            ids[about] = tracker.initiate_workflow(*rest)
        elif call == "add_task_to_workflow":
            run, *arguments = rest
            ids[about] = tracker.add_task_to_workflow(ids[run], *arguments)
        elif call == "add_result":
            tracker.add_result(ids[about], Said())
        else:
            getattr(tracker, call)(ids[about], *rest)
    return ids


PLAIN: list[Step] = [
    ("initiate_workflow", "good", "My run", "segments", 3, 4),
    ("start_workflow", "good"),
    ("add_task_to_workflow", "export", "good", "_SLURM_Image_Transfer.py", "2.8.2", [1, 2], {"a": 1}),
    ("start_task", "export"),
    ("complete_task", "export", "exported"),
    ("add_task_to_workflow", "conversion", "good", "convert_zarr_to_tiff", "1.14", "folder", {}),
    ("start_task", "conversion"),
    ("add_job_id", "conversion", 77),
    ("add_result", "conversion"),
    ("update_task_status", "conversion", "PENDING"),
    ("update_task_status", "conversion", "COMPLETED"),
    ("complete_task", "conversion", "converted"),
    ("add_task_to_workflow", "cellpose", "good", "cellpose", "v1.2.9", {"d": [1, None]}, {"diameter": 30}),
    ("start_task", "cellpose"),
    ("add_job_id", "cellpose", 78),
    ("update_task_status", "cellpose", "PENDING"),
    ("update_task_status", "cellpose", "RUNNING"),
    ("update_task_progress", "cellpose", "43%"),
    ("update_task_status", "cellpose", "COMPLETED"),
    ("complete_task", "cellpose", "two labels"),
    ("add_task_to_workflow", "results", "good", "SLURM_Get_Results.py", "2.8.2", 5, {}),
    ("start_task", "results"),
    ("update_task_status", "results", "IMPORTING"),
    ("complete_task", "results", "imported"),
    ("complete_workflow", "good"),
    ("initiate_workflow", "bad", "Failing", "d", 5, 6),
    ("add_task_to_workflow", "stardist", "bad", "stardist", "1", "x", {}),
    ("start_task", "stardist"),
    ("add_job_id", "stardist", 79),
    ("update_task_status", "stardist", "RUNNING"),
    ("update_task_status", "stardist", "TIMEOUT"),
    ("fail_task", "stardist", "it took too long"),
    ("fail_workflow", "bad", "no good"),
    ("initiate_workflow", "open", "Still going", "d", 3, 4),
    ("add_task_to_workflow", "waiting", "open", "measure", "1", "x", {}),
    ("start_task", "waiting"),
    ("add_job_id", "waiting", 80),
    ("update_task_status", "waiting", "PENDING"),
]
"""What any release takes: a run that went well, one that failed, and one that goes on."""

ODD: list[Step] = [
    ("initiate_workflow", "odd", "", "", 0, -1),
    ("add_task_to_workflow", "refused", "odd", "cellpose", "1", {"nested": [{"a": 1.5}]}, {"x": None}),
    ("add_job_id", "refused", -1),
    ("update_task_status", "refused", "PENDING"),
    ("update_task_status", "refused", "PENDING"),
    ("update_task_progress", "refused", None),
    ("add_result", "refused"),
    ("fail_task", "refused", ""),
    ("complete_workflow", "odd"),
    ("fail_workflow", "odd", "ended twice"),
    ("add_task_to_workflow", "late", "odd", "SLURM_Import_Results.py", "1", -1, {}),
    ("complete_task", "late", "after the end"),
    ("update_task_status", "late", "RUNNING"),
    ("initiate_workflow", "empty", "Nothing happened", "d", 3, 4),
]
"""What BIOMERO 2.8.3 let scripts record: ids that are none, ends that were none, the same again."""


def polled(changes: int, tasks: int = 4) -> list[Step]:
    """Return a run each of whose tasks changes its status so often."""
    names = ("_SLURM_Image_Transfer.py", "convert_zarr_to_tiff", "cellpose", "SLURM_Get_Results.py")
    history: list[Step] = [("initiate_workflow", "run", "My run", "d", 3, 4)]
    for number in range(tasks):
        task = f"task {number}"
        history += [
            ("add_task_to_workflow", task, "run", names[number % len(names)], "1", "folder", {"a": 1}),
            ("start_task", task),
            ("add_job_id", task, 100 + number),
            *(("update_task_status", task, ("PENDING", "RUNNING")[i % 2]) for i in range(changes)),
            ("complete_task", task, "ok"),
        ]
    return [*history, ("complete_workflow", "run")]
