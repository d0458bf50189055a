"""Who somebody is that has a session of OMERO."""

from __future__ import annotations

from typing import Protocol

from biomero.domain.omero import OmeroUser


class OmeroIdentity(Protocol):
    """Tells by a session who asks; a script cannot say that it is somebody else.

    A session's id is as good as a password while the session lasts: it is given to OMERO, and neither logged
    nor recorded nor put into a message.
    """

    def user_of(self, session: str) -> OmeroUser:
        """Return whose session it is, which goes on as if nobody had asked.

        Only who has every privilege of an administrator is one here: a restricted administrator is a user
        like all others, also one with *Sudo*, who has to act for somebody at OMERO to see that one's runs.

        Raises
        ------
        OmeroLoginError
            If OMERO does not know such a session, or not any more.
        OmeroUnavailableError
            If OMERO does not answer.
        """
        ...
