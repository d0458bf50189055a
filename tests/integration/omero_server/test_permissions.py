"""Who may do what with an image, by the permissions of its group: a rule a row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from services.omero_callers import Caller, Callers, RefusedError
from services.omero_server import OmeroServer

GROUPS = {"private": "rw----", "reading": "rwr---", "annotating": "rwra--", "writing": "rwrw--"}
WHO = ("owner", "member", "leader", "admin", "stranger")
OK = "ok"
NO = "SecurityViolation"
HIDDEN = "ReadOnlyGroupSecurityViolation"
"""What an administrator or leader gets who would attach something to a member's private data."""
FAILS = "RuntimeError"
"""What a request to delete answers: no exception of its own, but a failure in the response."""

RULES = {
    ("private", "owner"): {"read": OK, "rename": OK, "annotate": OK, "draw": OK, "link": OK, "delete": OK},
    ("private", "member"): {
        "read": NO,
        "rename": NO,
        "annotate": NO,
        "draw": NO,
        "link": NO,
        "delete": FAILS,
    },
    ("private", "leader"): {
        "read": OK,
        "rename": OK,
        "annotate": HIDDEN,
        "draw": HIDDEN,
        "link": HIDDEN,
        "delete": OK,
    },
    ("private", "admin"): {
        "read": OK,
        "rename": OK,
        "annotate": HIDDEN,
        "draw": HIDDEN,
        "link": HIDDEN,
        "delete": OK,
    },
    ("reading", "owner"): {"read": OK, "rename": OK, "annotate": OK, "draw": OK, "link": OK, "delete": OK},
    ("reading", "member"): {
        "read": OK,
        "rename": NO,
        "annotate": NO,
        "draw": NO,
        "link": NO,
        "delete": FAILS,
    },
    ("reading", "leader"): {"read": OK, "rename": OK, "annotate": OK, "draw": OK, "link": OK, "delete": OK},
    ("reading", "admin"): {"read": OK, "rename": OK, "annotate": OK, "draw": OK, "link": OK, "delete": OK},
    ("annotating", "owner"): {"read": OK, "rename": OK, "annotate": OK, "draw": OK, "link": OK, "delete": OK},
    ("annotating", "member"): {
        "read": OK,
        "rename": NO,
        "annotate": OK,
        "draw": OK,
        "link": NO,
        "delete": FAILS,
    },
    ("annotating", "leader"): {
        "read": OK,
        "rename": OK,
        "annotate": OK,
        "draw": OK,
        "link": OK,
        "delete": OK,
    },
    ("annotating", "admin"): {"read": OK, "rename": OK, "annotate": OK, "draw": OK, "link": OK, "delete": OK},
    ("writing", "owner"): {"read": OK, "rename": OK, "annotate": OK, "draw": OK, "link": OK, "delete": OK},
    ("writing", "member"): {"read": OK, "rename": OK, "annotate": OK, "draw": OK, "link": OK, "delete": OK},
    ("writing", "leader"): {"read": OK, "rename": OK, "annotate": OK, "draw": OK, "link": OK, "delete": OK},
    ("writing", "admin"): {"read": OK, "rename": OK, "annotate": OK, "draw": OK, "link": OK, "delete": OK},
    **{
        (group, "stranger"): {
            "read": NO,
            "rename": NO,
            "annotate": NO,
            "draw": NO,
            "link": NO,
            "delete": FAILS,
        }
        for group in GROUPS
    },
}
CASES = [(group, who, what, said) for (group, who), rules in RULES.items() for what, said in rules.items()]


class Lab:
    """Four groups, in each the same people: an owner of images, a member, a leader."""

    def __init__(self, server: OmeroServer, callers: Callers) -> None:
        self._server = server
        self.groups = {name: server.add_group(name, text) for name, text in GROUPS.items()}
        server.add_group("elsewhere", "rwrw--")
        for who in ("owner", "member"):
            server.add_user(who, list(GROUPS))
        server.add_user("leader", list(GROUPS), leads=list(GROUPS))
        server.add_user("stranger", ["elsewhere"])
        server.add_user("admin", is_admin=True)
        self.people = {who: callers.log_in(who) for who in WHO}

    def image(self, group: str, **words: Any) -> int:
        pixels = np.zeros((1, 1, 1, 4, 4), "uint8")
        return self._server.add_image("cells.tif", pixels, owner="owner", group=group, **words)

    def caller(self, who: str, group: str) -> Caller:
        caller = self.people[who]
        caller.use_group(self.groups[group])
        return caller


@pytest.fixture(scope="module")
def lab(omero_server: OmeroServer, callers: Callers) -> Lab:
    return Lab(omero_server, callers)


def _link_to_own(caller: Caller, image: int) -> None:
    caller.link("Image", caller.create("Dataset", "mine"), image)


DOING: dict[str, Callable[[Caller, int], Any]] = {
    "read": lambda caller, image: caller.get("Image", image),
    "rename": lambda caller, image: caller.rename("Image", image, "renamed"),
    "annotate": lambda caller, image: caller.annotate(image),
    "draw": lambda caller, image: caller.draw(image),
    "link": _link_to_own,
    "delete": lambda caller, image: caller.delete("Image", image),
}


def _said(do: Callable[[], Any]) -> str:
    try:
        do()
    except RefusedError as exc:
        return exc.kind
    return OK


@pytest.mark.parametrize(("group", "who", "what", "said"), CASES)
def test_a_groups_permissions_decide(lab: Lab, group: str, who: str, what: str, said: str) -> None:
    image = lab.image(group)
    assert _said(lambda: DOING[what](lab.caller(who, group), image)) == said


@pytest.mark.parametrize(("group", "who"), [case for case, rules in RULES.items() if rules["read"] == OK])
def test_an_object_tells_what_may_be_done_with_it(lab: Lab, group: str, who: str) -> None:
    rules = RULES[group, who]
    found = lab.caller(who, group).get("Image", lab.image(group))
    assert found["permissions"] == GROUPS[group]
    told = {"edit": "rename", "annotate": "annotate", "link": "link", "delete": "delete"}
    assert {name: found[name] for name in told} == {name: rules[what] == OK for name, what in told.items()}


@pytest.mark.parametrize(
    ("group", "seen"), [("private", 0), ("reading", 1), ("annotating", 1), ("writing", 1)]
)
def test_a_query_finds_only_what_its_caller_sees(lab: Lab, group: str, seen: int) -> None:
    image = lab.image(group)
    found = lab.caller("member", group).query("select i from Image i where i.id = :id", id=image)
    assert len(found) == seen


def test_images_of_other_groups_are_not_seen_in_a_group(lab: Lab) -> None:
    image = lab.image("writing")
    owner = lab.caller("owner", "reading")
    assert owner.query("select i from Image i where i.id = :id", id=image) == []
    assert _said(lambda: owner.get("Image", image)) == NO


def test_all_of_ones_groups_are_seen_at_once_if_asked_for(lab: Lab) -> None:
    images = sorted([lab.image("writing"), lab.image("private")])
    text = "select i from Image i where i.id in (:ids) order by i.id"
    seen = {}
    for who in WHO:
        lab.people[who].use_group(-1)
        seen[who] = lab.people[who].query(text, ids=images)
    assert seen == {
        "owner": images,
        "member": [i for i in images if i == min(images)],
        "leader": images,
        "admin": images,
        "stranger": [],
    }


def test_nothing_is_changed_in_all_groups_at_once(lab: Lab) -> None:
    image = lab.image("writing")
    lab.people["owner"].use_group(-1)
    assert _said(lambda: lab.people["owner"].rename("Image", image, "x")) == NO


def test_groups_are_not_linked(lab: Lab) -> None:
    image = lab.image("writing")
    owner = lab.caller("owner", "reading")
    dataset = owner.create("Dataset", "of another group")
    assert _said(lambda: owner.link("Image", dataset, image)) == "GroupSecurityViolation"
    owner.use_group(-1)
    assert _said(lambda: owner.link("Image", dataset, image)) == "GroupSecurityViolation"


def test_a_link_made_in_all_groups_is_in_the_group_of_what_it_links(
    lab: Lab, omero_server: OmeroServer
) -> None:
    image = lab.image("writing")
    dataset = lab.caller("owner", "writing").create("Dataset", "of the same group")
    lab.people["owner"].use_group(-1)
    link = lab.people["owner"].link("Image", dataset, image)
    row = next(r for r in omero_server.rows("DatasetImageLink") if r["id"] == link)
    assert row["group_id"] == lab.groups["writing"]


@pytest.mark.parametrize(("who", "said"), [("member", NO), ("leader", NO), ("admin", OK)])
def test_objects_are_given_to_others_by_administrators_only(lab: Lab, who: str, said: str) -> None:
    owner = lab.caller("owner", "writing").get("Image", lab.image("writing"))["owner"]
    caller = lab.caller(who, "writing")
    assert _said(lambda: caller.create("Dataset", "yours", owner=owner)) == said


def test_objects_are_made_in_the_calls_own_group(lab: Lab) -> None:
    member = lab.caller("member", "reading")
    assert _said(lambda: member.create("Dataset", "x", group=lab.groups["writing"])) == NO


@pytest.mark.parametrize(("group", "said"), [("reading", NO), ("annotating", NO), ("writing", OK)])
def test_pixels_are_written_by_those_who_may_edit(lab: Lab, group: str, said: str) -> None:
    image = lab.image(group)
    assert _said(lambda: lab.caller("member", group).write_pixels(image)) == said


def test_a_refused_graph_leaves_nothing_behind(lab: Lab, omero_server: OmeroServer) -> None:
    image = lab.image("reading")
    before = len(omero_server.rows("CommentAnnotation"))
    assert _said(lambda: lab.caller("member", "reading").annotate(image)) == NO
    assert len(omero_server.rows("CommentAnnotation")) == before


def test_moving_takes_all_that_belongs_to_an_image(lab: Lab, omero_server: OmeroServer) -> None:
    image = lab.image("private")
    owner = lab.caller("owner", "private")
    owner.link("Image", owner.create("Dataset", "stays"), image)
    owner.annotate(image)
    owner.move("Image", image, lab.groups["writing"])
    assert lab.caller("member", "writing").get("Image", image)["group"] == lab.groups["writing"]
    groups = {r["group_id"] for r in omero_server.rows("Pixels") if r["image"] == image}
    assert groups == {lab.groups["writing"]}
    assert not [r for r in omero_server.rows("DatasetImageLink") if r["child"] == image]


@pytest.mark.parametrize(("who", "said"), [("member", FAILS), ("owner", OK)])
def test_images_are_moved_by_their_owners(lab: Lab, who: str, said: str) -> None:
    image = lab.image("writing")
    assert _said(lambda: lab.caller(who, "writing").move("Image", image, lab.groups["reading"])) == said


def test_images_are_not_moved_to_groups_of_others(lab: Lab, omero_server: OmeroServer) -> None:
    image = lab.image("writing")
    other = next(r["id"] for r in omero_server.rows("ExperimenterGroup") if r["name"] == "elsewhere")
    assert _said(lambda: lab.caller("owner", "writing").move("Image", image, other)) == FAILS
