"""The link that tests cut: what passes, and what does not."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from services.link import Link, Way


@pytest.fixture
def link() -> Iterator[Link]:
    """A link to a server that sends back what it hears."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_echo_for_ever, args=(listener,), daemon=True).start()
        with Link(listener.getsockname()[1]) as link:
            yield link


def _echo_for_ever(listener: socket.socket) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_echo, args=(client,), daemon=True).start()


def _echo(client: socket.socket) -> None:
    with client:
        try:
            while data := client.recv(65536):
                client.sendall(data)
        except OSError:
            return


def dial(link: Link) -> socket.socket:
    return socket.create_connection(("127.0.0.1", link.port), timeout=10)


def test_everything_passes(link: Link) -> None:
    with dial(link) as client:
        client.sendall(b"hello")
        assert client.recv(5) == b"hello"
    assert link.passed[Way.UP] == 5


def test_a_cut_link_resets_who_is_there_and_refuses_who_comes(link: Link) -> None:
    with dial(link) as client:
        client.sendall(b"hello")
        assert client.recv(5) == b"hello"
        with link.cut():
            with pytest.raises(ConnectionResetError):
                client.recv(1)
            with pytest.raises(ConnectionRefusedError):
                dial(link)
    with dial(link) as client:
        client.sendall(b"again")
        assert client.recv(5) == b"again"


def test_a_stalled_link_says_nothing_and_goes_on_later(link: Link) -> None:
    with dial(link) as client:
        client.settimeout(0.3)
        with link.stalled():
            client.sendall(b"hello")
            with pytest.raises(TimeoutError):
                client.recv(5)
        client.settimeout(10)
        assert client.recv(5) == b"hello"


def test_a_link_is_cut_in_the_middle_of_an_upload(link: Link) -> None:
    link.cut_after(100_000)
    with dial(link) as client, pytest.raises((ConnectionResetError, BrokenPipeError)):
        client.sendall(bytes(50_000_000))
    assert link.dropped.wait(timeout=5)
    with dial(link) as client:
        client.sendall(b"again")
        assert client.recv(5) == b"again"


def test_a_throttled_link_is_slow(link: Link) -> None:
    with dial(link) as client, link.throttled(20_000):
        began = time.monotonic()
        client.sendall(bytes(20_000))
        received = 0
        while received < 20_000:
            received += len(client.recv(65536))
        assert time.monotonic() - began > 0.5
