from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

from services.run_documents import a_document, a_failed_document


def test_the_document_is_json_with_a_version_and_every_part() -> None:
    document = json.loads(a_document().to_json())
    assert document["schema_version"] == "1.0"
    assert list(document)[1:] == [
        "id", "status", "workflow", "cluster", "user", "times", "biomero_version", "parameters",
        "images", "attachments", "jobs", "outputs", "failure", "counts", "logs", "problems", "objects",
        "results_at", "images_at",
    ]  # fmt: skip
    assert document["status"] == "done"
    assert document["images"][0]["stages"]["exported"] == "done"
    assert document["jobs"][0]["tasks"][0]["state"] == "COMPLETED"
    assert document["jobs"][0]["tasks"][0]["usage"]["max_memory_mb"] == 512.5
    assert document["outputs"][0]["kind"] == "label"
    assert document["counts"] == {"ssh_logins": 1, "remote_commands": 9, "status_polls": 4}


def test_equal_documents_give_equal_text() -> None:
    assert a_document().to_json() == a_document().to_json()


def test_times_are_utc_whatever_their_zone() -> None:
    zone = timezone(timedelta(hours=2))
    created = datetime(2026, 11, 22, 12, 0, tzinfo=zone)
    assert created.astimezone(UTC).hour == 10
    assert json.loads(a_document(created=created).to_json())["times"]["created"] == "2026-11-22T10:00:00.000Z"


def test_a_failure_keeps_its_evidence() -> None:
    failure = json.loads(a_failed_document().to_json())["failure"]
    assert failure["failure_class"] == "container"
    assert failure["slurm_state"] == "FAILED"
    assert failure["exit_code"] == 1
    assert failure["log_tail"][-1].startswith("ValueError")


def test_names_of_any_bytes_and_odd_numbers_survive() -> None:
    name = b"caf\xe9 \n\"'.tif".decode("utf-8", "surrogateescape")
    text = a_document(source=name, parameters={"level": float("inf")}).to_json()
    text.encode("ascii")
    document = json.loads(text)
    assert document["images"][0]["source"] == name
    assert document["parameters"] == {"level": "inf"}
