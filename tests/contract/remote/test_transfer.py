"""What holds for every `RemoteTransfer`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from biomero.application.ports.transfer import FileToSend, RemoteFile, RemoteTransfer
from biomero.errors import InputError, TransferError, UnsafePathError
from services.hostile_names import HOSTILE


def described(name: str, content: bytes) -> RemoteFile:
    return RemoteFile(name=name, size=len(content), sha256=sha256(content).hexdigest())


def written(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def test_files_and_folders_arrive_with_their_hashes(
    transfer: RemoteTransfer, folder: Path, tmp_path: Path
) -> None:
    written(tmp_path / "here/tree/a.tif", b"first")
    written(tmp_path / "here/tree/deep/er/b.tif", b"")
    one = written(tmp_path / "here/one.tif", bytes(3_000_001))
    sent = transfer.upload(
        [FileToSend(path=tmp_path / "here/tree", name="in/tree"), FileToSend(path=one, name="in/two.tif")],
        str(folder),
    )
    assert sorted(sent, key=lambda file: file.name) == [
        described("in/tree/a.tif", b"first"),
        described("in/tree/deep/er/b.tif", b""),
        described("in/two.tif", bytes(3_000_001)),
    ]
    assert files_in(folder) == [file.name for file in sorted(sent, key=lambda file: file.name)]
    assert (folder / "in/tree/a.tif").read_bytes() == b"first"
    assert transfer.listing(str(folder)) == sorted(sent, key=lambda file: file.name)


def test_relative_folders_are_below_the_home_folder(
    transfer: RemoteTransfer, folder_in_home: str, tmp_path: Path
) -> None:
    file = written(tmp_path / "a", b"x")
    transfer.upload([FileToSend(path=file, name="a")], f"{folder_in_home}/in")
    assert transfer.listing(f"{folder_in_home}/in") == [described("a", b"x")]
    assert transfer.download(f"{folder_in_home}/in", ["a"], tmp_path / "back") == [described("a", b"x")]


def test_names_of_any_bytes_survive_both_ways_and_run_nothing(
    transfer: RemoteTransfer, folder: Path, tmp_path: Path
) -> None:
    for name in HOSTILE:
        written(tmp_path / "here" / name, name.encode(errors="surrogateescape"))
        written(tmp_path / "deep" / name / name, b"x")
    sent = transfer.upload(
        [
            *(FileToSend(path=tmp_path / "here" / name, name=name) for name in HOSTILE),
            FileToSend(path=tmp_path / "deep", name="-deep"),
        ],
        str(folder),
    )
    names = [file.name for file in sent]
    assert sorted(names) == sorted([*HOSTILE, *(f"-deep/{name}/{name}" for name in HOSTILE)])
    assert sorted(files_in(folder)) == sorted(names)
    # a second time, when every folder is there already
    transfer.upload([FileToSend(path=tmp_path / "deep", name="-deep")], str(folder))
    listed = transfer.listing(str(folder))
    assert {file.name: file for file in listed} == {file.name: file for file in sent}
    fetched = transfer.download(str(folder), names, tmp_path / "back")
    assert {file.name: file for file in fetched} == {file.name: file for file in sent}
    assert sorted(files_in(tmp_path / "back")) == sorted(names)
    assert not list(tmp_path.rglob("pwned"))
    assert not (Path.home() / "pwned").exists()


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../../x", "a//b", "", ".", "a/", "nul\0l"])
def test_names_that_leave_the_folder_are_refused_both_ways(
    transfer: RemoteTransfer, folder: Path, tmp_path: Path, name: str
) -> None:
    file = written(tmp_path / "a", b"x")
    with pytest.raises(UnsafePathError):
        transfer.upload([FileToSend(path=file, name=name)], str(folder))
    assert not folder.exists() or files_in(folder) == []
    with pytest.raises(UnsafePathError):
        transfer.download(str(folder), [name], tmp_path / "back")


def test_links_are_followed_inside_a_folder_and_refused_out_of_it(
    transfer: RemoteTransfer, folder: Path, tmp_path: Path
) -> None:
    secret = written(tmp_path / "secret", b"secret")
    written(tmp_path / "here/a", b"a")
    (tmp_path / "here/b").symlink_to("a")
    transfer.upload([FileToSend(path=tmp_path / "here", name="t")], str(folder))
    assert (folder / "t/b").read_bytes() == b"a"
    assert not (folder / "t/b").is_symlink()
    (tmp_path / "here/c").symlink_to(secret)
    with pytest.raises(UnsafePathError, match="here/c"):
        transfer.upload([FileToSend(path=tmp_path / "here", name="u")], str(folder))
    (tmp_path / "here/c").unlink()
    (tmp_path / "here/c").symlink_to(tmp_path / "here")
    with pytest.raises(UnsafePathError, match="contains itself"):
        transfer.upload([FileToSend(path=tmp_path / "here", name="v")], str(folder))
    assert files_in(folder) == ["t/a", "t/b"]


def test_a_generator_may_make_each_file_just_before_it_goes(
    transfer: RemoteTransfer, folder: Path, tmp_path: Path
) -> None:
    most_at_once = 0

    def one_by_one() -> Iterator[FileToSend]:
        nonlocal most_at_once
        for number in range(5):
            file = written(tmp_path / f"tile{number}", bytes([number]) * 1000)
            most_at_once = max(most_at_once, len(list(tmp_path.glob("tile*"))))
            yield FileToSend(path=file, name=f"t/{number}")
            file.unlink()

    sent = transfer.upload(one_by_one(), str(folder))
    assert [file.size for file in sent] == [1000] * 5
    assert most_at_once == 1


def test_what_has_the_name_already_is_replaced_and_the_rest_stays(
    transfer: RemoteTransfer, folder: Path, tmp_path: Path
) -> None:
    written(folder / "d/old", b"old")
    written(folder / "d/kept", b"kept")
    (folder / "d/link").symlink_to(written(tmp_path / "outside", b"outside"))
    tree = tmp_path / "tree"
    written(tree / "old", b"new")
    written(tree / "link", b"no link")
    written(tree / "sub/x", b"x")
    transfer.upload([FileToSend(path=tree, name="d")], str(folder))
    assert files_in(folder) == ["d/kept", "d/link", "d/old", "d/sub/x"]
    assert (folder / "d/old").read_bytes() == b"new"
    assert not (folder / "d/link").is_symlink()
    assert (tmp_path / "outside").read_bytes() == b"outside"


def test_a_folder_at_the_far_end_that_is_a_link_out_of_it_is_not_written_through(
    transfer: RemoteTransfer, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    folder.mkdir()
    (folder / "d").symlink_to(tmp_path / "outside")
    with pytest.raises(UnsafePathError, match="link"):
        transfer.upload([FileToSend(path=written(tmp_path / "a", b"x"), name="d/a")], str(folder))
    assert files_in(tmp_path / "outside") == []


def test_programs_stay_programs(transfer: RemoteTransfer, folder: Path, tmp_path: Path) -> None:
    program = written(tmp_path / "run.sh", b"#!/bin/sh\n")
    program.chmod(0o755)
    transfer.upload([FileToSend(path=program, name="run.sh")], str(folder))
    assert os.access(folder / "run.sh", os.X_OK)


def test_two_files_of_one_name_are_refused(transfer: RemoteTransfer, folder: Path, tmp_path: Path) -> None:
    file = written(tmp_path / "a", b"x")
    with pytest.raises(InputError, match="two files"):
        transfer.upload([FileToSend(path=file, name="n"), FileToSend(path=file, name="n")], str(folder))
    assert not folder.exists() or files_in(folder) == []


def test_nothing_is_left_when_the_files_stop_coming(
    transfer: RemoteTransfer, folder: Path, tmp_path: Path
) -> None:
    def breaks() -> Iterator[FileToSend]:
        yield FileToSend(path=written(tmp_path / "a", bytes(2_000_000)), name="a")
        raise LookupError("no more")

    with pytest.raises(LookupError):
        transfer.upload(breaks(), str(folder))
    assert not folder.exists() or list(folder.iterdir()) == []
    with pytest.raises(InputError, match="missing"):
        transfer.upload([FileToSend(path=tmp_path / "missing", name="b")], str(folder))
    assert not folder.exists() or list(folder.iterdir()) == []


def test_sending_nothing_makes_the_folder(transfer: RemoteTransfer, folder: Path) -> None:
    assert transfer.upload([], str(folder)) == []
    assert folder.is_dir()


def test_progress_adds_up_to_the_sizes(transfer: RemoteTransfer, folder: Path, tmp_path: Path) -> None:
    file = written(tmp_path / "a", os.urandom(2_500_000))
    moved: list[int] = []
    transfer.upload([FileToSend(path=file, name="a")], str(folder), progress=moved.append)
    assert sum(moved) == 2_500_000
    moved.clear()
    transfer.download(str(folder), ["a"], tmp_path / "back", progress=moved.append)
    assert sum(moved) == 2_500_000


def test_a_listing_has_regular_files_only(transfer: RemoteTransfer, folder: Path) -> None:
    written(folder / "a", b"a")
    (folder / "link").symlink_to("a")
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    assert transfer.listing(str(folder)) == [described("a", b"a")]


def test_a_folder_that_is_missing_has_no_files(transfer: RemoteTransfer, folder: Path) -> None:
    assert transfer.listing(str(folder / "nowhere")) == []


def test_hard_linked_files_are_fetched_whole(transfer: RemoteTransfer, folder: Path, tmp_path: Path) -> None:
    (folder / "b").parent.mkdir()
    (folder / "b").hardlink_to(written(folder / "a", b"same"))
    fetched = transfer.download(str(folder), ["a", "b"], tmp_path / "back")
    assert fetched == [described("a", b"same"), described("b", b"same")]


def test_what_is_not_there_cannot_be_fetched(transfer: RemoteTransfer, folder: Path, tmp_path: Path) -> None:
    written(folder / "a", b"a")
    with pytest.raises(TransferError, match="missing"):
        transfer.download(str(folder), ["a", "missing"], tmp_path / "back")
    assert files_in(tmp_path / "back") == []
    with pytest.raises(TransferError):
        transfer.download_file(str(folder / "missing"), tmp_path / "back/b")


def test_links_and_special_files_are_not_fetched(
    transfer: RemoteTransfer, folder: Path, tmp_path: Path
) -> None:
    secret = written(tmp_path / "secret/key", b"secret")
    folder.mkdir()
    (folder / "link").symlink_to(secret)
    (folder / "way").symlink_to(secret.parent)
    for name in ("link", "way/key"):
        with pytest.raises(UnsafePathError):
            transfer.download(str(folder), [name], tmp_path / "back")
    (folder / "folder").mkdir()
    with pytest.raises(TransferError):
        transfer.download(str(folder), ["folder"], tmp_path / "back")
    assert files_in(tmp_path / "back") == []


def test_one_large_file_is_sent_and_fetched(transfer: RemoteTransfer, folder: Path, tmp_path: Path) -> None:
    content = os.urandom(5_000_003)
    remote = str(folder / "-big 'file'")
    sent = transfer.upload_file(written(tmp_path / "a", content), remote)
    assert sent == described(remote, content)
    assert Path(remote).read_bytes() == content
    assert transfer.download_file(remote, tmp_path / "back/a") == sent
    assert (tmp_path / "back/a").read_bytes() == content
    assert files_in(folder) == ["-big 'file'"]
    assert files_in(tmp_path / "back") == ["a"]


def test_a_broken_upload_is_continued(transfer: RemoteTransfer, folder: Path, tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    written(folder / "a.part", content[:2_000_000])
    moved: list[int] = []
    transfer.upload_file(written(tmp_path / "a", content), str(folder / "a"), progress=moved.append)
    assert (folder / "a").read_bytes() == content
    assert sum(moved) == 1_000_000
    assert files_in(folder) == ["a"]


@pytest.mark.parametrize("rest", [b"other bytes", bytes(4_000_000)])
def test_what_is_left_of_another_upload_is_not_used(
    transfer: RemoteTransfer, folder: Path, tmp_path: Path, rest: bytes
) -> None:
    content = os.urandom(3_000_000)
    written(folder / "a.part", rest)
    transfer.upload_file(written(tmp_path / "a", content), str(folder / "a"))
    assert (folder / "a").read_bytes() == content


def test_a_broken_download_is_continued(transfer: RemoteTransfer, folder: Path, tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    written(folder / "a", content)
    written(tmp_path / "back.part", content[:2_000_000])
    moved: list[int] = []
    transfer.download_file(str(folder / "a"), tmp_path / "back", progress=moved.append)
    assert (tmp_path / "back").read_bytes() == content
    assert sum(moved) == 1_000_000
    written(tmp_path / "back.part", b"nonsense")
    transfer.download_file(str(folder / "a"), tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == content
    assert not (tmp_path / "back.part").exists()


def test_an_empty_file_is_sent_and_fetched_alone(
    transfer: RemoteTransfer, folder: Path, tmp_path: Path
) -> None:
    transfer.upload_file(written(tmp_path / "a", b""), str(folder / "a"))
    transfer.download_file(str(folder / "a"), tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b""
