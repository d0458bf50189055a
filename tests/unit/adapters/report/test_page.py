from __future__ import annotations

import dataclasses
import itertools
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from biomero.adapters.report import wording
from biomero.adapters.report.page import render_page
from biomero.adapters.report.timeline import bars
from biomero.application.run_document import ImageRecord, JobRecord, RunTimes, StepTiming
from biomero.domain.ids import JobKey
from biomero.domain.run_status import RunStatus
from services.run_documents import CREATED, a_document, a_failed_document


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zellkern ä µm 細胞", "Zellkern ä µm 細胞"),
        ("a\n\t\x1b[31m", "a\\n\\t\\x1b[31m"),
        ("gpj\u202e.exe", "gpj\\u202e.exe"),
        (b"caf\xe9".decode("utf-8", "surrogateescape"), "caf\\xe9"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_cannot_be_seen_is_written_out(text: str, shown: str) -> None:
    assert wording.visible(text) == shown
    wording.visible(text).encode()


def test_links_hold_no_character_of_a_name_that_means_something() -> None:
    assert wording.link("logs/a b;'\"\n#?:%.log") == "./logs/a%20b%3B%27%22%0A%23%3F%3A%25.log"
    assert wording.link(b"f/\xe9".decode("utf-8", "surrogateescape")) == "./f/%E9"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "\N{EN DASH}"),
        (0, "0.0 s"),
        (3.44, "3.4 s"),
        (59.6, "1 min 00 s"),
        (125, "2 min 05 s"),
        (7320, "2 h 02 min"),
    ],
)
def test_durations_are_read_easily(seconds: float | None, text: str) -> None:
    assert wording.duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(None, "\N{EN DASH}"), (0, "0 B"), (1234, "1.2 kB"), (12_345_678, "12 MB"), (3.2e13, "32.0 TB")],
)
def test_sizes_are_read_easily(count: float | None, text: str) -> None:
    assert wording.size(count) == text


def test_bars_follow_one_another_within_the_drawing() -> None:
    drawn = bars(a_document().times)
    assert [bar.name for bar in drawn][:2] == ["exporting", "staging"]
    assert all(a.x + a.width <= b.x + 2 for a, b in itertools.pairwise(drawn))
    assert max(bar.x + bar.width for bar in drawn) <= 832


def test_steps_that_have_not_ended_have_no_bar() -> None:
    times = RunTimes(
        created=CREATED,
        steps=(
            StepTiming(name="a", started=CREATED, seconds=0.0),
            StepTiming(name="b", started=CREATED + timedelta(seconds=1)),
            StepTiming(name="c"),
        ),
    )
    assert [bar.name for bar in bars(times)] == ["a"]


def test_the_page_has_no_script_and_refuses_all_requests(tmp_path: Path) -> None:
    page = render_page(a_document(source="<script>alert(1)</script>"), tmp_path)
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:|//)""", page)
    assert "@import" not in page
    assert "url(" not in page


def test_the_page_of_a_run_that_has_hardly_begun_can_be_shown(tmp_path: Path) -> None:
    document = dataclasses.replace(
        a_document(images=(ImageRecord(index=0, name="a", source="a"),), outputs=(), parameters={}),
        status=RunStatus.QUEUED,
        times=RunTimes(created=datetime(2026, 11, 22, tzinfo=UTC)),
        jobs=(JobRecord(key=JobKey("k"), step="workflow", cluster="lisa"),),
        logs=(),
    )
    page = render_page(document, tmp_path)
    assert "nothing known" in page
    assert "queued" in page


def test_objects_are_counted_in_images_that_came_through(tmp_path: Path) -> None:
    well = a_document().images[0]
    failed = dataclasses.replace(well, index=1, objects=1000, failure=a_failed_document().failure)
    page = render_page(a_document(images=(well, failed)), tmp_path)
    assert "<b>125</b>" in page
    assert "1,125" not in page


def test_a_failure_stands_before_everything_else(tmp_path: Path) -> None:
    page = render_page(a_failed_document(), tmp_path)
    assert page.index("Why it failed") < page.index("<h2>Images</h2>")
    assert "What to do next: Read the last log lines" in page


def test_every_task_of_an_array_has_its_log(tmp_path: Path) -> None:
    document = a_document()
    task = document.jobs[0].tasks[0]
    job = dataclasses.replace(
        document.jobs[0],
        tasks=tuple(dataclasses.replace(task, index=i) for i in range(3)),
        logs=tuple(f"logs/c-{i}.log" for i in range(3)),
    )
    page = render_page(dataclasses.replace(document, jobs=(job,)), tmp_path)
    assert '<td class="mono">11_2</td>' in page
    assert '<a href="./logs/c-2.log" title="logs/c-2.log">log</a>' in page
