"""Keys that say who is told of runs, and how."""

from __future__ import annotations

from biomero.adapters.config import kinds
from biomero.adapters.config.keys.setting import Setting
from biomero.adapters.config.kinds import choice, choices
from biomero.application.settings import NOTIFIED, SMTP_SECURITY

NOTIFY = (
    Setting(
        section="NOTIFY",
        key="notify_on",
        kind=choices(NOTIFIED),
        default=" ".join(NOTIFIED),
        meaning="What a worker tells people: that a run is done, has failed, or is paused and waits for "
        "somebody.",
    ),
    Setting(
        section="NOTIFY",
        key="email_to",
        kind=kinds.ADDRESSES,
        example="facility@example.org, {user}@example.org",
        meaning="Who gets e-mail; `{user}` stands for who asked for the run. Without it nobody does.",
    ),
    Setting(
        section="NOTIFY",
        key="email_from",
        kind=kinds.ADDRESS,
        example="biomero@example.org",
        meaning="The sender's address; the first of `email_to` without `{user}` where it is not said.",
    ),
    Setting(
        section="NOTIFY",
        key="smtp_host",
        kind=kinds.WORD,
        default="localhost",
        meaning="The mail server.",
    ),
    Setting(
        section="NOTIFY",
        key="smtp_port",
        kind=kinds.PORT,
        default="587",
        meaning="Its port.",
    ),
    Setting(
        section="NOTIFY",
        key="smtp_security",
        kind=choice(SMTP_SECURITY),
        default="starttls",
        meaning="How the way to it is encrypted: after a first greeting, from the first byte on, or not. "
        "A password is never sent over a way that is not.",
    ),
    Setting(
        section="NOTIFY",
        key="smtp_user",
        kind=kinds.WORD,
        example="biomero",
        meaning="The account at the mail server; without it there is no login.",
    ),
    Setting(
        section="NOTIFY",
        key="smtp_password",
        kind=kinds.LINE,
        variables=("BIOMERO_SMTP_PASSWORD",),
        is_secret=True,
        meaning="Its password.",
    ),
    Setting(
        section="NOTIFY",
        key="webhook_url",
        kind=kinds.WEB_ADDRESS,
        variables=("BIOMERO_WEBHOOK_URL",),
        example="https://example.org/hooks/biomero",
        is_secret=True,
        meaning="What is called with a JSON document by HTTP POST.",
    ),
    Setting(
        section="NOTIFY",
        key="webhook_secret",
        kind=kinds.LINE,
        variables=("BIOMERO_WEBHOOK_SECRET",),
        is_secret=True,
        meaning="What the document is signed with (HMAC-SHA256), so that its receiver can tell ours.",
    ),
)
