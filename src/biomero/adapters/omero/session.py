"""A session at OMERO: who one is there, and the services that one may ask."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from biomero.adapters.omero.login import logged_in, session_for
from biomero.adapters.omero.seam import omero_errors
from biomero.application.settings import OmeroSettings
from biomero.domain.omero import OmeroUser
from biomero.errors import OmeroLoginError, OmeroPermissionError

_log = logging.getLogger(__name__)

_KEEP_ALIVE_S = 60.0
"""OMERO forgets a session that is idle for ten minutes."""

ALL_GROUPS = {"omero.group": "-1"}
"""The context of a call that looks into every group that the user may see."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OmeroSession:
    """One user's open session. The services may be asked by several threads.

    Parameters
    ----------
    factory
        `omero.api.ServiceFactoryPrx`, which makes services.
    group_id
        The group in which things are made, and which calls are about that say nothing else.
    member_of
        The user's groups, without the one that all are in.
    """

    user: OmeroUser
    group_id: int
    member_of: frozenset[int]
    is_admin: bool
    factory: Any = field(repr=False)


def address_of(settings: OmeroSettings) -> str:
    """Return a server's host and port."""
    return settings.host if "://" in settings.host else f"{settings.host}:{settings.port}"


@contextmanager
def open_session(settings: OmeroSettings, user: str, group_id: int | None = None) -> Iterator[OmeroSession]:
    """Be a user at OMERO within the block; the session is kept alive there, and is gone afterwards.

    Parameters
    ----------
    group_id
        Where things will be made; ``None`` for the user's default group.

    Raises
    ------
    OmeroLoginError
        If there is no such user, or the account of the settings may not act for them.
    OmeroPermissionError
        If the user is no member of the group.
    OmeroUnavailableError
        If OMERO does not answer.
    """
    place = address_of(settings)
    with ExitStack() as stack:
        client = stack.enter_context(_client_of(settings, user))
        with omero_errors(place):
            context = client.sf.getAdminService().getEventContext()
        # OMERO takes the id of a session for a user's name, too
        if context.userName.casefold() != user.casefold():
            raise OmeroLoginError(f"{place} has no user {user}")
        session = _described(client, context, group_id, place)
        stack.enter_context(kept_alive(session.factory))
        yield session


@contextmanager
def _client_of(settings: OmeroSettings, user: str) -> Iterator[Any]:
    """Log in as a user, and change to the unencrypted port if that is wanted."""
    place = address_of(settings)
    with ExitStack() as stack:
        if user == settings.user:
            client = stack.enter_context(logged_in(settings, settings.user, settings.password, place))
        elif settings.is_sudo:
            session_id = session_for(settings, user, place)
            client = stack.enter_context(logged_in(settings, session_id, session_id, place))
        else:
            raise OmeroLoginError(
                f"{settings.user} does not act for others at {place}, not for {user} either"
            )
        if settings.is_encrypted:
            yield client
            return
        with omero_errors(place):
            plain = client.createClient(False)  # noqa: FBT003 - not secure; Ice wants positions
        try:
            yield plain
        finally:
            _leave(plain)


def _leave(client: Any) -> None:
    import Ice

    with suppress(Ice.Exception):
        client.closeSession()


def _described(client: Any, context: Any, group_id: int | None, place: str) -> OmeroSession:
    with omero_errors(place):
        admin = client.sf.getAdminService()
        person = admin.getExperimenter(context.userId)
        everybody = admin.getSecurityRoles().userGroupId
    member_of = frozenset(int(group) for group in context.memberOfGroups) - {everybody}
    if group_id is not None:
        if group_id not in member_of and not context.isAdmin:
            raise OmeroPermissionError(f"{context.userName} is no member of the group {group_id} at {place}")
        client.getImplicitContext().put("omero.group", str(group_id))
    words = (person.firstName, person.lastName)
    return OmeroSession(
        user=OmeroUser(
            id=int(context.userId),
            name=context.userName,
            full_name=" ".join(word.val for word in words if word is not None and word.val),
            email=person.email.val if person.email is not None else "",
        ),
        group_id=int(context.groupId) if group_id is None else group_id,
        member_of=member_of,
        is_admin=bool(context.isAdmin),
        factory=client.sf,
    )


@contextmanager
def kept_alive(factory: Any, *, every_s: float = _KEEP_ALIVE_S) -> Iterator[threading.Thread]:
    """Keep a session alive within the block, by a thread that ends before only if the session does.

    A session that is lost is noticed by who uses it; a call that fails otherwise is made again in time.
    """
    import Glacier2
    import Ice
    import omero.clients

    gone = (
        omero.SessionException,
        Glacier2.SessionNotExistException,
        Ice.ObjectNotExistException,
        Ice.CommunicatorDestroyedException,
    )
    ended = threading.Event()

    def keep() -> None:
        while not ended.wait(every_s):
            try:
                factory.keepAlive(None)
            except gone:
                return
            except Ice.Exception as exc:
                _log.info("a session was not kept alive this time (%s)", type(exc).__name__)

    thread = threading.Thread(target=keep, name="omero-keep-alive", daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        ended.set()
