"""Sessions: who may act for whom, and what happens when they end before their time."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from biomero.adapters.omero import IceOmero
from biomero.adapters.omero.session import kept_alive, open_session
from biomero.adapters.system import SystemClock
from biomero.application.settings import OmeroSettings
from biomero.domain.omero import GroupAccess, OmeroKind
from biomero.errors import (
    ImageReadError,
    OmeroLoginError,
    OmeroPermissionError,
    OmeroUnavailableError,
)
from services.omero_server import PASSWORD, omero_server_in
from services.omero_world import ServerWorld
from services.processes import wait_until

from .conftest import Lab

pytestmark = pytest.mark.omero

PIXELS = np.random.default_rng(5).integers(0, 65000, (1, 2, 12, 1024, 1024), dtype=np.uint16)


def open_sessions(world: ServerWorld, *users: str) -> int:
    return sum(len(world.server.ask("open_sessions", user=user)) for user in users)


@pytest.fixture
def own_world(tmp_path: Path) -> Iterator[ServerWorld]:
    """A server that may be ended."""
    with omero_server_in(tmp_path / "own") as server:
        yield ServerWorld(server)


def test_no_session_stays_open(world: ServerWorld, lab: Lab) -> None:
    image = world.image("i", lab.alice, lab.group)
    with world.omero.reader(lab.alice.name) as reader:
        reader.select([image])
        assert open_sessions(world, lab.alice.name) == 1
        assert open_sessions(world, world.service) == 0  # the account's own is not needed any more
    assert open_sessions(world, lab.alice.name) == 0


def test_no_session_stays_open_after_an_error(world: ServerWorld, lab: Lab) -> None:
    with pytest.raises(ZeroDivisionError), world.omero.reader(lab.alice.name):
        _ = 1 / 0
    assert open_sessions(world, lab.alice.name, world.service) == 0


def test_a_login_of_ones_own_needs_no_right(world: ServerWorld, lab: Lab) -> None:
    image = world.image("i", lab.alice, lab.group)
    omero = world.omero_with(user=lab.alice.name, is_sudo=False)
    with omero.reader(lab.alice.name) as reader:
        assert reader.select([image]).images[0].id == image.id
    assert open_sessions(world, lab.alice.name) == 0
    with pytest.raises(OmeroLoginError, match="does not act for others"), omero.reader("bob"):
        pass


def test_who_may_not_act_for_others_is_told_what_is_missing(world: ServerWorld, lab: Lab) -> None:
    bob = world.user("bob", lab.group)
    clerk = f"clerk-{world.mark}"
    world.server.add_user(clerk, is_admin=True, privileges=["WriteOwned"])
    for account in (bob.name, clerk):
        with (
            pytest.raises(OmeroLoginError, match=f"{account} may not act for .*right Sudo"),
            world.omero_with(user=account).reader(lab.alice.name),
        ):
            pass
    assert open_sessions(world, bob.name, clerk, lab.alice.name) == 0


def test_a_wrong_password_is_said_and_not_shown(
    world: ServerWorld, lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        pytest.raises(OmeroLoginError, match="refused the login") as refused,
        world.omero_with(password="not a secret of ours").reader(lab.alice.name),
    ):
        pass
    assert "not a secret" not in f"{refused.value!r} {caplog.text}"


def test_the_id_of_a_session_is_nobodys_name(world: ServerWorld, lab: Lab) -> None:
    bob = world.user("bob", lab.group)
    with open_session(world.settings(), lab.alice.name):
        (uuid,) = world.server.ask("open_sessions", user=lab.alice.name)
        with pytest.raises(OmeroLoginError, match="no user"), world.omero.reader(uuid):
            pass
    with open_session(world.settings(), bob.name) as session:
        assert session.user.name == bob.name


def test_one_works_in_a_group_only_as_its_member(world: ServerWorld, lab: Lab) -> None:
    other = world.server.add_group(f"other-{world.mark}")
    with open_session(world.settings(), lab.alice.name, lab.group.id) as session:
        assert session.group_id == lab.group.id
        assert session.member_of == {lab.group.id}
    with (
        pytest.raises(OmeroPermissionError, match="no member"),
        open_session(world.settings(), lab.alice.name, other),
    ):
        pass


def test_a_server_that_is_not_there_is_not_waited_for() -> None:
    omero = IceOmero(OmeroSettings(host="127.0.0.1", port=9, user="u", password=PASSWORD), SystemClock())
    with pytest.raises(OmeroUnavailableError, match=r"127\.0\.0\.1:9 does not answer"), omero.reader("u"):
        pass


def test_a_session_that_is_killed_midway_is_made_anew(
    world: ServerWorld, lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    image = world.image("i", lab.alice, lab.group, pixels=PIXELS)
    killed: list[str] = []
    with world.omero.reader(lab.alice.name) as reader, reader.open(image.id) as found:
        for c in range(2):
            for z in range(12):
                if z % 4 == 2:
                    killed += world.server.ask("open_sessions", user=lab.alice.name)
                    assert world.server.kill_sessions(lab.alice.name) == 1
                plane = found.read(c=c, z=z, y=slice(0, 1024), x=slice(0, 1024))
                assert np.array_equal(plane, PIXELS[0, c, z])
        world.server.kill_sessions(lab.alice.name)
        assert [i.name for i in reader.select([image]).images] == ["i"]
    assert len(set(killed)) == 6
    assert "going on with a new session" in caplog.text
    assert not any(uuid in caplog.text for uuid in killed)
    assert open_sessions(world, lab.alice.name, world.service) == 0


def test_what_may_pass_is_waited_for(world: ServerWorld, lab: Lab) -> None:
    image = world.image("i", lab.alice, lab.group, pixels=PIXELS)
    for error in ("TryAgain", "DatabaseBusyException", "UnknownLocalException"):
        world.server.fail("RawPixelsStore.getTile", error)
    with world.omero.reader(lab.alice.name) as reader, reader.open(image.id) as found:
        assert np.array_equal(found.read(c=1, z=3, y=slice(0, 9), x=slice(0, 9)), PIXELS[0, 1, 3, :9, :9])


@pytest.mark.parametrize("error", ["InternalException", "ResourceError", "ApiUsageException"])
def test_pixels_that_omero_cannot_read_are_an_error_of_the_image(
    world: ServerWorld, lab: Lab, error: str
) -> None:
    image = world.image("broken", lab.alice, lab.group)
    world.server.fail("RawPixelsStore.getTile", error)
    with world.omero.reader(lab.alice.name) as reader, reader.open(image.id) as found:
        with pytest.raises(ImageReadError, match=rf"broken.*{error}"):
            found.read(y=slice(0, 9), x=slice(0, 9))
        assert found.read(y=slice(0, 9), x=slice(0, 9)).shape == (9, 9)


def test_a_server_that_is_started_again_midway_is_waited_for(own_world: ServerWorld) -> None:
    group = own_world.group("lab", GroupAccess.PRIVATE)
    alice = own_world.user("alice", group)
    image = own_world.image("i", alice, group, pixels=PIXELS)
    with own_world.omero.reader(alice.name) as reader, reader.open(image.id) as found:
        assert np.array_equal(found.read(z=0, y=slice(0, 1024), x=slice(0, 1024)), PIXELS[0, 0, 0])
        own_world.server.kill()
        again = threading.Timer(3, own_world.server.start)
        again.start()
        try:
            for z in range(1, 12):
                plane = found.read(z=z, y=slice(0, 1024), x=slice(0, 1024))
                assert np.array_equal(plane, PIXELS[0, 0, z])
        finally:
            again.join()
    assert open_sessions(own_world, alice.name, own_world.service) == 0


def test_a_server_that_stays_away_is_given_up(own_world: ServerWorld) -> None:
    group = own_world.group("lab", GroupAccess.PRIVATE)
    alice = own_world.user("alice", group)
    image = own_world.image("i", alice, group)
    with own_world.omero_with(patience_s=2).reader(alice.name) as reader, reader.open(image.id) as found:
        own_world.server.kill()
        with pytest.raises(OmeroUnavailableError, match="also after waiting"):
            found.read(y=slice(0, 9), x=slice(0, 9))
        with pytest.raises(OmeroUnavailableError):
            reader.select([image])


def test_a_login_that_is_refused_midway_is_no_damage_of_the_image(world: ServerWorld, lab: Lab) -> None:
    from omero.rtypes import rstring

    image = world.image("i", lab.alice, lab.group)
    with world.omero_with(patience_s=2).reader(lab.alice.name) as reader, reader.open(image.id) as found:
        with open_session(world.settings(user="root", is_sudo=False), "root") as root:
            root.factory.getAdminService().changeUserPassword(world.service, rstring("another"))
        world.server.kill_sessions(lab.alice.name)
        with pytest.raises(OmeroLoginError, match="refused the login"):
            found.read(y=slice(0, 9), x=slice(0, 9))


class Line:
    """A factory whose calls fail as Ice's do, one after the other, and then succeed."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    def keepAlive(self, _: None) -> None:  # noqa: N802 - OMERO's name
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)


def test_a_session_is_kept_alive_also_after_calls_that_failed() -> None:
    import Ice
    import omero.clients

    line = Line(Ice.ConnectionLostException(), Ice.TimeoutException(), omero.InternalException())
    with kept_alive(line, every_s=0.01):
        wait_until(lambda: line.calls > 4, "it is kept alive after three calls that failed")


def test_a_session_that_is_gone_is_not_kept_alive() -> None:
    import Glacier2
    import Ice
    import omero.clients

    for error in (
        omero.RemovedSessionException(),
        Glacier2.SessionNotExistException(),
        Ice.ObjectNotExistException(),
    ):
        line = Line(error)
        with kept_alive(line, every_s=0.01) as thread:
            thread.join(30)
            assert not thread.is_alive()
        assert line.calls == 1


def test_threads_and_sessions_end_with_the_block(world: ServerWorld, lab: Lab) -> None:
    image = world.image("i", lab.alice, lab.group)
    with world.omero.reader(lab.alice.name) as reader, reader.open(image.id) as found:
        found.read(y=slice(0, 9), x=slice(0, 9))
    gc.collect()
    for thread in [t for t in threading.enumerate() if t.name.startswith("omero-")]:
        thread.join(5)
        assert not thread.is_alive()


def test_thousands_of_images_are_listed_with_few_questions(world: ServerWorld, lab: Lab) -> None:
    from omero.model import DatasetI, DatasetImageLinkI, ImageI
    from omero.rtypes import rstring

    dataset = world.container(OmeroKind.DATASET, "many", lab.alice, lab.group)
    count = 2500
    with open_session(world.settings(), lab.alice.name, lab.group.id) as session:
        update = session.factory.getUpdateService()
        for first in range(0, count, 500):
            links = []
            for number in range(first, first + 500):
                link = DatasetImageLinkI()
                image = ImageI()
                image.name = rstring(f"image {count - number}")
                link.parent = DatasetI(dataset.id, False)  # noqa: FBT003 - Ice's own
                link.child = image
                links.append(link)
            update.saveArray(links)
    with world.omero.reader(lab.alice.name) as reader:
        before = world.server.calls("IQuery.projection") + world.server.calls("IQuery.findAllByQuery")
        images = reader.select([dataset]).images
        asked = world.server.calls("IQuery.projection") + world.server.calls("IQuery.findAllByQuery") - before
    assert [image.name for image in images] == [f"image {number}" for number in range(1, count + 1)]
    assert asked < 40
    assert images[0].parents == (dataset,)


def test_nothing_secret_is_shown(world: ServerWorld, lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    image = world.image("i", lab.alice, lab.group)
    with open_session(world.settings(), lab.alice.name) as session:
        (uuid,) = world.server.ask("open_sessions", user=lab.alice.name)
        assert uuid not in f"{session!r} {session}"
    with world.omero.reader(lab.alice.name) as reader, reader.open(image.id) as found:
        (uuid,) = world.server.ask("open_sessions", user=lab.alice.name)
        world.server.fail("RawPixelsStore.getTile", "ObjectNotExistException")
        found.read(y=slice(0, 9), x=slice(0, 9))
    assert "ended a session" in caplog.text
    for secret in (uuid, PASSWORD):
        assert secret not in caplog.text
        assert secret not in f"{world.settings()!r} {reader!r} {found!r}"


def test_fields_of_a_second_acquisition_follow_those_of_the_first(world: ServerWorld, lab: Lab) -> None:
    from omero.model import ImageI, PlateAcquisitionI, PlateI, WellI, WellSampleI

    plate = world.plate("twice", {(0, 1): [PIXELS[:, :1, :1]]}, lab.alice, lab.group)
    again = world.image("again", lab.alice, lab.group)
    with world.omero.reader(lab.alice.name) as reader:
        (before,) = reader.select([plate]).images
    assert before.place is not None
    with open_session(world.settings(), lab.alice.name, lab.group.id) as session:
        run = PlateAcquisitionI()
        run.plate = PlateI(plate.id, False)  # noqa: FBT003 - Ice's own
        sample = WellSampleI()
        sample.well = WellI(before.place.well_id, False)  # noqa: FBT003 - Ice's own
        sample.image = ImageI(again.id, False)  # noqa: FBT003 - Ice's own
        sample.plateAcquisition = session.factory.getUpdateService().saveAndReturnObject(run)
        session.factory.getUpdateService().saveObject(sample)
    with world.omero.reader(lab.alice.name) as reader:
        images = reader.select([plate]).images
    assert [image.id for image in images] == [before.id, again.id]
    assert [image.place.field for image in images if image.place is not None] == [0, 1]


def test_an_administrator_may_work_in_every_group(world: ServerWorld, lab: Lab) -> None:
    image = world.image("i", lab.alice, lab.group)
    omero = world.omero_with(user="root", is_sudo=False)
    with omero.reader("root") as reader:
        images = reader.select([image]).images
    assert omero.check_writable("root", images) == []
