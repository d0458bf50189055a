"""Who has a session: it is joined for a moment, and goes on as before."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

from biomero.adapters.omero.login import new_client
from biomero.adapters.omero.seam import omero_errors
from biomero.adapters.omero.session import address_of
from biomero.application.settings import OmeroSettings
from biomero.domain.omero import OmeroUser
from biomero.errors import OmeroError, OmeroLoginError, OmeroSessionError

_SESSION = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
"""OMERO takes names and passwords where it takes sessions: nothing else may be tried here."""


class OmeroSessions:
    """Asks an OMERO server; see `OmeroIdentity`."""

    def __init__(self, settings: OmeroSettings) -> None:
        self._settings = settings

    def user_of(self, session: str) -> OmeroUser:
        """See `OmeroIdentity.user_of`."""
        place = address_of(self._settings)
        if not _SESSION.fullmatch(session):
            raise OmeroLoginError("that is no session of OMERO")
        client = new_client(self._settings, place)
        try:
            with omero_errors(place):
                client.joinSession(session)
                return _user(client)
        except (OmeroLoginError, OmeroSessionError) as exc:
            raise OmeroLoginError(f"{place} does not know this session any more; log in again") from exc
        finally:
            _leave(client, place)


def _user(client: Any) -> OmeroUser:
    admin = client.sf.getAdminService()
    context = admin.getEventContext()
    person = admin.getExperimenter(context.userId)
    words = (person.firstName, person.lastName)
    return OmeroUser(
        id=int(context.userId),
        name=context.userName,
        full_name=" ".join(word.val for word in words if word is not None and word.val),
        email=person.email.val if person.email is not None else "",
        is_admin=bool(context.isAdmin),
    )


def _leave(client: Any, place: str) -> None:
    """Leave a session to those whose it is: without `detachOnDestroy` it would end with us."""
    import Ice
    import omero.clients

    with suppress(OmeroError, AttributeError), omero_errors(place):
        client.sf.detachOnDestroy()
    with suppress(Ice.Exception, omero.ClientError):
        client.closeSession()
