"""The container's health check asks the engine where that was told to answer."""

from __future__ import annotations

import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from services.omero_account import STARTUP
from services.processes import free_ports


class Engine(http.server.BaseHTTPRequestHandler):
    """Comes round."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 404)
        self.end_headers()


@pytest.fixture
def port() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Engine) as server:
        threading.Thread(target=server.serve_forever).start()
        yield server.server_port
        server.shutdown()


def health(**variables: str) -> tuple[int, str]:
    done = subprocess.run(
        (sys.executable, STARTUP / "lib" / "health.py"),
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_an_engine_at_another_address_is_found(port: int) -> None:
    assert health(BIOMERO_WORKER_HTTP=f"127.0.0.1:{port}") == (0, "all works")
    everywhere = "0.0.0.0"  # noqa: S104 - it is asked, not served
    assert health(BIOMERO_WORKER_HTTP=f"{everywhere}:{port}") == (0, "all works")


def test_a_proxy_is_not_asked_for_the_engine(port: int) -> None:
    (nobody,) = free_ports(1)
    proxies = {"HTTP_PROXY": f"http://127.0.0.1:{nobody}", "http_proxy": f"http://127.0.0.1:{nobody}"}
    assert health(BIOMERO_HEALTH_ADDRESS=f"127.0.0.1:{port}", **proxies) == (0, "all works")


def test_an_engine_that_is_not_there_is_missed_unless_there_is_to_be_none() -> None:
    (nobody,) = free_ports(1)
    code, said = health(BIOMERO_WORKER_HTTP=f"127.0.0.1:{nobody}")
    assert (code, "the engine does not come round" in said) == (1, True)
    # a worker may be without an engine
    assert health(BIOMERO_ENGINE="") == (0, "all works")
