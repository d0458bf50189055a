"""What the worker's log says of runs, and what it never says."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from biomero.application.log_fields import log_fields
from biomero.entrypoints.worker.logs import log_to

LOG = logging.getLogger("biomero.test")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def logged(style: str) -> str:
    stream = io.StringIO()
    log_to(stream, style=style)
    with log_fields(run="1b2c", step="stage"):
        LOG.info("sent %s\nfiles", 3, extra={"job": 42, "step": "convert"})
        try:
            int("no")
        except ValueError:
            LOG.exception("it failed")
    LOG.debug("not shown")
    logging.getLogger("httpx").info("POST https://example.org/token")
    return stream.getvalue()


def test_json_is_a_document_a_line_with_ids_as_fields() -> None:
    first, second = map(json.loads, logged("json").splitlines())
    assert first.pop("time").endswith("Z")
    assert first == {
        "level": "info",
        "logger": "biomero.test",
        "message": "sent 3\nfiles",
        "run": "1b2c",
        "step": "convert",
        "job": "42",
    }
    assert second["run"] == "1b2c"
    assert "ValueError: invalid literal for int() with base 10: 'no'" in second["error"]


def test_text_is_a_line_for_people_and_stays_one() -> None:
    lines = logged("text").splitlines()
    assert lines[0].endswith("Z info sent 3\\nfiles [run=1b2c step=convert job=42]")
    assert lines[1].endswith(" error it failed [run=1b2c step=stage]")
    assert lines[-1] == "ValueError: invalid literal for int() with base 10: 'no'"
