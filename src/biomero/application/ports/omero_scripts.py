"""The scripts that an OMERO server offers."""

from __future__ import annotations

from typing import Protocol


class OfficialScripts(Protocol):
    """Scripts that everybody at an OMERO server may run; only its administrators may change them."""

    def put(self, path: str, text: str) -> bool:
        """Have a script there with this text; say whether anything had to be changed for it.

        Parameters
        ----------
        path
            Below OMERO's ``lib/scripts``, such as ``/biomero/Cancel_Run.py``.

        Raises
        ------
        OmeroLoginError, OmeroPermissionError
            If the account of the settings may not do that.
        OmeroUnavailableError
            If OMERO does not answer.
        """
        ...
