"""A script that OMERO runs: what it was given, and what it tells."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from biomero.application.engine_socket import named_socket
from biomero.entrypoints.omero_scripts.dialog import Dialog, omero_parameters
from biomero.entrypoints.omero_scripts.engine import Engine
from biomero.errors import BiomeroError

_KEEP_ALIVE_S = 60
MESSAGE = "Message"


class Script(Protocol):
    """A script that runs.

    Attributes
    ----------
    inputs
        What the user filled in, by the names of fields.
    session
        The script's own session, which is its user's.
    job
        Names this one execution.
    """

    @property
    def inputs(self) -> Mapping[str, Any]:
        """See above."""
        ...

    @property
    def session(self) -> str:
        """See above."""
        ...

    @property
    def job(self) -> str:
        """See above."""
        ...

    def say(self, sentence: str) -> None:
        """Show something to the user, in place of what was said before."""
        ...

    def give(self, name: str, text: str) -> None:
        """Give an output that other programs read."""
        ...

    def link(self, name: str, kind: str, number: int) -> None:
        """Give an object of OMERO, to which clients show a link."""
        ...


class OmeroScript:
    """See `Script`."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401 - omero-py has no types
        self._client = client
        self.inputs: Mapping[str, Any] = client.getInputs(unwrap=True)
        self.session: str = client.getSessionId()
        self.job: str = client.getProperty("omero.job") or str(uuid.uuid4())

    def say(self, sentence: str) -> None:
        """See `Script.say`."""
        print(sentence, flush=True)  # noqa: T201 - OMERO keeps what scripts print
        self.give(MESSAGE, sentence)

    def give(self, name: str, text: str) -> None:
        """See `Script.give`."""
        from omero.rtypes import rstring  # noqa: PLC0415 - an extra, and only where scripts run

        self._client.setOutput(name, rstring(text))

    def link(self, name: str, kind: str, number: int) -> None:
        """See `Script.link`."""
        import omero.model  # noqa: PLC0415 - likewise
        from omero.rtypes import robject  # noqa: PLC0415 - likewise

        self._client.setOutput(name, robject(getattr(omero.model, f"{kind}I")(number, False)))  # noqa: FBT003


Work = Callable[[Script, Engine], bool]
"""Does what the script is for, and says whether that went well."""


def run_script(dialog: Callable[[Engine], Dialog], work: Work) -> None:
    """Show the form, or do the work if it was filled in; leave with 0 where that went well.

    Whatever goes wrong is a sentence for the user, but for bugs.
    """
    engine = Engine(path=named_socket())
    client = _client(dialog(engine))  # ends here when OMERO only wants the form
    try:
        client.enableKeepAlive(_KEEP_ALIVE_S)
        script = OmeroScript(client)
        is_well = attempt(script, Engine(path=engine.path, session=script.session), work)
    finally:
        client.closeSession()
    sys.exit(0 if is_well else 1)


def attempt(script: Script, engine: Engine, work: Work) -> bool:
    """Do the work; an error becomes a sentence."""
    try:
        return work(script, engine)
    except BiomeroError as exc:
        script.say(sentence(str(exc)))
        return False


def sentence(text: str) -> str:
    """Return a text as a sentence.

    >>> sentence("there is no run 'x'")
    "There is no run 'x'."
    """
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"


def _client(dialog: Dialog) -> Any:  # noqa: ANN401 - omero-py has no types
    import omero.constants.namespaces  # noqa: PLC0415 - an extra, and only where scripts run
    import omero.scripts  # noqa: PLC0415 - likewise

    return omero.scripts.client(
        dialog.script,
        dialog.description,
        *omero_parameters(dialog.fields),
        # the form depends on what is installed: it is asked for whenever it is opened
        namespaces=[omero.constants.namespaces.NSDYNAMIC],
    )
