"""Official scripts of an OMERO server, as an administrator has them."""

from __future__ import annotations

from biomero.adapters.omero.login import logged_in
from biomero.adapters.omero.seam import omero_errors
from biomero.adapters.omero.session import address_of
from biomero.application.settings import OmeroSettings


class IceScripts:
    """Asks an OMERO server; see `OfficialScripts`."""

    def __init__(self, settings: OmeroSettings) -> None:
        self._settings = settings

    def put(self, path: str, text: str) -> bool:
        """See `OfficialScripts.put`."""
        place = address_of(self._settings)
        with (
            logged_in(self._settings, self._settings.user, self._settings.password, place) as client,
            omero_errors(place),
        ):
            import omero.model

            scripts = client.sf.getScriptService()
            known = scripts.getScriptID(path)
            if known < 0:
                scripts.uploadOfficialScript(path, text)
                return True
            if scripts.getScriptText(known) == text:
                return False
            scripts.editScript(omero.model.OriginalFileI(known, False), text)  # noqa: FBT003 - Ice wants positions
            return True
