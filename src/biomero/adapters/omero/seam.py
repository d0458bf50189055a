"""Where the errors of Ice and OMERO become ours.

Nothing of the foreign error travels on but its class and what OMERO said: identities of Ice's objects are
made of session ids, which open OMERO to whoever reads them.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from contextlib import contextmanager

from biomero.errors import (
    OmeroError,
    OmeroLoginError,
    OmeroPermissionError,
    OmeroSessionError,
    OmeroUnavailableError,
)

_SESSION_ID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_MOST_WORDS = 500


@contextmanager
def omero_errors(place: str) -> Iterator[None]:
    """Turn what Ice and OMERO raise into ours, by class.

    Parameters
    ----------
    place
        The server, for messages.
    """
    need_ice()
    import Glacier2
    import Ice
    import omero.clients  # its slice definitions, which the classes are of, are loaded by that

    try:
        yield
    except (omero.SessionException, Glacier2.SessionNotExistException, Ice.ObjectNotExistException) as exc:
        raise OmeroSessionError(f"{place} ended a session before its time ({_named(exc)})") from None
    except (
        Glacier2.PermissionDeniedException,
        omero.AuthenticationException,
        omero.ExpiredCredentialException,
    ) as exc:
        raise OmeroLoginError(f"{place} refused the login ({_named(exc)})") from None
    except omero.SecurityViolation as exc:
        raise OmeroPermissionError(f"{place} does not allow it: {_said(exc)}") from None
    except omero.ConcurrencyException as exc:
        raise OmeroUnavailableError(f"{place} is busy: {_said(exc)}") from None
    except omero.ServerError as exc:
        raise OmeroError(f"{place} says {_named(exc)}: {_said(exc)}") from None
    except Ice.MarshalException as exc:
        raise OmeroError(f"{place} and this program do not understand each other ({_named(exc)})") from None
    except (Glacier2.CannotCreateSessionException, omero.ClientError, Ice.Exception) as exc:
        raise OmeroUnavailableError(f"{place} does not answer ({_named(exc)})") from None


def need_ice() -> None:
    """See that the extra is there.

    Raises
    ------
    OmeroUnavailableError
        If it is not.
    """
    if importlib.util.find_spec("Ice") is None or importlib.util.find_spec("omero") is None:
        raise OmeroUnavailableError(
            "what speaks with OMERO is missing here: pip install 'biomero[omero]' (and Ice for Python)"
        )


def _named(exc: BaseException) -> str:
    return type(exc).__name__


def _said(exc: BaseException) -> str:
    words = str(getattr(exc, "message", "") or "nothing more")
    return _SESSION_ID.sub("…", words)[:_MOST_WORDS]
