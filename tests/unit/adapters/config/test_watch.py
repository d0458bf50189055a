"""Settings of a long-lived process while files change."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

import pytest

from biomero.adapters.config import ConfigurationWatch
from biomero.errors import ConfigurationError


def write(path: Path, text: str) -> None:
    """Replace a file as an editor does."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def host(watch: ConfigurationWatch) -> str | None:
    return watch.current().cluster.ssh_host


def test_a_change_is_seen_and_files_may_come_and_go(tmp_path: Path) -> None:
    low, high = tmp_path / "low.ini", tmp_path / "high.ini"
    write(low, "[SSH]\nhost = one\n")
    watch = ConfigurationWatch(environment={}, files=(low, high))
    first = watch.current()
    assert watch.current() is first
    write(high, "[SSH]\nhost = two\n")
    assert host(watch) == "two"
    assert first.cluster.ssh_host == "one"
    high.unlink()
    assert host(watch) == "one"


def test_a_change_of_the_same_size_in_place_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "mine.ini"
    path.write_text("[SSH]\nhost = one\n")
    watch = ConfigurationWatch(path, environment={}, files=())
    path.write_text("[SSH]\nhost = two\n")
    os.utime(path, ns=(1, 1))
    assert host(watch) == "two"


def test_a_secret_in_a_file_of_its_own_is_seen_to_change(tmp_path: Path) -> None:
    path, secret, other = (tmp_path / name for name in ("mine.ini", "password", "other"))
    secret.write_text("sesame\n")
    other.write_text("https://hooks.example.org/one\n")
    write(path, f"[ANALYTICS]\nsqlalchemy_url_file = {secret}\n")
    secret.write_text("postgresql://me:sesame@db/biomero\n")
    watch = ConfigurationWatch(path, environment={"BIOMERO_WEBHOOK_URL_FILE": str(other)}, files=())
    before = watch.current()
    write(secret, "postgresql://me:hunter2@db/biomero\n")
    assert watch.current().analytics.database_url == "postgresql://me:hunter2@db/biomero"
    write(other, "https://hooks.example.org/two\n")
    assert watch.current().notify != before.notify


def test_a_file_that_is_empty_for_a_while_leaves_the_last_good_settings(tmp_path: Path) -> None:
    path = tmp_path / "mine.ini"
    write(path, "[SSH]\nhost = one\n")
    watch = ConfigurationWatch(path, environment={}, files=())
    path.write_text("")
    assert [host(watch), host(watch)] == ["one", "one"]
    assert f"{path} is empty" in (watch.problem() or "")
    write(path, "[SSH]\nhost = two\n")
    assert (host(watch), watch.problem()) == ("two", None)


def test_a_wrong_file_leaves_the_last_good_settings_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "mine.ini"
    write(path, "[SSH]\nhost = one\n")
    watch = ConfigurationWatch(path, environment={}, files=())
    assert watch.problem() is None
    with caplog.at_level(logging.ERROR):
        write(path, "[SSH]\nhost = a b\n")
        assert [host(watch) for _ in range(3)] == ["one"] * 3
        assert len(caplog.records) == 1
        assert f"{path}:2" in (watch.problem() or "")
        write(path, "[SSH]\nhost = c d e\n")
        assert host(watch) == "one"
        path.unlink()
        assert host(watch) == "one"
        assert len(caplog.records) == 3
    write(path, "[SSH]\nhost = two\n")
    assert host(watch) == "two"
    assert watch.problem() is None


def test_at_the_start_there_is_no_good_one(tmp_path: Path) -> None:
    path = tmp_path / "mine.ini"
    write(path, "[SSH]\nhost = a b\n")
    with pytest.raises(ConfigurationError, match="one word"):
        ConfigurationWatch(path, environment={}, files=())


def test_many_threads_may_ask_while_the_file_changes(tmp_path: Path) -> None:
    path = tmp_path / "mine.ini"
    write(path, "[SSH]\nhost = h0\n")
    watch = ConfigurationWatch(path, environment={}, files=())
    seen: list[set[str | None]] = [set() for _ in range(4)]
    over = threading.Event()

    def ask(mine: set[str | None]) -> None:
        while not over.is_set():
            mine.add(host(watch))

    threads = [threading.Thread(target=ask, args=(mine,)) for mine in seen]
    for thread in threads:
        thread.start()
    for number in range(1, 20):
        write(path, f"[SSH]\nhost = h{number}\n" if number % 3 else "[SSH]\nhost\n x\n")
        host(watch)
    over.set()
    for thread in threads:
        thread.join()
    assert host(watch) == "h19"
    assert {name for names in seen for name in names} <= {f"h{n}" for n in range(20)}
