"""What a worker answers programs beside it: over its real socket, with a client over a real socket."""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from biomero.application.doctor.findings import Finding, Level
from biomero.application.run_request import RunRequest
from biomero.domain.ids import RunId
from biomero.domain.omero import GroupAccess, OmeroKind, OmeroRef
from biomero.domain.run_status import RunStatus
from biomero.domain.workflow_run import WorkflowRun
from biomero.entrypoints.omero_scripts.engine import Engine
from biomero.entrypoints.worker.api.handler import JsonHandler
from biomero.entrypoints.worker.api.socket_server import EngineSocket
from biomero.errors import ConfigurationError, EngineAbsentError, EngineRefusedError
from services.omero_lab import SESSION, OmeroLab, order_of


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[OmeroLab]:
    made = OmeroLab.make(tmp_path)
    with made.answering():
        yield made
    made.world.services.record.close()


def refused(engine: Engine, order: dict[str, Any]) -> str:
    with pytest.raises(EngineRefusedError) as caught:
        engine.order(order)
    return str(caught.value)


def test_a_run_is_asked_for_and_ends_with_a_sentence(lab: OmeroLab) -> None:
    dataset = lab.dataset("first", "a.tif", "b.tif")
    asked = lab.engine().order(order_of(dataset))
    assert (asked["is_new"], asked["is_final"], asked["user"]) == (True, False, "ann")
    assert asked["waits_for"] == "no worker is there to drive it"
    assert lab.drive(asked["id"]) is RunStatus.DONE
    told = lab.engine().run(asked["id"])
    assert told["is_success"]
    images = [f"Image:{one['id']}" for one in told["objects"]]
    assert told["results_at"] == images
    assert told["sentence"] == (
        f"Threshold is done (run {asked['id'][:8]}): 2 of 2 images, 2 objects. "
        f"In OMERO: 2 ROIs on 2 images, at {', '.join(images)}."
    )
    assert told["progress"]["images_done"] == 2


def test_the_same_order_twice_is_one_run_also_when_both_come_at_once(lab: OmeroLab) -> None:
    order = order_of(lab.dataset("first", "a.tif"))
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: lab.engine().order(order), range(4)))
    assert len({answer["id"] for answer in answers}) == 1
    assert sorted(answer["is_new"] for answer in answers) == [False, False, False, True]
    assert len(lab.world.services.record.ids()) == 1
    other = lab.engine().order({**order, "key": "script 90: threshold"})
    assert other["is_new"]


def test_a_key_of_one_user_is_not_another_s(lab: OmeroLab) -> None:
    dataset = lab.dataset("first", "a.tif")
    bob = lab.omero.user("bob", lab.group)
    lab.identity.sessions["bob's session"] = bob
    first = lab.engine().order(order_of(dataset))
    second = lab.engine("bob's session").order(order_of(dataset))
    assert first["id"] != second["id"]
    assert second["user"] == "bob"


def test_people_see_and_end_their_own_runs_and_administrators_all(lab: OmeroLab) -> None:
    run_id = lab.engine().order(order_of(lab.dataset("first", "a.tif")))["id"]
    lab.identity.sessions["bob's session"] = lab.omero.user("bob", lab.group)
    root = replace(lab.omero.user("root", lab.group), is_admin=True)
    lab.identity.sessions["root's session"] = root
    bob, admin = lab.engine("bob's session"), lab.engine("root's session")
    for ask in (bob.run, bob.cancel, bob.logs):
        for text in (run_id, run_id[:8], "last", "0d8b9a5e-0000-4000-8000-000000000000"):
            with pytest.raises(EngineRefusedError, match="you have no run"):
                ask(text)
    assert bob.runs() == []
    assert [run["id"] for run in lab.engine().runs()] == [run_id]
    assert admin.runs() == []
    assert [run["id"] for run in admin.ask("GET", "/v1/runs?user=*")["runs"]] == [run_id]
    assert bob.ask("GET", "/v1/runs?user=ann")["runs"] == []
    assert admin.cancel(run_id)["id"] == run_id
    assert lab.drive(run_id) is RunStatus.CANCELLED
    assert lab.engine().cancel(run_id[:8])["had_ended"]
    assert "was cancelled" in lab.engine().run("last")["sentence"]


def test_nobody_has_errands_done_with_what_others_have(lab: OmeroLab) -> None:
    dataset = lab.dataset("first", "a.tif")
    wishes: dict[str, Any] = {"rois": {}}
    run_id = lab.engine().order(order_of(dataset, keep=True))["id"]
    sending = {"key": "sent", "chosen": [str(dataset)], "folder": "cells"}
    sent = lab.engine().send_images(sending)["id"]
    assert [lab.drive(one) for one in (run_id, sent)] == [RunStatus.DONE, RunStatus.DONE]
    jobs = lab.world.services.record.get(RunId(run_id)).jobs.values()
    lab.identity.sessions["bob's session"] = bob_user = lab.omero.user("bob", lab.group)
    bob = lab.engine("bob's session")
    for text in (run_id, run_id[:8], "last"):
        with pytest.raises(EngineRefusedError, match="you have no run"):
            bob.put_results({"key": text, "run": text, "wishes": wishes})
    for job in jobs:
        number = int(job["job"]["job_id"])
        with pytest.raises(EngineRefusedError, match="none of your runs had the job"):
            bob.put_results({"key": f"{number}", "job": number, "wishes": wishes})
    file = lab.omero.file("a.csv", b"1", owner=bob_user, group=lab.group)
    for text in (sent, sent[:8], "cells"):
        with pytest.raises(EngineRefusedError, match="you have no images"):
            bob.convert_images({"key": text, "source": text})
        with pytest.raises(EngineRefusedError, match="you have no images"):
            bob.send_file({"key": text, "source": text, "annotation_id": file, "slot": "1"})
    before = sorted((lab.world.folder / "data" / "images" / "cells").iterdir())
    assert lab.drive(bob.send_images(sending)["id"]) is RunStatus.FAILED
    assert "with images of another run" in bob.run("last")["sentence"]
    assert sorted((lab.world.folder / "data" / "images" / "cells").iterdir()) == before
    assert len(lab.world.services.record.ids()) == 3


def test_own_runs_are_found_whatever_others_did_since(lab: OmeroLab) -> None:
    own = lab.engine().order(order_of(lab.dataset("first", "a.tif")))["id"]
    bob = lab.omero.user("bob", lab.group)
    lab.identity.sessions["bob's session"] = bob
    tracker = lab.world.services.record.tracker
    others = [WorkflowRun(name="n", description="d", user=bob.id, group=lab.group.id) for _ in range(600)]
    tracker.save(*others)
    ann, root = lab.engine(), lab.engine("root's session")
    lab.identity.sessions["root's session"] = replace(lab.omero.user("root", lab.group), is_admin=True)
    assert [run["id"] for run in ann.runs()] == [own]
    assert {ann.run(text)["id"] for text in (own, own[:8], own[:9], own[:20], "last")} == {own}
    assert root.run(own[:8])["id"] == own
    assert [run["id"] for run in root.ask("GET", "/v1/runs?user=ann")["runs"]] == [own]
    assert len(root.ask("GET", "/v1/runs?user=*")["runs"]) == 50
    newer = lab.engine().order(order_of(lab.dataset("second", "a.tif"), key="newer"))["id"]
    assert [run["id"] for run in ann.runs()] == [newer, own]
    # an administrator's last run is their own: "cancel the last one" shall not end somebody else's
    with pytest.raises(EngineRefusedError, match="you have no run 'last'"):
        root.run("last")


def test_runs_of_the_same_number_at_another_server_are_not_ones_own(lab: OmeroLab) -> None:
    own = lab.engine().order(order_of(lab.dataset("first", "a.tif")))["id"]
    tracker = lab.world.services.record.tracker
    elsewhere = []
    for _ in range(60):
        run = WorkflowRun(name="n", description="d", user=lab.ann.id, group=lab.group.id)
        run.accept({"images": [], "omero": {"server": "elsewhere:4064"}})
        elsewhere.append(run)
    tracker.save(*elsewhere)
    assert [run["id"] for run in lab.engine().runs()] == [own]
    assert lab.engine().run("last")["id"] == own


def test_an_administrator_has_no_say_over_runs_of_another_server_and_of_files(lab: OmeroLab) -> None:
    own = lab.engine().order(order_of(lab.dataset("first", "a.tif")))["id"]
    elsewhere = WorkflowRun(name="n", description="d", user=lab.ann.id, group=lab.group.id)
    elsewhere.accept({"images": [], "omero": {"server": "elsewhere:4064"}})
    of_files = WorkflowRun(name="n", description="d", user=None, group=None)
    of_files.accept({"images": []})
    lab.world.services.record.tracker.save(elsewhere, of_files)
    lab.identity.sessions["root's session"] = replace(lab.omero.user("root", lab.group), is_admin=True)
    root = lab.engine("root's session")
    for run in (elsewhere, of_files):
        for ask in (root.run, root.cancel, root.logs):
            for text in (run.run_id, run.run_id[:13]):
                with pytest.raises(EngineRefusedError, match="you have no run"):
                    ask(text)
    assert [run["id"] for run in root.ask("GET", "/v1/runs?user=*")["runs"]] == [own]
    assert root.run(own)["id"] == own


@pytest.mark.parametrize("session", ["", "somebody's", "x\u2014y".encode().decode("latin-1")])
def test_nobody_is_answered_whom_omero_does_not_know(lab: OmeroLab, session: str) -> None:
    stranger = lab.engine(session)
    for ask in (
        stranger.runs,
        stranger.check,
        lambda: stranger.order(order_of(OmeroRef(OmeroKind.IMAGE, 1))),
    ):
        with pytest.raises(EngineRefusedError, match="session"):
            ask()
    assert lab.world.services.record.ids() == []
    assert "threshold" in {one["name"] for one in stranger.workflows()}


def test_a_session_is_neither_logged_nor_recorded_nor_told(
    lab: OmeroLab, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    run_id = lab.engine().order(order_of(lab.dataset("first", "a.tif")))["id"]
    refused(lab.engine(), order_of(lab.dataset("empty"), key="another"))
    lab.drive(run_id)
    run = lab.world.services.record.get(RunId(run_id))
    assert SESSION not in json.dumps([run.request, lab.engine().run(run_id)])
    assert SESSION not in caplog.text
    assert SESSION not in repr(lab.engine())


HOSTILE = [
    ({"workflow": "$(touch x)"}, "no workflow"),
    ({"workflow": ".."}, "no workflow"),
    ({"workflow": "../../etc"}, "is no name of a workflow"),
    ({"workflow": "treshold"}, "threshold"),
    ({"workflow": ""}, "no workflow"),
    ({"key": ""}, "no key"),
    ({"key": "x" * 300}, "key"),
    ({"version": "9.9"}, "open the form again"),
    ({"parameters": {"level": "bright"}}, "'level'"),
    ({"parameters": {"level": [1]}}, "'level'"),
    ({"parameters": {"behave": "$(id)"}}, "'behave'"),
    ({"parameters": {"nobody": 1}}, "nobody"),
    ({"parameters": [1]}, "parameters"),
    ({"chosen": []}, "IDs"),
    ({"chosen": ["Image:5; drop table"]}, "Image:5; drop"),
    ({"chosen": ["Roi:5"]}, "Roi:5"),
    ({"chosen": "Image:5"}, "chosen"),
    ({"chosen": ["Image:99999"]}, "Image:99999"),
    ({"files": [5]}, "files"),
    ({"files": {"model": 5}}, "'model'"),
    ({"files": {"model": []}}, "'model'"),
    ({"files": {"model": ["5"]}}, "'model'"),
    ({"files": {"model": [True]}}, "'model'"),
    ({"files": {"model": [2**63]}}, "'model'"),
    ({"files": {"model": list(range(1, 1002))}}, "1001 files"),
    ({"files": {"model": [5]}}, "input 'model'"),
    ({"wishes": {}}, "at least one output"),
    ({"wishes": {"rois": {"shape": "circle"}}}, "shape"),
    ({"wishes": {"rois": {"color": "red"}}}, "#RRGGBB"),
    ({"wishes": {"images": "yes"}}, "images"),
    ({"wishes": {"images": True, "name_pattern": "{0.__class__}"}}, "names"),
    ({"wishes": {"images": True, "dataset_name": "a\nb"}}, "dataset_name"),
    ({"wishes": {"images": True, "dataset_id": -1}}, "dataset_id"),
    ({"wishes": {"images": True, "dataset_id": 98765}}, "Dataset:98765"),
    ({"wishes": {"images": True, "screen_id": "5"}}, "screen_id"),
    ({"wishes": {"images": True, "screen_name": 5}}, "screen_name"),
    ({"wishes": {"images": True, "screen_id": 98765}}, "is on a plate"),
    ({"wishes": {"images": True, "reuse_named": "yes"}}, "reuse_named"),
    ({"batch_size": 0}, "batch_size"),
    ({"zarr_version": "0.9"}, "zarr_version"),
    ({"results": "/etc"}, "'results'"),
    ({"requested_by": "root"}, "'requested_by'"),
]


@pytest.mark.parametrize(("change", "word"), HOSTILE)
def test_an_order_that_is_not_as_it_should_be_is_refused_and_the_field_is_named(
    lab: OmeroLab, change: dict[str, Any], word: str
) -> None:
    order = {**order_of(lab.dataset("first", "a.tif")), **change}
    assert word in refused(lab.engine(), order)
    assert lab.world.services.record.ids() == []


HOSTILE_IMPORTS = [
    ({"key": ""}, "no key"),
    ({"run": ""}, "which run"),
    ({"run": "../../etc"}, "you have no run"),
    ({"run": "", "job": -1}, "job"),
    ({"run": "", "job": 2**70}, "job"),
    ({"run": "", "job": "1; id"}, "job"),
    ({"wishes": {}}, "at least one output"),
    ({"wishes": {"archive": True, "archive_at": ["Roi:5"]}}, "archive_at"),
    ({"wishes": {"archive": True, "archive_at": "Project:5"}}, "archive_at"),
    ({"wishes": {"files": True, "files_at": ["Dataset:98765"]}}, "Dataset:98765"),
    ({"wishes": {"images": True, "dataset_id": 98765}}, "Dataset:98765"),
    ({"makes_anew": 1}, "makes_anew"),
    ({"results": "/etc"}, "'results'"),
]


@pytest.mark.parametrize(
    ("change", "word"), HOSTILE_IMPORTS, ids=[f"{n}" for n in range(len(HOSTILE_IMPORTS))]
)
def test_an_import_that_is_not_as_it_should_be_is_refused_and_the_field_is_named(
    lab: OmeroLab, change: dict[str, Any], word: str
) -> None:
    run_id = lab.engine().order(order_of(lab.dataset("first", "a.tif"), keep=True))["id"]
    lab.drive(run_id)
    wish = {"key": "script 90", "run": run_id, "wishes": {"rois": {}}, **change}
    with pytest.raises(EngineRefusedError) as caught:
        lab.engine().put_results(wish)
    assert word in str(caught.value)
    assert len(lab.world.services.record.ids()) == 1


def test_two_who_ask_for_an_import_at_once_get_one(lab: OmeroLab) -> None:
    run_id = lab.engine().order(order_of(lab.dataset("first", "a.tif"), keep=True))["id"]
    lab.drive(run_id)

    def ask(number: int) -> str:
        wish = {"key": f"script {number}", "run": run_id, "wishes": {"images": True, "dataset_name": "x"}}
        try:
            return str(lab.engine().put_results(wish)["id"])
        except EngineRefusedError as exc:
            return str(exc)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(4)))
    assert sum("works on what" in answer for answer in answers) == 3
    assert len(lab.world.services.record.ids()) == 2


def test_text_of_users_reaches_the_job_as_they_wrote_it(lab: OmeroLab) -> None:
    note = 'it\'s "$(id)" `x` ; \\ \u00e9'
    order = order_of(lab.dataset("a'b; $(x)", "im'age $(id).tif"), parameters={"note": note})
    run_id = lab.engine().order(order)["id"]
    assert lab.drive(run_id) is RunStatus.DONE
    assert lab.world.services.record.get(RunId(run_id)).request["parameters"]["note"] == note


def test_an_address_that_could_be_a_command_gets_no_mail(lab: OmeroLab) -> None:
    order = order_of(lab.dataset("first", "a.tif"), e_mail=True)
    lab.identity.sessions[SESSION] = replace(lab.ann, email="a@b.c;id>file;true")
    assert "no e-mail address that can be used" in refused(lab.engine(), order)
    lab.identity.sessions[SESSION] = lab.ann
    asked = lab.engine().order(order)
    extra = lab.world.services.record.get(RunId(asked["id"])).request["resources"]["extra"]
    assert extra == {"mail-user": "ann@example.org", "mail-type": "END,FAIL"}
    assert "no e-mail is sent" in asked["notes"][0]


def test_what_a_group_does_not_allow_is_refused_before_anything_starts(tmp_path: Path) -> None:
    lab = OmeroLab.make(tmp_path)
    readers = lab.omero.group("readers", GroupAccess.READ_ONLY)
    lab.omero.store.members.add((lab.ann.id, readers.id))
    bob = lab.omero.user("bob", readers)
    image = OmeroRef(OmeroKind.IMAGE, lab.omero.image("his.tif", None, owner=bob, group=readers))
    with lab.answering():
        assert "read-only" in refused(lab.engine(), order_of(image))
    lab.world.services.record.close()


def test_a_workflow_that_is_broken_does_not_take_the_others_down_and_no_network_is_asked(
    tmp_path: Path,
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "descriptor.json").write_text("{")
    lab = OmeroLab.make(
        tmp_path,
        broken=str(broken),
        far="https://github.com/nobody/W_far/tree/v1.0",
        moving="https://github.com/nobody/W_moving/tree/main",
    )
    with lab.answering():
        found = {one["name"]: one for one in lab.engine("").workflows()}
    assert "descriptor.json" in found["broken"]["error"]
    assert "not fetched" in found["far"]["error"]
    assert "not fetched" in found["moving"]["error"]
    assert [p["id"] for p in found["threshold"]["parameters"]] == ["level", "note", "behave"]
    lab.world.services.record.close()


def test_logs_of_a_run_come_as_they_are_now(lab: OmeroLab) -> None:
    run_id = lab.engine().order(order_of(lab.dataset("first", "a.tif")))["id"]
    assert lab.engine().logs(run_id)["logs"] == {}
    lab.world.jobs.judge = lambda spec, _: 0 if "-conversion" in spec.key else 3
    lab.drive(run_id)
    logs = lab.engine().logs(run_id)["logs"]
    assert any("ends with 3" in text for text in logs.values())
    assert "failed" in lab.engine().run(run_id)["sentence"]


def test_logs_of_a_run_stay_when_all_else_of_it_is_in_omero_and_gone_here(lab: OmeroLab) -> None:
    run_id = lab.engine().order(order_of(lab.dataset("first", "a.tif")))["id"]
    assert lab.drive(run_id) is RunStatus.DONE
    request = RunRequest.from_json(lab.world.services.record.get(RunId(run_id)).request)
    assert not request.results.exists()
    logs = lab.engine().logs(run_id)["logs"]
    assert sorted(text.split(" ends with ")[1] for text in logs.values()) == ["0\n", "0\n"]


def test_a_check_names_what_is_wrong_and_counts_what_is_well(lab: OmeroLab) -> None:
    lab.findings = [
        Finding(code="a", level=Level.OK, subject="x", message="fine"),
        Finding(code="b", level=Level.PROBLEM, subject="y", message="bad", remedy="mend it"),
    ]
    found = lab.engine().check()
    assert not found["ok"]
    assert [(f["subject"], f["remedy"]) for f in found["findings"]] == [("y", "mend it")]
    assert found["counts"]["ok"] == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /v1/nothing HTTP/1.1\r\n\r\n",
        b"GET /v1/../../etc/passwd HTTP/1.1\r\n\r\n",
        b"PUT /v1/runs HTTP/1.1\r\n\r\n",
        b"POST /v1/runs HTTP/1.1\r\nContent-Length: 9999999999\r\n\r\n",
        b"POST /v1/runs HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/runs HTTP/1.1\r\nContent-Length: 3\r\n\r\n{{{",
        b"POST /v1/runs HTTP/1.1\r\nContent-Length: 2\r\n\r\n[]",
    ],
)
def test_what_is_no_request_is_refused_and_the_next_one_is_answered(lab: OmeroLab, raw: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(lab.socket))
        client.sendall(raw)
        client.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: client.recv(4096), b""))
    status = int(answer.split()[1])
    assert 400 <= status <= 501, answer
    assert status != 500, answer
    assert lab.engine().workflows()


def test_omero_away_is_told_and_may_be_tried_again(lab: OmeroLab) -> None:
    lab.identity.is_up = False
    with pytest.raises(EngineRefusedError, match="does not answer") as caught:
        lab.engine().runs()
    assert caught.value.transient


def test_nobody_at_the_socket_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(EngineAbsentError, match="biomero worker"):
        Engine(path=tmp_path / "none").workflows()


def test_the_socket_is_for_this_account_only_and_another_worker_takes_over(tmp_path: Path) -> None:
    lab = OmeroLab.make(tmp_path)
    with lab.answering():
        assert lab.socket.stat().st_mode & 0o777 == 0o600
        assert lab.socket.parent.stat().st_mode & 0o777 == 0o700
    path = lab.socket
    handler = type("_Bound", (JsonHandler,), {"api": None})
    first = EngineSocket(path, handler)
    with EngineSocket(path, handler) as second:
        assert second.path.exists()
    with first, EngineSocket(path, handler):
        first.__exit__(None, None, None)
        deadline = time.monotonic() + 10
        while not path.exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
        first = EngineSocket(path, handler)
    lab.world.services.record.close()


def test_a_place_where_others_could_put_a_socket_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(ConfigurationError, match="0700"), EngineSocket(folder / "s", JsonHandler):
        pass
    long = tmp_path / ("x" * 120)
    with pytest.raises(ConfigurationError, match="shorter"), EngineSocket(long / "s", JsonHandler):
        pass
    assert not list(folder.iterdir())
