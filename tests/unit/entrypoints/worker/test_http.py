"""What monitoring is answered, over a real socket."""

from __future__ import annotations

import httpx
import pytest
from prometheus_client import CollectorRegistry

from biomero.entrypoints.worker.health import Beat, Health
from biomero.entrypoints.worker.http import StatusServer
from biomero.entrypoints.worker.metrics import WorkerMetrics
from biomero.errors import ConfigurationError


def test_life_and_readiness_are_two_questions() -> None:
    health = Health(lives={"engine": lambda: None}, ready={"database": lambda: "does not answer"})
    with StatusServer("127.0.0.1:0", health, CollectorRegistry()) as server:
        lives, ready = (httpx.get(f"http://{server.address}/{page}") for page in ("healthz", "readyz"))
        assert (lives.status_code, lives.json()) == (200, {"status": "ok", "problems": {}})
        assert ready.status_code == 503
        assert ready.json() == {"status": "unavailable", "problems": {"database": "does not answer"}}
        health.lives["engine"] = Beat(within_s=-1).check
        stuck = httpx.get(f"http://{server.address}/healthz")
        assert stuck.status_code == 503
        assert "did not come round" in stuck.json()["problems"]["engine"]


def test_numbers_are_in_prometheus_s_format() -> None:
    registry = CollectorRegistry()
    metrics = WorkerMetrics(registry)
    metrics.steps.labels("stage", "done").inc()
    with StatusServer("127.0.0.1:0", Health(), registry) as server:
        answer = httpx.get(f"http://{server.address}/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'biomero_steps_total{outcome="done",step="stage"} 1.0' in answer.text
    assert "process_resident_memory_bytes" in answer.text


def test_nothing_else_is_there_and_nothing_can_be_changed() -> None:
    with StatusServer("127.0.0.1:0", Health(), CollectorRegistry()) as server:
        assert httpx.get(f"http://{server.address}/../etc/passwd").status_code == 404
        assert httpx.post(f"http://{server.address}/metrics").status_code == 501


def test_an_address_that_is_taken_is_told() -> None:
    with StatusServer("127.0.0.1:0", Health(), CollectorRegistry()) as server:
        second = StatusServer(server.address, Health(), CollectorRegistry())
        with pytest.raises(ConfigurationError, match=server.address), second:
            pass
