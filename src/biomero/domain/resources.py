"""What a job asks for, from several voices."""

from __future__ import annotations

import dataclasses
import re

from biomero.domain.job import JobResources

_OTHER_WAYS = {
    "cpus": ("cpus-per-gpu",),
    "memory_mb": ("mem-per-cpu", "mem-per-gpu"),
    "time_limit_min": ("time",),
}
"""What Slurm takes in several ways, of which it refuses two together: our field, and its other options."""


def merge_resources(*voices: JobResources) -> JobResources:
    """Return the resources that the voices ask for together; a later voice overrides an earlier one.

    Who asks for GPUs, memory, CPUs or time in one of Slurm's ways takes back what was asked for in another.

    >>> low, high = JobResources(cpus=1, memory_mb=100), JobResources(memory_mb=200)
    >>> merged = merge_resources(low, high)
    >>> merged.cpus, merged.memory_mb
    (1, 200)
    >>> per_cpu = merge_resources(merged, JobResources(extra={"mem-per-cpu": "2G"}))
    >>> per_cpu.memory_mb, dict(per_cpu.extra)
    (None, {'mem-per-cpu': '2G'})
    """
    merged = JobResources()
    for voice in voices:
        said = {
            field.name: getattr(voice, field.name)
            for field in dataclasses.fields(voice)
            if field.name != "extra" and getattr(voice, field.name) is not None
        }
        if voice.gpus and not voice.gres and _has_gpu(merged.gres):
            said["gres"] = None
        if _has_gpu(voice.gres) and not voice.gpus:
            said["gpus"] = None
        kept = dict(merged.extra)
        for field, others in _OTHER_WAYS.items():
            if field in said:
                kept = {name: value for name, value in kept.items() if name not in others}
            elif any(name in voice.extra for name in others):
                said[field] = None
        merged = dataclasses.replace(merged, **said, extra={**kept, **voice.extra})
    return merged


def _has_gpu(gres: str | None) -> bool:
    return gres is not None and "gpu" in gres


def gpu_count(*, gpus: str | None, gres: str | None) -> int | None:
    """Return how many GPUs are asked for in Slurm's two ways; ``None`` where none are mentioned.

    >>> gpu_count(gpus="a100:2", gres=None), gpu_count(gpus=None, gres="shard:1,gpu:1")
    (2, 1)
    """
    if gpus:
        return sum(_amount(part) for part in gpus.split(","))
    parts = [part for part in (gres or "").split(",") if part.partition(":")[0] == "gpu"]
    return sum(_amount(part) for part in parts) if parts else None


def _amount(text: str) -> int:
    """Read the number at the end of ``gpu:a100:2``; no number means one."""
    found = re.search(r"(?:^|:)(\d+)(?:\(.*\))?$", text)
    return int(found[1]) if found else 1
