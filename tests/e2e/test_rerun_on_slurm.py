"""A run of a real cluster once more: there, and on this machine."""

from __future__ import annotations

import json

import pytest

from services.command import THRESHOLD, User, image_file

pytestmark = [pytest.mark.slurm, pytest.mark.sshd, pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_run_of_a_cluster_is_repeated_there_and_elsewhere(cluster_user: User) -> None:
    images = [image_file(cluster_user.home / f"cell_{i}.tif", seed=i) for i in range(2)]
    ran = cluster_user.run(THRESHOLD, images, "--runtime", "process")
    assert ran.code == 0, ran.stderr + ran.stdout
    first = ran.document["id"]

    again = cluster_user.biomero("runs", "rerun", first, "--json")
    assert again.code == 0, again.stderr + again.stdout
    assert again.document["is_equal"]
    shown = cluster_user.here("runs", "show", "last", "--json").document
    assert shown["id"] == again.document["second"]["id"]
    assert shown["cluster"] == ran.document["cluster"]

    here = cluster_user.biomero("runs", "rerun", first, "--cluster", "local", "--json")
    assert here.code in {0, 1}, here.stderr + here.stdout  # its environment may be of another Python
    assert cluster_user.here("runs", "show", "last", "--json").document["cluster"] == "local"
    assert {o["verdict"] for o in here.document["outputs"]} <= {"equal", "same pixels"}
    assert here.document["is_equal"] == here.document["program"]["is_equal"]

    crate = cluster_user.here("runs", "crate", first, "-o", "crate")
    assert crate.code == 0, crate.stderr
    graph = json.loads((cluster_user.home / "crate/ro-crate-metadata.json").read_bytes())["@graph"]
    jobs = [e for e in graph if e["@type"] == "ControlAction"]
    assert [job["description"].partition(";")[0] for job in jobs] == ["COMPLETED", "COMPLETED"]
    used = {e["name"].partition(" of ")[0] for e in graph if e.get("unitText")}
    assert "elapsed time" in used
