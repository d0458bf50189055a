"""What `99-run.sh` and `99-run-external.sh` say when a worker cannot start."""

from __future__ import annotations

import os
import signal
import socket

import pytest

from services.omero_account import OmeroAccount
from services.processes import descendants, free_ports, wait_until

NAMES = {"CONFIG_omero_master_host": "localhost", "OMERO_WORKER_NAME": "biomeroworker"}
HERE = {
    "OMERO_WORKER_HOST": "localhost",
    "OMERO_WORKER_ADDRESS": "127.0.0.1",
    "OMERO_WORKER_BIND": "127.0.0.1",
}
BOTH = pytest.mark.parametrize("script", ["99-run.sh", "99-run-external.sh"])


def refusal(account: OmeroAccount, script: str, **variables: str) -> str:
    done = account.run(script, variables={**HERE, "OMERO_MASTER_TIMEOUT_S": "0", **variables})
    assert done.returncode == 1
    return done.stderr


@BOTH
def test_names_must_be_given(account: OmeroAccount, script: str) -> None:
    assert "no master is named: set CONFIG_omero_master_host" in refusal(account, script)
    one = {"CONFIG_omero_master_host": "localhost"}
    assert "this worker has no name: set OMERO_WORKER_NAME" in refusal(account, script, **one)
    assert "'master' is the name of OMERO.server's own node" in refusal(
        account, script, **one, OMERO_WORKER_NAME="master"
    )
    assert "may hold letters" in refusal(account, script, **one, OMERO_WORKER_NAME="a/../b")


@BOTH
def test_a_master_that_is_not_up_is_waited_for_with_growing_pauses(
    account: OmeroAccount, script: str
) -> None:
    (port,) = free_ports(1)
    said = refusal(account, script, **NAMES, OMERO_REGISTRY_PORT=str(port), OMERO_MASTER_TIMEOUT_S="4")
    where = f"no registry answers at localhost (127.0.0.1), port {port}"
    assert f"waiting for OMERO.server: {where}; next try in 1 s" in said
    assert f"waiting for OMERO.server: {where}; next try in 2 s" in said
    assert f"{where}; given up after" in said.splitlines()[-1]


@BOTH
def test_a_container_that_waits_for_its_master_can_be_stopped(account: OmeroAccount, script: str) -> None:
    (port, node, processor) = free_ports(3)
    variables = {
        **NAMES,
        **HERE,
        "OMERO_REGISTRY_PORT": str(port),
        "OMERO_WORKER_PORT": str(node),
        "OMERO_PROCESSOR_PORT": str(processor),
    }
    log = account.home / "worker.log"
    # the kernel keeps signals from the first process of a container that has no handler for them
    with account.running(script, log, variables, is_first=True) as outside:
        wait_until(lambda: "next try in 4 s" in log.read_text(), "it waits")
        os.kill(descendants(outside.pid)[0], signal.SIGTERM)
        assert outside.wait(3) == 0
    assert log.read_text().endswith("told to end\n")


@BOTH
def test_a_name_that_does_not_resolve_is_said(account: OmeroAccount, script: str) -> None:
    said = refusal(account, script, **{**NAMES, "CONFIG_omero_master_host": "omeroserver.invalid"})
    assert "the name 'omeroserver.invalid' (CONFIG_omero_master_host) does not resolve" in said


def test_an_external_worker_must_know_its_address(account: OmeroAccount) -> None:
    said = refusal(account, "99-run-external.sh", **NAMES, OMERO_WORKER_ADDRESS="")
    assert "set OMERO_WORKER_ADDRESS" in said
    said = refusal(account, "99-run-external.sh", **NAMES, OMERO_WORKER_ADDRESS="worker.invalid")
    assert "the name 'worker.invalid' (OMERO_WORKER_ADDRESS) does not resolve" in said


@pytest.mark.parametrize("name", ["OMERO_WORKER_PORT", "OMERO_PROCESSOR_PORT"])
def test_a_port_that_is_used_is_named(account: OmeroAccount, name: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        said = refusal(account, "99-run-external.sh", **NAMES, **{name: str(port)})
    assert f"port {port} at 127.0.0.1 cannot be used ({name})" in said
