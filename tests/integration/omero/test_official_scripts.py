"""Our scripts on a server: put there once, changed where they differ."""

from __future__ import annotations

import pytest

from biomero.adapters.omero.official_scripts import IceScripts
from biomero.adapters.omero.session import open_session
from biomero.application.install_scripts import upload_scripts
from biomero.errors import OmeroError
from services.omero_world import ServerWorld

from .conftest import Lab

pytestmark = pytest.mark.omero


def test_scripts_are_uploaded_once_and_changed_where_they_differ(world: ServerWorld) -> None:
    settings = world.settings(user="root")
    name = f"A_{world.mark}.py"
    server = IceScripts(settings)
    assert upload_scripts({name: "print(1)\n"}, server) == [name]
    assert upload_scripts({name: "print(1)\n"}, server) == []
    assert upload_scripts({name: "print(2)\n"}, server) == [name]
    with open_session(settings, "root") as session:
        scripts = session.factory.getScriptService()
        assert scripts.getScriptText(scripts.getScriptID(f"/biomero/{name}")) == "print(2)\n"


def test_nobody_but_an_administrator_may_do_it(world: ServerWorld, lab: Lab) -> None:
    with pytest.raises(OmeroError):
        IceScripts(world.settings(user=lab.alice.name)).put(f"/biomero/B_{world.mark}.py", "x = 1\n")
