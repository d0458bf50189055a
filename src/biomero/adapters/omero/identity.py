"""Whose a session at OMERO is."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

from biomero.adapters.omero.login import new_client
from biomero.adapters.omero.seam import omero_errors
from biomero.adapters.omero.session import address_of
from biomero.application.settings import OmeroSettings
from biomero.domain.omero import OmeroUser
from biomero.errors import OmeroLoginError, OmeroSessionError

_UUID = re.compile(r"\A[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")


class IceIdentity:
    """See `OmeroIdentity`: joins the session, looks who one is there, and leaves it again."""

    def __init__(self, settings: OmeroSettings) -> None:
        self._settings = settings

    def user_of(self, session: str) -> OmeroUser:
        """See `OmeroIdentity.user_of`."""
        place = address_of(self._settings)
        unknown = OmeroLoginError(f"{place} does not know this session; log in again")
        if not _UUID.match(session):  # anything else might be somebody's name and password
            raise unknown
        client = new_client(self._settings, place)
        try:
            with omero_errors(place):
                client.createSession(session, session)
                client.sf.detachOnDestroy()
                admin = client.sf.getAdminService()
                context = admin.getEventContext()
                email = admin.getExperimenter(context.userId).email
                is_admin = context.isAdmin and _has_every_privilege(client.sf, admin)
        except (OmeroLoginError, OmeroSessionError) as exc:
            raise unknown from exc
        finally:
            import Ice
            import omero.clients

            # whoever else is in the session stays there: leaving takes back one joining, and ends nothing
            with suppress(Ice.Exception, omero.ClientError):
                client.closeSession()
        if context.sessionUuid.lower() != session.lower():
            raise unknown
        return OmeroUser(
            id=int(context.userId),
            name=context.userName,
            email="" if email is None else email.val,
            is_admin=is_admin,
        )


def _has_every_privilege(factory: Any, admin: Any) -> bool:
    """Say whether an administrator is an unrestricted one: OMERO says ``isAdmin`` of restricted ones, too.

    Whoever acts for somebody else has in that session what both have.
    """
    kinds = factory.getQueryService().findAll("AdminPrivilege", None)
    own = {privilege.value.val for privilege in admin.getCurrentAdminPrivileges()}
    return bool(kinds) and own >= {privilege.value.val for privilege in kinds}
