"""The report in a real browser: it is shown whole, asks for nothing and runs nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from biomero.adapters.report.writer import HtmlReport
from biomero.application.results_folder import claim_results_folder
from biomero.application.run_document import ImageRecord, OutputKind, OutputRecord, RunDocument
from biomero.application.write_report import WriteReport
from biomero.domain.failure import Failure, FailureClass
from biomero.testing.images import ArrayImage
from services import chromium
from services.run_documents import ALL_DONE, a_document, a_failed_document

pytestmark = pytest.mark.slow

HOSTILE = "a b;$(touch pwned)'\"\n<script>document.title='pwned'</script><img src=x onerror=alert(1)>.tif"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[chromium.Browser]:
    chromium.ensure_packages()
    with chromium.Browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


def a_hostile_run(results: Path) -> RunDocument:
    """Return a run of three images, one of them failed, all with hostile names."""
    report = HtmlReport()
    claim_results_folder(results, a_document().id)
    (results / "overlays").mkdir()
    images, outputs = [], []
    for index in range(3):
        pixels, labels = nuclei(seed=index)
        path = f"overlays/{index}-{HOSTILE[:21]}.png"
        if index < 2:
            report.write_overlay(ArrayImage(pixels), [ArrayImage(labels)], results / path)
            outputs += [
                OutputRecord(path=path, sha256="0" * 64, size=9, kind=OutputKind.OVERLAY, image=index),
                OutputRecord(
                    path=f"labels/{index}-{HOSTILE[:21]}.ome.tif",
                    sha256="1" * 64,
                    size=12345,
                    kind=OutputKind.LABEL,
                    image=index,
                    objects=int(labels.max()),
                ),
            ]
        failure = Failure(
            failure_class=FailureClass.DATA, message=f"{HOSTILE} is damaged", advice="Look at it."
        )
        images.append(
            ImageRecord(
                index=index,
                name=HOSTILE,
                source=f"/data/{HOSTILE}",
                stages=ALL_DONE if index < 2 else {},
                objects=int(labels.max()) if index < 2 else None,
                failure=failure if index == 2 else None,
            )
        )
    document = a_document(
        images=tuple(images), outputs=tuple(outputs), parameters={"text": HOSTILE, "min_area": 30}
    )
    return dataclasses.replace(document, problems=(HOSTILE,), logs=(f"logs/{HOSTILE[:21]}.log",))


def nuclei(seed: int) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.uint16]], ...]:
    """Return a picture of round nuclei, and their labels."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:400, :400]
    pixels = random.normal(100, 8, (400, 400))
    labels = np.zeros((400, 400), dtype=np.uint16)
    for number, (cy, cx, radius) in enumerate(random.uniform((15, 15, 8), (385, 385, 20), (40, 3)), start=1):
        inside = (y - cy) ** 2 + (x - cx) ** 2 < radius**2
        pixels[inside] = random.normal(400 + 10 * radius, 30, inside.sum())
        labels[inside] = number
    return pixels.clip(0, 65535).astype(np.uint16), labels


def test_the_page_of_a_run_shows_everything_and_asks_for_nothing(
    tmp_path: Path, browser: chromium.Browser
) -> None:
    document = a_hostile_run(tmp_path)
    WriteReport(report=HtmlReport()).write(document, tmp_path)
    browser.open((tmp_path / "report.html").as_uri())

    assert [r for r in browser.requests() if not r.startswith(("file:", "data:"))] == []
    assert [r for r in browser.requests() if r.startswith("file:")] == [(tmp_path / "report.html").as_uri()]
    assert browser.complaints() == []
    assert browser.evaluate("document.scripts.length") == 0
    assert browser.evaluate("document.title") == "Nuclei segmentation: done \N{EN DASH} BIOMERO"
    assert browser.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)") is True
    assert browser.evaluate("document.images.length") == 2
    text = browser.evaluate("document.body.innerText")
    for expected in ("objects", "min_area", "ghcr.io/org/nuclei:1.2", "COMPLETED", "SSH login", "run.json"):
        assert expected in text
    assert text.count("<script>document.title='pwned'</script>") >= 6
    assert "\\n<script>" in text


def test_links_of_the_page_lead_to_the_files_whatever_their_names(
    tmp_path: Path, browser: chromium.Browser
) -> None:
    document = a_hostile_run(tmp_path)
    WriteReport(report=HtmlReport()).write(document, tmp_path)
    browser.open((tmp_path / "report.html").as_uri())
    target = browser.evaluate("document.querySelector('a.picture').href")
    browser.open(target)
    assert browser.evaluate("document.images[0].naturalWidth") == 400


def test_the_page_of_a_failed_run_begins_with_the_failure(tmp_path: Path, browser: chromium.Browser) -> None:
    tail = ("loading model", "<b>bold</b> \x1b[31m", "ValueError: no nuclei")
    WriteReport(report=HtmlReport()).write(a_failed_document(log_tail=tail), tmp_path)
    browser.open((tmp_path / "report.html").as_uri())
    assert browser.complaints() == []
    assert browser.evaluate("document.querySelector('main > section').id") == "failure"
    text = browser.evaluate("document.querySelector('#failure').innerText")
    for expected in (
        "container", "exit code 1", "What to do next", "FAILED", "NonZeroExitCode",
        "<b>bold</b> \\x1b[31m", "ValueError: no nuclei", "logs/workflow-12.log",
    ):  # fmt: skip
        assert expected in text


def test_the_page_fits_narrow_and_dark_screens(tmp_path: Path, browser: chromium.Browser) -> None:
    WriteReport(report=HtmlReport()).write(a_hostile_run(tmp_path), tmp_path)
    browser.open((tmp_path / "report.html").as_uri())
    light = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    browser.screenshot(tmp_path / "narrow.png", width=420, dark=True)
    assert browser.evaluate("document.documentElement.scrollWidth") <= 420
    assert browser.evaluate("getComputedStyle(document.body).backgroundColor") != light
    assert (tmp_path / "narrow.png").stat().st_size > 10_000
