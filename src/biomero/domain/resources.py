"""What a job asks for, from several voices."""

from __future__ import annotations

import dataclasses

from biomero.domain.job import JobResources


def merge_resources(*voices: JobResources) -> JobResources:
    """Return the resources that the voices ask for together; a later voice overrides an earlier one.

    >>> low, high = JobResources(cpus=1, memory_mb=100), JobResources(memory_mb=200)
    >>> merged = merge_resources(low, high)
    >>> merged.cpus, merged.memory_mb
    (1, 200)
    """
    merged = JobResources()
    for voice in voices:
        said = {
            field.name: getattr(voice, field.name)
            for field in dataclasses.fields(voice)
            if field.name != "extra" and getattr(voice, field.name) is not None
        }
        merged = dataclasses.replace(merged, **said, extra={**merged.extra, **voice.extra})
    return merged
