"""Logging in at OMERO, as oneself or for another, and out again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from biomero.adapters.omero.seam import need_ice, omero_errors
from biomero.application.settings import OmeroSettings
from biomero.errors import OmeroError, OmeroLoginError, OmeroPermissionError, OmeroSessionError

AGENT = "BIOMERO"
"""What OMERO's administrators see sessions by."""

_URL = re.compile(r"\A(?P<protocol>tcp|ssl|ws|wss)://(?P<host>[^:/\s]+)(:(?P<port>\d+))?(?P<path>/\S*)?\Z")
"""Hosts as programs of OMERO accept them beside plain names."""

_MOST_CLIENTS = 10
"""Who may have joined a session of ours: its maker, and two ways to the server."""

SILENT_S = 120
"""A server that works on an answer says so twice a minute; one that says nothing for so long is gone."""

_CLOSE_ON_INVOCATION = "2"

_IDLE_MS = 600_000
"""After this a session ends whose program has died."""


@contextmanager
def logged_in(settings: OmeroSettings, name: str, password: str, place: str) -> Iterator[Any]:
    """Log in, or join a session whose id is both name and password; it is gone after the block.

    Raises
    ------
    OmeroLoginError
        If OMERO knows no such name and password.
    OmeroUnavailableError
        If it does not answer.
    """
    client = new_client(settings, place)
    try:
        with omero_errors(place):
            client.createSession(name, password)
        yield client
    finally:
        _log_out(client, place)


def session_for(settings: OmeroSettings, user: str, place: str) -> str:
    """Return the id of a new session of a user, made by the right to act for others.

    Raises
    ------
    OmeroLoginError
        If there is no such user, or the account has no such right.
    OmeroUnavailableError
        If OMERO does not answer, or what speaks with it is not installed.
    """
    need_ice()
    from omero.sys import Principal

    with logged_in(settings, settings.user, settings.password, place) as client:
        principal = Principal(name=user, group="", eventType="User")
        try:
            with omero_errors(place):
                sessions = client.sf.getSessionService()
                made = sessions.createSessionWithTimeouts(principal, 0, _IDLE_MS)
        except OmeroPermissionError as exc:
            raise OmeroLoginError(
                f"{settings.user} may not act for {user} at {place}: it has to be an administrator there, "
                "with the right Sudo"
            ) from exc
        except (
            OmeroLoginError,
            OmeroSessionError,
        ) as exc:  # OMERO says of an unknown name what it says of ids
            raise OmeroLoginError(f"{place} has no user {user}") from exc
        return str(made.uuid.val)


def new_client(settings: OmeroSettings, place: str) -> Any:
    """Return a client that is not logged in."""
    with omero_errors(place):
        import Ice
        import omero.clients

        data = Ice.InitializationData()
        # without words of a command line: those would bring in the file that ICE_CONFIG names
        data.properties = Ice.createProperties()
        host, router = _way_in(settings)
        if router:
            data.properties.setProperty("Ice.Default.Router", router)
        # omero-py waits 16 hours for a machine that was switched off
        data.properties.setProperty("Ice.ACM.Client.Timeout", str(SILENT_S))
        data.properties.setProperty("Ice.ACM.Client.Close", _CLOSE_ON_INVOCATION)
        data.properties.setProperty("Ice.ACM.Client.Heartbeat", "0")
        client = omero.client(id=data, host=host, port=settings.port)
        client.setAgent(AGENT)
        return client


def _way_in(settings: OmeroSettings) -> tuple[str, str]:
    """Return a host, and the router's address where that is another than omero-py makes of a host."""
    url = _URL.match(settings.host)
    if url is None:
        return settings.host, ""
    path = f" -r {url['path']}" if url["path"] else ""
    port = url["port"] or settings.port
    return url["host"], f"OMERO.Glacier2/router:{url['protocol']} -p {port} -h {url['host']}{path}"


def _log_out(client: Any, place: str) -> None:
    """End a session whoever else has joined it; what cannot be reached any more ends by itself."""
    import Ice
    import omero.clients
    import omero.model
    import omero.rtypes

    with suppress(OmeroError), omero_errors(place):
        sessions = client.sf.getSessionService()
        session = omero.model.SessionI()
        session.uuid = omero.rtypes.rstring(client.getSessionId())
        for _ in range(_MOST_CLIENTS):  # it ends with the last reference to it
            if sessions.closeSession(session) <= 0:
                break
    with suppress(Ice.Exception, omero.ClientError):
        client.closeSession()
