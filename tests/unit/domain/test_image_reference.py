from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biomero.domain.image_reference import ImageReference
from biomero.errors import ContainerImageError

_DIGEST = f"sha256:{'0123456789abcdef' * 4}"


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag", "digest"),
    [
        ("name", None, "name", None, None),
        ("org/name", None, "org/name", None, None),
        ("org/name:1.2", None, "org/name", "1.2", None),
        ("ghcr.io/org/name:1.2", "ghcr.io", "org/name", "1.2", None),
        ("localhost/a", "localhost", "a", None, None),
        ("localhost:5000/a/b", "localhost:5000", "a/b", None, None),
        (f"localhost:5000/a/b@{_DIGEST}", "localhost:5000", "a/b", None, _DIGEST),
        (f"quay.io/a/b/c:v1@{_DIGEST}", "quay.io", "a/b/c", "v1", _DIGEST),
        ("docker://neubiaswg5/w_nuclei-tracking:1.0.0", None, "neubiaswg5/w_nuclei-tracking", "1.0.0", None),
        ("name:5000", None, "name", "5000", None),
        ("library://Lab/tools/Seg:1.0", None, "Lab/tools/Seg", "1.0", None),
        ("library://a/b/c:sha256." + "0" * 64, None, "a/b/c", "sha256." + "0" * 64, None),
    ],
)
def test_a_name_is_read_in_its_parts(
    text: str, registry: str | None, repository: str, tag: str | None, digest: str | None
) -> None:
    read = ImageReference.parse(text)
    assert (read.registry, read.repository, read.tag, read.digest) == (registry, repository, tag, digest)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "/", "a/", "/a", "a//b", "-x", "a b", "a;b", "$(touch pwned)", "a:$(id)", "../etc/passwd"),
        *("a/../b", "a:", "a@", "a@sha256:12", "a:t a", "a\n", "host:port/a", "shub://a/b", "file:///etc"),
        *("Org/Name", "ghcr.io/Org/name:1", "a:-1", "a'b", 'a"b', "x.sif/..", "--force"),
    ],
)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(ContainerImageError, match="not the name of a container image"):
        ImageReference.parse(text)


def test_capital_letters_are_explained() -> None:
    with pytest.raises(ContainerImageError, match="lower case"):
        ImageReference.parse("ghcr.io/Org/name")


@pytest.mark.parametrize(
    ("text", "version", "address"),
    [
        ("org/name", None, "docker://org/name:latest"),
        ("org/name", "v1.2", "docker://org/name:v1.2"),
        ("org/name", "master", "docker://org/name:latest"),
        ("org/name", "feature/x", "docker://org/name:latest"),
        ("org/name:3", "v1.2", "docker://org/name:3"),
        (f"org/name:3@{_DIGEST}", "v1.2", f"docker://org/name@{_DIGEST}"),
        ("oras://ghcr.io/org/name:3", None, "oras://ghcr.io/org/name:3"),
        ("library://lab/tools/seg", "v2", "library://lab/tools/seg:v2"),
    ],
)
def test_the_workflow_s_version_is_the_tag_where_the_name_has_none(
    text: str, version: str | None, address: str
) -> None:
    assert ImageReference.parse(text).at(version).address == address


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("torecluik/w_cellexpansion:v1", "w_cellexpansion_v1.sif"),
        ("ghcr.io/org/name:1.2", "name_1.2.sif"),
        (f"localhost:5000/a/b@{_DIGEST}", "b_sha256-0123456789ab.sif"),
        ("name", "name_latest.sif"),
    ],
)
def test_the_file_is_named_by_image_and_version(text: str, name: str) -> None:
    assert ImageReference.parse(text).file_names[0] == name


def test_images_of_one_name_have_other_second_names() -> None:
    names = {ImageReference.parse(text).file_names[1] for text in ("a/seg:1", "b/seg:1", "ghcr.io/a/seg:1")}
    assert len(names) == 3


@given(st.text())
def test_whatever_is_accepted_stays_one_path_part(text: str) -> None:
    try:
        names = ImageReference.parse(text).file_names
    except ContainerImageError:
        return
    assert all("/" not in name and name.isprintable() and not name.startswith((".", "-")) for name in names)
