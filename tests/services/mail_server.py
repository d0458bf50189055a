"""A real mail server on loopback, which keeps what it gets."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.processes import free_ports

USER, PASSWORD = "biomero", "sesame street"


@dataclass
class Mailbox:
    """What arrived, and how the server answers."""

    port: int = 0
    answer: str = "250 OK"
    refused: set[str] = field(default_factory=set)
    messages: list[Message] = field(default_factory=list)
    receivers: list[list[str]] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    certificate: Path = Path()

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.certificate))


class _Handler:
    def __init__(self, box: Mailbox) -> None:
        self._box = box

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self._box.refused:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - likewise
        if not self._box.answer.startswith("2"):
            return self._box.answer
        content = envelope.content
        assert isinstance(content, bytes)
        self._box.messages.append(message_from_bytes(content))
        self._box.receivers.append([str(r) for r in envelope.rcpt_tos])
        return self._box.answer


@contextmanager
def mail_server(folder: Path, *, encrypted: bool = True) -> Iterator[Mailbox]:
    """Serve mail; with encryption a login is needed, and only one account has one."""
    box = Mailbox()
    options: dict[str, Any] = {}
    if encrypted:
        box.certificate, key = certificate(folder)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(box.certificate, key)

        def authenticate(
            _server: object, _session: object, _envelope: object, _how: str, data: Any
        ) -> AuthResult:
            assert isinstance(data, LoginPassword)
            box.logins.append(data.login.decode())
            is_right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
            return AuthResult(success=is_right, handled=False)

        options = {
            "tls_context": tls,
            "require_starttls": True,
            "authenticator": authenticate,
            "auth_required": True,
        }
    controller = Controller(_Handler(box), hostname="127.0.0.1", port=free_ports(1)[0], **options)
    controller.start()
    try:
        box.port = controller.port
        yield box
    finally:
        controller.stop()


def certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for localhost that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "mail.crt", folder / "mail.key"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return files
