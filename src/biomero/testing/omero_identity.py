"""Sessions of OMERO in memory, for tests of what asks whose they are; it keeps `OmeroIdentity`'s contract."""

from __future__ import annotations

from dataclasses import dataclass, field

from biomero.domain.omero import OmeroUser
from biomero.errors import OmeroLoginError, OmeroUnavailableError


@dataclass
class FakeIdentity:
    """Knows the sessions that it was told of.

    Parameters
    ----------
    otherwise
        Whose all other sessions are; nobody's if not given.
    is_up
        If not, nobody is answered.
    """

    sessions: dict[str, OmeroUser] = field(default_factory=dict)
    otherwise: OmeroUser | None = None
    is_up: bool = True

    def user_of(self, session: str) -> OmeroUser:
        """See `OmeroIdentity.user_of`."""
        if not self.is_up:
            raise OmeroUnavailableError("OMERO does not answer")
        found = self.sessions.get(session, self.otherwise)
        if found is None:
            raise OmeroLoginError("OMERO does not know this session; log in again")
        return found
