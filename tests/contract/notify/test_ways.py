"""What arrives at a real mail server and a real web server, and what is said when it does not."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from biomero.adapters.notify import EmailNotifier, WebhookNotifier
from biomero.adapters.notify.webhook import SIGNATURE
from biomero.application.ports.notifier import Notice, Notifier
from biomero.application.settings import EmailSettings, WebhookSettings
from biomero.errors import NotificationFailedError, NotificationRefusedError
from services.mail_server import PASSWORD, USER, Mailbox, mail_server
from services.processes import free_ports
from services.web_hook import Hook, web_hook

AT = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
NOTICE = Notice(
    id="1b2c-paused-12",
    run_id="1b2c",
    status="paused",
    at=AT,
    facts={
        "run": "1b2c",
        "status": "paused",
        "workflow": "Nuclei\r\nBcc: spy@example.org",
        "user": "ada",
        "cluster": "lisa",
        "results": "/data/ö",
        "images": {"total": 3, "failed": 1},
        "failure": {"failure_class": "transfer", "message": "no space", "advice": "make some"},
    },
)
SETTINGS = EmailSettings(
    host="localhost",
    to=("facility@example.org", "{user}@example.org"),
    sender="biomero@example.org",
    user=USER,
    password=PASSWORD,
)


def by_mail(box: Mailbox, **changes: object) -> EmailNotifier:
    return EmailNotifier(replace(SETTINGS, port=box.port, **changes), tls=box.trust())  # type: ignore[arg-type] # any field


def test_a_mail_arrives_over_an_encrypted_way_after_a_login(tmp_path: Path) -> None:
    with mail_server(tmp_path) as box:
        by_mail(box).send(NOTICE)
        by_mail(box).send(NOTICE)
    assert set(box.logins) == {USER}
    first, second = box.messages
    assert first["Message-ID"] == second["Message-ID"] == "<1b2c-paused-12@example.org>"
    assert first["Subject"] == "[biomero] Nuclei  Bcc: spy@example.org: paused"
    assert box.receivers[0] == ["facility@example.org", "ada@example.org"]
    payload = first.get_payload(decode=True)
    assert isinstance(payload, bytes)
    text = payload.decode()
    for words in ("no space", "make some", "/data/ö", "3, 1 of them failed", "biomero runs resume 1b2c"):
        assert words in text


def test_a_user_name_that_is_no_part_of_an_address_gets_no_mail(tmp_path: Path) -> None:
    odd = replace(NOTICE, facts={**NOTICE.facts, "user": "x@evil.org,y"})
    with mail_server(tmp_path) as box:
        by_mail(box).send(odd)
        with pytest.raises(NotificationRefusedError, match="nobody gets e-mail"):
            by_mail(box, to=("{user}@example.org",)).send(odd)
    assert box.receivers == [["facility@example.org"]]


def test_no_password_goes_over_a_way_that_is_not_encrypted(tmp_path: Path) -> None:
    with mail_server(tmp_path, encrypted=False) as box:
        plain = EmailNotifier(replace(SETTINGS, port=box.port, host="127.0.0.1", security="none"))
        with pytest.raises(NotificationRefusedError, match="encrypted"):
            plain.send(NOTICE)
        EmailNotifier(replace(SETTINGS, port=box.port, host="127.0.0.1", security="none", user=None)).send(
            NOTICE
        )
    assert len(box.messages) == 1


def test_a_mail_server_that_nobody_vouches_for_gets_nothing(tmp_path: Path) -> None:
    with mail_server(tmp_path) as box, pytest.raises(NotificationFailedError, match="certificate"):
        EmailNotifier(replace(SETTINGS, port=box.port)).send(NOTICE)
    assert box.logins == []


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("451 come back later", NotificationFailedError),
        ("554 we do not like it", NotificationRefusedError),
    ],
)
def test_what_a_mail_server_answers_decides_on_a_later_try(
    tmp_path: Path, answer: str, error: type[Exception]
) -> None:
    with mail_server(tmp_path) as box:
        box.answer = answer
        with pytest.raises(error, match=answer[:3]):
            by_mail(box).send(NOTICE)


def test_one_receiver_that_is_refused_does_not_keep_the_mail_from_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with mail_server(tmp_path) as box:
        box.refused = {"ada@example.org"}
        by_mail(box).send(NOTICE)
        box.refused.add("facility@example.org")
        with pytest.raises(NotificationRefusedError, match="every receiver"):
            by_mail(box).send(NOTICE)
    assert box.receivers == [["facility@example.org"]]
    assert "ada@example.org" in caplog.text


def test_a_wrong_password_is_not_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with mail_server(tmp_path) as box, pytest.raises(NotificationFailedError) as caught:
        by_mail(box, password="mistaken-secret").send(NOTICE)
    assert "refused the login" in str(caught.value)
    assert "mistaken-secret" not in f"{caught.value}{caplog.text}{SETTINGS!r}"


def test_a_webhook_is_called_with_a_signed_document(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="biomero")
    with web_hook() as hook:
        way = WebhookNotifier(WebhookSettings(url=hook.url, secret="s3cret"), now=lambda: AT)
        way.send(NOTICE)
        way.send(NOTICE)
    (headers, body), second = hook.calls
    assert (headers["Idempotency-Key"], body) == (second[0]["Idempotency-Key"], second[1])
    assert json.loads(body)["id"] == headers["Idempotency-Key"] == "1b2c-paused-12"
    assert json.loads(body)["failure"]["message"] == "no space"
    found = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", headers[SIGNATURE])
    assert found is not None
    assert int(found[1]) == int(AT.timestamp())
    assert found[2] == hmac.new(b"s3cret", f"{found[1]}.".encode() + body, hashlib.sha256).hexdigest()
    assert "s3cret" not in caplog.text


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (500, NotificationFailedError),
        (429, NotificationFailedError),
        (302, NotificationRefusedError),
        (404, NotificationRefusedError),
    ],
)
def test_what_a_webhook_answers_decides_on_a_later_try(status: int, error: type[Exception]) -> None:
    with web_hook() as hook:
        hook.status = status
        with pytest.raises(error, match=str(status)) as caught:
            WebhookNotifier(WebhookSettings(url=hook.url)).send(NOTICE)
    assert "token-in-path" not in str(caught.value)
    assert len(hook.calls) == 1


def mail_to(port: int) -> Notifier:
    return EmailNotifier(replace(SETTINGS, host="127.0.0.1", port=port, security="none", user=None))


def call_of(port: int) -> Notifier:
    return WebhookNotifier(WebhookSettings(url=Hook(port=port).url))


@pytest.mark.parametrize("way", [mail_to, call_of])
def test_where_nobody_listens_a_later_try_may_get_through(way: Callable[[int], Notifier]) -> None:
    with pytest.raises(NotificationFailedError):
        way(free_ports(1)[0]).send(NOTICE)
