"""One open cluster for all runs, and none for a cluster that refuses us."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest

from biomero.application.engine.hub import ClusterHub
from biomero.application.ports.clusters import Cluster
from biomero.application.ports.run_queue import Claim, Pool
from biomero.application.ports.shell import CommandResult, SessionCounts
from biomero.application.settings import ClusterSettings
from biomero.bootstrap import ClusterDoor, default_settings
from biomero.domain.ids import RunId
from biomero.errors import AuthenticationFailedError, ClusterBarredError, ConnectionFailedError


def claim_of(name: str, token: int = 1) -> Claim:
    return Claim(
        run_id=RunId(name),
        step="stage",
        pool=Pool.STAGE,
        token=token,
        attempt=0,
        cluster="lisa",
        requester="ada",
    )


ONE, TWO = claim_of("one"), claim_of("two")


class Shell:
    """Knows whether it was closed."""

    def __init__(self) -> None:
        self.closed = 0

    @property
    def counts(self) -> SessionCounts:
        return SessionCounts(logins=0, commands=0)

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        timeout_s: float = 60.0,
    ) -> CommandResult:
        raise NotImplementedError

    def close(self) -> None:
        self.closed += 1


class Site:
    """A machine whose clusters are opened and closed before the test's eyes."""

    def __init__(self) -> None:
        self.shells: list[Shell] = []
        self.settings = ClusterSettings(name="lisa", ssh_host="lisa")
        self._local = ClusterDoor(default_settings()).open(ClusterSettings())
        self.hub = ClusterHub(self, lambda _name: self.settings)

    def open(self, settings: ClusterSettings) -> Cluster:
        shell = Shell()
        self.shells.append(shell)
        return replace(self._local, settings=settings, shell=shell)

    @property
    def closed(self) -> list[int]:
        return [shell.closed for shell in self.shells]


@pytest.fixture
def site() -> Site:
    return Site()


def refused(site: Site, error: Callable[[str], Exception] = AuthenticationFailedError) -> None:
    with pytest.raises(Exception, match="no"), site.hub.use("lisa"):
        raise error("no")


def test_a_cluster_is_opened_once_and_closed_with_the_hub(site: Site) -> None:
    with site.hub:
        for claim in (ONE, TWO, None):
            with site.hub.use("lisa", claim) as cluster:
                assert cluster.settings is site.settings
        assert site.closed == [0]
    assert site.closed == [1]
    with site.hub.use("lisa"):
        assert site.closed == [1, 0]


def test_new_settings_are_for_new_runs(site: Site) -> None:
    with site.hub.use("lisa", ONE):
        pass
    site.settings = replace(site.settings, data_path="elsewhere")
    with site.hub.use("lisa", ONE) as before, site.hub.use("lisa", TWO) as after:
        assert before.settings.data_path != "elsewhere"
        assert after.settings.data_path == "elsewhere"
    assert site.closed == [0, 0]
    site.hub.forget(ONE.run_id)
    assert site.closed == [1, 0]


def test_a_run_that_others_had_meanwhile_gets_the_settings_of_now(site: Site) -> None:
    with site.hub.use("lisa", ONE):
        pass
    site.settings = replace(site.settings, data_path="elsewhere")
    for token in (1, 2, 3):  # it is cancelled within its step; its next steps are done here, too
        with site.hub.use("lisa", claim_of("one", token)) as cluster:
            assert cluster.settings.data_path != "elsewhere"
    with site.hub.use("lisa", claim_of("one", 5)) as cluster:
        assert cluster.settings.data_path == "elsewhere"
    assert site.closed == [1, 0]
    assert site.hub.runs() == {ONE.run_id}


def test_three_refused_logins_bar_a_cluster(site: Site) -> None:
    for _ in range(3):
        assert site.hub.barred() == {}
        refused(site)
    assert site.closed == [1]
    assert "after 3 refused logins" in site.hub.barred()["lisa"]
    with pytest.raises(ClusterBarredError, match="start the worker again"), site.hub.use("lisa"):
        pytest.fail("nobody goes there")


def test_new_settings_end_a_bar(site: Site) -> None:
    for _ in range(3):
        refused(site)
    site.settings = replace(site.settings, ssh_host="lisa2")
    with site.hub.use("lisa") as cluster:
        assert cluster.settings.ssh_host == "lisa2"
    assert site.hub.barred() == {}


def test_a_success_in_between_forgets_refusals_and_other_troubles_do_not_count(site: Site) -> None:
    for _ in range(2):
        refused(site)
    with site.hub.use("lisa"):
        pass
    for _ in range(5):
        refused(site, ConnectionFailedError)
    refused(site)
    assert site.hub.barred() == {}


def test_who_is_at_a_cluster_when_it_is_barred_can_end_in_peace(site: Site) -> None:
    with site.hub.use("lisa"):
        for _ in range(3):
            refused(site)
        assert site.closed == [0]
    assert site.closed == [1]
