"""A picture of what runs and jobs cost."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from biomero.application.stats import FAILURE_CLASSES, Grouping, Stats, Usage

_MOST_GROUPS = 15
_OUTCOMES = (("done", "#2a9d8f"), ("failed", "#d1495b"), ("cancelled", "#edae49"), ("open", "#8d99ae"))
_FAILURE_COLOURS = (
    *("#4e79a7", "#f28e2b", "#e15759", "#76b7b2", "#59a14f"),
    *("#edc948", "#b07aa1", "#ff9da7", "#9c755f", "#bab0ac"),
)
_CPU, _GPU, _QUEUE, _RUN = "#33658a", "#f26419", "#86bbd8", "#2f4858"
_UNITS = (("Days", 86400), ("Hours", 3600), ("Minutes", 60), ("Seconds", 1))
_LONGEST_NAME = 28

Part = tuple[str, str, list[float]]
"""A name in the legend, a colour, and a value for each group."""


def usage_to_png(stats: Stats) -> bytes:
    """Draw runs by how they ended, computing time, waiting and working, and failures by class.

    Of more than 15 groups, the 15 with most runs are drawn (of months, the last ones); the title says so.
    """
    is_month = stats.by is Grouping.MONTH
    groups = stats.groups[-_MOST_GROUPS:] if is_month else stats.groups[:_MOST_GROUPS]
    figure = Figure(figsize=(12, max(6.0, 2.8 + 0.55 * len(groups))), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(_title(stats, len(groups)), fontsize=13)
    axes = figure.subplots(2, 2)
    _stacked(axes[0, 0], groups, "Runs", [(o, colour, _outcome(groups, o)) for o, colour in _OUTCOMES])
    hours: list[Part] = [("CPU", _CPU, [g.cpu_hours or 0.0 for g in groups])]
    if any(g.gpu_hours is not None for g in groups):
        hours.append(("GPU", _GPU, [g.gpu_hours or 0.0 for g in groups]))
    _beside(axes[0, 1], groups, "Hours of computing", hours)
    for number, group in enumerate(groups):
        _note(axes[0, 1], group.cpu_hours or 0.0, number - (0.2 if len(hours) > 1 else 0), _how_well(group))
    axes[0, 1].set_xlim(right=2.4 * axes[0, 1].get_xlim()[1])  # room for those words
    waits, takes = [g.average_queue_s or 0.0 for g in groups], [g.average_run_s or 0.0 for g in groups]
    unit, seconds = _unit(max([*waits, *takes], default=0.0))
    waiting: Part = ("a job waits", _QUEUE, [value / seconds for value in waits])
    working: Part = ("a run takes, in all", _RUN, [value / seconds for value in takes])
    _beside(axes[1, 0], groups, f"{unit}, on average", [waiting, working])
    failures: list[Part] = [
        (kind, colour, [float(g.failures.get(kind, 0)) for g in groups])
        for kind, colour in zip(FAILURE_CLASSES, _FAILURE_COLOURS, strict=True)
        if any(g.failures.get(kind) for g in groups)
    ]
    _stacked(axes[1, 1], groups, "Failed runs, by class", failures)
    for number, group in enumerate(groups):
        if group.failed and group.failure_rate is not None:
            _note(axes[1, 1], group.failed, number, f"{group.failure_rate:.0%} of those that ended")
    if failures:
        axes[1, 1].set_xlim(right=1.4 * axes[1, 1].get_xlim()[1])
    target = io.BytesIO()
    figure.savefig(target, format="png", dpi=110)
    return target.getvalue()


def _title(stats: Stats, drawn: int) -> str:
    since = "" if stats.since is None else f" since {stats.since.astimezone(UTC):%Y-%m-%d}"
    few = "" if drawn == len(stats.groups) else f" ({drawn} of {len(stats.groups)})"
    runs = "1 run" if stats.total.runs == 1 else f"{stats.total.runs} runs"
    return f"BIOMERO: {runs}{since}, by {stats.by.value}{few}"


def _how_well(group: Usage) -> str:
    """Return what share of CPUs and memory was used, and the energy, as far as that is known."""
    told = []
    if group.efficiency is not None:
        told.append(f"{group.efficiency:.0%} of CPU time")
    if group.memory_efficiency is not None:
        told.append(f"{group.memory_efficiency:.0%} of memory")
    if group.energy_kwh is not None:
        told.append(f"{group.energy_kwh:.2g} kWh")
    if group.measured_jobs < group.jobs:
        told.append(f"{group.measured_jobs} of {group.jobs} jobs known")
    return ", ".join(told)


def _note(axes: Axes, value: float, place: float, text: str) -> None:
    """Write words behind the end of a bar."""
    axes.annotate(f" {text}", (value, place), va="center", fontsize=8, color="#555555")


def _unit(longest_s: float) -> tuple[str, int]:
    """Return a unit in which a time is a number that can be read, and its length in seconds."""
    fitting = [(name, seconds) for name, seconds in _UNITS if longest_s >= 2 * seconds]
    return (fitting or [_UNITS[-1]])[0]


def _outcome(groups: Sequence[Usage], outcome: str) -> list[float]:
    if outcome == "open":
        return [float(g.runs - g.done - g.failed - g.cancelled) for g in groups]
    return [float(getattr(g, outcome)) for g in groups]


def _stacked(axes: Axes, groups: Sequence[Usage], title: str, parts: Sequence[Part]) -> None:
    left = [0.0] * len(groups)
    for name, colour, values in parts:
        if any(values):
            axes.barh(range(len(groups)), values, left=left, color=colour, label=name, height=0.65)
        left = [a + b for a, b in zip(left, values, strict=True)]
    _finish(axes, groups, title, is_count=True)


def _beside(axes: Axes, groups: Sequence[Usage], title: str, parts: Sequence[Part]) -> None:
    height = 0.75 / len(parts)
    for number, (name, colour, values) in enumerate(parts):
        middle = (number - (len(parts) - 1) / 2) * height
        places = [place + middle for place in range(len(groups))]
        axes.barh(places, values, color=colour, label=name, height=height)
    _finish(axes, groups, title, is_count=False)


def _finish(axes: Axes, groups: Sequence[Usage], title: str, *, is_count: bool) -> None:
    axes.set_title(title, fontsize=11, loc="left")
    axes.set_yticks(range(len(groups)), [_short(g.group) for g in groups])
    for label in axes.get_yticklabels():
        label.set_parse_math(False)  # a name with two $ is no formula
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", color="#dddddd", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.set_xlim(left=0)
    axes.set_ylim(max(len(groups), 3) - 0.5, -0.5)  # a single bar shall be a bar, no wall
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=is_count))
    if axes.get_legend_handles_labels()[0]:
        axes.legend(
            fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(0, -0.08), ncols=5, borderaxespad=0.8
        )
    else:
        axes.text(0.5, 0.5, "none", transform=axes.transAxes, ha="center", color="#777777")


def _short(name: str) -> str:
    plain = "".join(c if c.isprintable() else "?" for c in name)
    return plain if len(plain) <= _LONGEST_NAME else f"{plain[: _LONGEST_NAME - 1]}…"
