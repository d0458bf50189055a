"""What a worker is told: limits, ways to people, and what is never shown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from biomero.adapters.config import load_settings, read_configuration, rows
from biomero.application.engine_socket import engine_socket, named_socket, state_folder
from biomero.application.settings import (
    NOTIFIED,
    EmailSettings,
    NotifySettings,
    Settings,
    WebhookSettings,
    WorkerSettings,
)
from biomero.errors import ConfigurationError


def loaded(folder: Path, text: str, environment: Mapping[str, str] | None = None) -> Settings:
    file = folder / "slurm-config.ini"
    file.write_text(text)
    return load_settings(file, environment=environment or {}, files=(), base=None)


def test_nobody_is_told_where_nobody_is_named(tmp_path: Path) -> None:
    assert loaded(tmp_path, "[NOTIFY]\nsmtp_host = mail\n").notify == NotifySettings(on=NOTIFIED)


def test_ways_and_limits_are_read_and_secrets_may_stand_in_files(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hidden\n")
    settings = loaded(
        tmp_path,
        "[NOTIFY]\nnotify_on = failed, paused\nemail_to = {user}@example.org, a@example.org\nsmtp_user = me\n"
        f"smtp_password_file = {tmp_path}/password\n[WORKER]\nmax_exports = 9\nmax_runs_per_user = 3\n"
        "max_conversions = 2\n"
        "[CLUSTER lisa]\nmax_runs = 5\n",
        {"BIOMERO_WEBHOOK_URL": "https://hooks.example.org/T/secret"},
    )
    assert settings.notify == NotifySettings(
        on=("failed", "paused"),
        email=EmailSettings(
            host="localhost",
            to=("{user}@example.org", "a@example.org"),
            sender="a@example.org",
            user="me",
            password="hidden",
        ),
        webhook=WebhookSettings(url="https://hooks.example.org/T/secret"),
    )
    assert (settings.worker.max_exports, settings.worker.max_runs_per_user) == (9, 3)
    assert (settings.worker.max_conversions, WorkerSettings().max_conversions) == (2, None)
    assert settings.clusters["lisa"].max_runs == 5
    assert "hidden" not in repr(settings)
    assert "T/secret" not in repr(settings)


def test_a_webhook_s_address_is_shown_without_what_follows_its_host(tmp_path: Path) -> None:
    file = tmp_path / "slurm-config.ini"
    file.write_text("[NOTIFY]\nwebhook_url = https://me:pw@hooks.example.org:8443/T/secret?x=1\n")
    shown = {
        row.key: row.value for row in rows(read_configuration(file, environment={}, files=(), base=None))
    }
    assert shown["webhook_url"] == "https://hooks.example.org:8443/***"


@pytest.mark.parametrize(
    "line",
    [
        "notify_on = sometimes",
        "email_to = nobody",
        "email_to = a@b, {user}",
        "smtp_port = 70000",
        "webhook_url = ftp://example.org/x",
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(ConfigurationError, match=line.partition(" ")[0]):
        loaded(tmp_path, f"[NOTIFY]\n{line}\n")


@pytest.mark.parametrize("address", ["127.0.0.1:0", "[::1]:8766", "none", "worker.example.org:80"])
def test_an_address_to_listen_at(tmp_path: Path, address: str) -> None:
    assert loaded(tmp_path, f"[WORKER]\nhttp_address = {address}\n").worker.http_address == address
    with pytest.raises(ConfigurationError, match="http_address"):
        loaded(tmp_path, f"[WORKER]\nhttp_address = {address}x/\n")


def test_the_socket_for_scripts_is_where_a_file_or_the_environment_says(tmp_path: Path) -> None:
    assert loaded(tmp_path, "").worker.socket is None
    text = "[WORKER]\nsocket = /run/biomero/engine.sock\n"
    assert loaded(tmp_path, text).worker.socket == Path("/run/biomero/engine.sock")
    named = loaded(tmp_path, text, {"BIOMERO_ENGINE_SOCKET": "/run/b.sock"})
    assert named.worker.socket == named_socket({"BIOMERO_ENGINE_SOCKET": "/run/b.sock"})
    assert named_socket({"BIOMERO_STATE": "/s"}) == engine_socket(state_folder({"BIOMERO_STATE": "/s"}))
