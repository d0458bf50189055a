import gzip
import io
import tarfile
from pathlib import Path

import pytest

from biomero.adapters.descriptors import CodeHosts
from biomero.adapters.descriptors.addresses import parse_address
from biomero.adapters.descriptors.archive import ArchiveLimits
from biomero.errors import UnknownWorkflowError
from services.code_host import CodeHost, archive

V1 = parse_address("https://github.com/org/W_blobs/tree/v1.0")
V1_PATH = "/org/W_blobs/archive/v1.0.tar.gz"


def code_hosts(
    host: CodeHost, cache: Path, *, limits: ArchiveLimits | None = None, look_again_s: float = 3600.0
) -> CodeHosts:
    bases = {"github.com": host.url, "gitlab.com": host.url}
    return CodeHosts(cache, base_urls=bases, limits=limits, timeout_s=5, look_again_s=look_again_s)


@pytest.mark.parametrize(
    ("text", "project", "ref", "path", "is_gitlab"),
    [
        ("https://github.com/org/W_x/tree/v1.2", "org/W_x", "v1.2", (), False),
        ("https://github.com/org/W_x/tree/v1.2/", "org/W_x", "v1.2", (), False),
        ("https://github.com/org/W_x/tree/v1.2/sub/folder", "org/W_x", "v1.2", ("sub", "folder"), False),
        ("https://github.com/org/W_x.git/blob/v1/d.json", "org/W_x", "v1", ("d.json",), False),
        ("https://github.com/org/W_x/tree/feature%2Fx", "org/W_x", "feature/x", (), False),
        ("https://gitlab.com/group/sub/x/-/tree/v1/a", "group/sub/x", "v1", ("a",), True),
        ("https://gitlab.com/group/x/tree/v1", "group/x", "v1", (), True),
        (
            "https://git.example.org/group/sub/x/-/blob/0a1b2c/d.json",
            "group/sub/x",
            "0a1b2c",
            ("d.json",),
            True,
        ),
        ("https://github.com/org/W_x", "org/W_x", "HEAD", (), False),
        ("https://github.com/org/W_x/tree/", "org/W_x", "HEAD", (), False),
        ("https://gitlab.com/g/s/x", "g/s/x", "HEAD", (), True),
    ],
)
def test_addresses_of_github_and_gitlab_are_understood(
    text: str, project: str, ref: str, path: tuple[str, ...], *, is_gitlab: bool
) -> None:
    found = parse_address(text)
    assert (found.project, found.ref, found.path, found.is_gitlab) == (project, ref, path, is_gitlab)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("https://github.com/org", "not the address of a repository"),
        ("https://github.com/org/x/releases/v1", "not the address of a repository"),
        ("https://github.com/org/x/tree/v1/%2E%2E/y", "not the address of a repository"),
        ("https://github.com/org/x/tree/v1/a%2F..%2F..%2Fy", "not the address of a repository"),
        ("https://github.com/org/x/tree/v1%2F..%2F..", "not the address of a repository"),
        ("https://github.com/org/x/tree/v1..v2", "'v1..v2' is no tag, commit or branch"),
        ("http://github.com/org/x/tree/v1", "begins with https://"),
        ("https://me:secret@github.com/org/x/tree/v1", r"https://\*\*\*@github.*names no user"),
        ("ssh://github.com/org/x", "begins with https://"),
        ("https://[x/org/x/tree/v1", "not an address"),
    ],
)
def test_what_is_no_address_of_a_repository_is_refused(text: str, message: str) -> None:
    with pytest.raises(UnknownWorkflowError, match=message):
        parse_address(text)


def test_a_repository_is_fetched_once_and_then_works_without_a_network(
    host: CodeHost, tmp_path: Path
) -> None:
    files = {"descriptor.json": "{}", "src/run.sh": "true"}
    host.archives[V1_PATH] = archive(files, links={"latest": "src/run.sh"})
    folder = code_hosts(host, tmp_path / "cache").fetch(V1)
    assert (folder / "descriptor.json").read_text() == "{}"
    assert (folder / "latest").read_text() == "true"
    assert (folder / "src/run.sh").stat().st_mode & 0o777 == 0o755
    assert (folder / "descriptor.json").stat().st_mode & 0o777 == 0o644
    offline = CodeHosts(tmp_path / "cache", base_urls={"github.com": "http://127.0.0.1:1"})
    assert offline.fetch(V1) == folder
    assert host.requests == [V1_PATH]
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [folder.name]


def test_refs_and_repositories_have_folders_of_their_own(host: CodeHost, tmp_path: Path) -> None:
    host.archives[V1_PATH] = archive({"a": "1"})
    host.archives["/org/W_blobs/archive/feature/x.tar.gz"] = archive({"a": "2"})
    host.archives["/group/sub/W_blobs/-/archive/v1.0/W_blobs-v1.0.tar.gz"] = archive({"a": "3"})
    hosts = code_hosts(host, tmp_path)
    other = parse_address("https://github.com/org/W_blobs/tree/feature%2Fx")
    gitlab = parse_address("https://gitlab.com/group/sub/W_blobs/-/tree/v1.0")
    contents = [(hosts.fetch(a) / "a").read_text() for a in (V1, other, gitlab)]
    assert contents == ["1", "2", "3"]


def test_redirects_are_followed(host: CodeHost, tmp_path: Path) -> None:
    host.redirects[V1_PATH] = "/elsewhere"
    host.archives["/elsewhere"] = archive({"a": "1"})
    assert (code_hosts(host, tmp_path).fetch(V1) / "a").read_text() == "1"


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (404, "github.com has no public repository 'org/W_blobs' with 'v1.0'"),
        (403, "answers no more requests from here for now"),
        (429, "try again in an hour"),
        (502, "failed with status 502; try again later"),
    ],
)
def test_what_the_host_refuses_is_said_plainly(
    host: CodeHost, tmp_path: Path, status: int, message: str
) -> None:
    host.statuses[V1_PATH] = status
    with pytest.raises(UnknownWorkflowError, match=message):
        code_hosts(host, tmp_path).fetch(V1)
    assert list(tmp_path.iterdir()) == []


def test_without_a_network_and_without_a_copy_the_message_says_so(tmp_path: Path) -> None:
    hosts = CodeHosts(tmp_path, base_urls={"github.com": "http://127.0.0.1:1"})
    with pytest.raises(
        UnknownWorkflowError, match=r"no connection to github.com .* give the path of a local copy"
    ):
        hosts.fetch(V1)


def test_an_unknown_code_host_is_not_asked(tmp_path: Path) -> None:
    address = parse_address("https://169.254.169.254/org/x/tree/v1")
    with pytest.raises(UnknownWorkflowError, match=r"no known code host; known: github\.com, gitlab\.com"):
        CodeHosts(tmp_path).fetch(address)


def test_a_cache_that_cannot_be_written_is_named(host: CodeHost, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(UnknownWorkflowError, match=r"cannot be kept in .*cache"):
        code_hosts(host, tmp_path / "cache").fetch(V1)


def hard_link() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        entry = tarfile.TarInfo("repo/x")
        entry.type = tarfile.LNKTYPE
        entry.linkname = "/etc/passwd"
        tar.addfile(entry)
    return buffer.getvalue()


UNSAFE = {
    "a name with ..": (archive({"../../x": ""}), "a name that leaves its folder"),
    "an absolute name": (archive({"x": ""}, top="/"), "a name that leaves its folder"),
    "an absolute link": (archive({}, links={"a": "/etc"}), "a link that leaves its folder: 'a'"),
    "a link with ..": (archive({}, links={"a/b": "../../x"}), "a link that leaves its folder: 'a/b'"),
    "a link through a link": (
        archive({"a/b/c": ""}, links={"a/b/top": "../..", "out": "a/b/top/.."}),
        "a link that leaves its folder: 'out'",
    ),
    "a file through a link": (archive({"a/x": ""}, links={"a": "/tmp"}), "links that cannot be made"),
    "a hard link": (hard_link(), "neither file, folder nor link"),
    "the same name twice": (archive({"a": "", "./a": ""}), "damaged"),
    "a page for people": (b"<html>Sign in</html>", "no archive at all .*may be private"),
    "half an archive": (archive({"a": "x" * 10_000})[:60], "damaged"),
    "a broken archive": (gzip.compress(b"x" * 5_000), "damaged"),
    "too many files": (archive({str(n): "" for n in range(60)}), "over 50 files"),
    "too large unpacked": (archive({"a": "0" * 200_000}), "or 100000 bytes"),
    "too large": (archive({"a": "".join(map(str, range(20_000)))}), "over 10000 bytes"),
}


@pytest.mark.parametrize("case", UNSAFE)
def test_an_archive_that_is_unsafe_too_large_or_broken_leaves_nothing(
    host: CodeHost, tmp_path: Path, case: str
) -> None:
    host.archives[V1_PATH], message = UNSAFE[case]
    limits = ArchiveLimits(download_bytes=10_000, unpacked_bytes=100_000, files=50)
    with pytest.raises(UnknownWorkflowError, match=message) as caught:
        code_hosts(host, tmp_path / "cache", limits=limits).fetch(V1)
    assert V1.text in str(caught.value)
    assert list((tmp_path / "cache").iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


def test_a_host_that_cannot_be_reached_is_left_alone_for_a_while(host: CodeHost, tmp_path: Path) -> None:
    bases = {"github.com": "http://127.0.0.1:1"}
    hosts = CodeHosts(tmp_path, base_urls=bases)
    with pytest.raises(UnknownWorkflowError, match="no connection"):
        hosts.fetch(V1)
    host.archives[V1_PATH] = archive({"descriptor.json": "{}"})
    hosts._base_urls["github.com"] = host.url  # it is back, but that is not asked yet
    with pytest.raises(UnknownWorkflowError, match="no connection"):
        hosts.fetch(V1)
    assert host.requests == []


MASTER = parse_address("https://github.com/org/W_blobs/tree/master")
MASTER_PATH = "/org/W_blobs/archive/master.tar.gz"


def test_a_branch_is_looked_at_again_and_each_content_keeps_its_folder(
    host: CodeHost, tmp_path: Path
) -> None:
    before = host.archives[MASTER_PATH] = archive({"a": "1"})
    hosts = code_hosts(host, tmp_path, look_again_s=0)
    assert hosts.kept(MASTER) is None
    first = hosts.fetch(MASTER)
    assert hosts.kept(MASTER) is not None
    assert hosts.fetch(MASTER) == first
    host.archives[MASTER_PATH] = archive({"a": "2"})
    second = hosts.fetch(MASTER)
    assert [(folder / "a").read_text() for folder in (first, second)] == ["1", "2"]
    host.archives[MASTER_PATH] = before  # somebody took the change back
    assert hosts.fetch(MASTER) == first
    assert sorted(tmp_path.iterdir()) == sorted([first, second])
    offline = CodeHosts(tmp_path, base_urls={"github.com": "http://127.0.0.1:1"}, look_again_s=0)
    assert offline.fetch(MASTER) == first


def test_a_branch_is_not_asked_for_all_the_time(host: CodeHost, tmp_path: Path) -> None:
    host.archives[MASTER_PATH] = archive({"a": "1"})
    assert code_hosts(host, tmp_path).fetch(MASTER) == code_hosts(host, tmp_path).fetch(MASTER)
    assert host.requests == [MASTER_PATH]
