"""`10-mount-ssh.sh`: what is mounted arrives with the permissions that ssh wants."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from services.omero_account import OmeroAccount

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"


@pytest.fixture
def mounted(root: Path, account: OmeroAccount) -> Path:
    """Return a folder as an administrator mounts it."""
    folder = root / "tmp" / ".ssh"
    (folder / "keys").mkdir(parents=True)
    for name, text in {
        "id_rsa": KEY,
        "id_rsa.pub": "ssh-rsa AAAA\n",
        "config": "Host slurm\n  User me\n",
        "known_hosts": "slurm ssh-rsa AAAA\n",
        "keys/other": KEY,
        "keys/other.pub": "ssh-rsa BBBB\n",
    }.items():
        (folder / name).write_text(text)
    set_modes(folder, account, file=0o600, directory=0o700)
    return folder


def set_modes(folder: Path, account: OmeroAccount, *, file: int, directory: int) -> None:
    for path in (folder, *folder.rglob("*")):
        account.give(path)
        path.chmod(directory if path.is_dir() else file)


def run(account: OmeroAccount, mounted: Path) -> subprocess.CompletedProcess[str]:
    done = account.run("10-mount-ssh.sh", {"BIOMERO_SSH_SOURCE": str(mounted)})
    assert done.returncode == 0, done.stderr
    return done


def modes(account: OmeroAccount) -> dict[str, str]:
    target = account.home / ".ssh"
    found = {str(p.relative_to(target)): f"{stat.S_IMODE(p.stat().st_mode):o}" for p in target.rglob("*")}
    return {"": f"{stat.S_IMODE(target.stat().st_mode):o}", **found}


EXPECTED = {
    "": "700",
    "id_rsa": "600",
    "id_rsa.pub": "644",
    "config": "600",
    "known_hosts": "644",
    "keys": "700",
    "keys/other": "600",
    "keys/other.pub": "644",
}


def test_what_is_mounted_gets_the_permissions_that_ssh_wants(account: OmeroAccount, mounted: Path) -> None:
    assert "warning" not in run(account, mounted).stderr
    assert modes(account) == EXPECTED
    assert (account.home / ".ssh" / "id_rsa").read_text() == KEY


def test_a_second_time_takes_over_what_has_changed(account: OmeroAccount, mounted: Path) -> None:
    run(account, mounted)
    (mounted / "config").write_text("Host slurm\n  User you\n")
    run(account, mounted)
    assert modes(account) == EXPECTED
    assert "you" in (account.home / ".ssh" / "config").read_text()


def test_a_folder_of_windows_has_no_permissions_and_other_line_ends(
    account: OmeroAccount, mounted: Path
) -> None:
    for file in (p for p in mounted.rglob("*") if p.is_file()):
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    set_modes(mounted, account, file=0o777, directory=0o777)
    said = run(account, mounted).stderr
    assert said.count("warning") == 2  # two private keys
    assert f"{mounted}/id_rsa can be read by others" in said
    assert modes(account) == EXPECTED
    assert (account.home / ".ssh" / "keys" / "other").read_text() == KEY


def test_a_folder_that_cannot_be_written_and_has_no_public_keys_will_do(
    account: OmeroAccount, mounted: Path
) -> None:
    (mounted / "id_rsa.pub").unlink()
    set_modes(mounted, account, file=0o400, directory=0o500)
    run(account, mounted)
    assert modes(account) == {name: mode for name, mode in EXPECTED.items() if name != "id_rsa.pub"}


def test_secrets_of_kubernetes_are_links(account: OmeroAccount, root: Path) -> None:
    mounted = root / "tmp" / "secret"
    (mounted / "..2026").mkdir(parents=True)
    (mounted / "..2026" / "id_rsa").write_text(KEY)
    (mounted / "..data").symlink_to("..2026")
    (mounted / "id_rsa").symlink_to("..data/id_rsa")
    account.give(mounted, mounted / "..2026", mounted / "..2026" / "id_rsa")
    run(account, mounted)
    assert list(modes(account)) == ["", "id_rsa"]


def test_what_cannot_be_read_is_named_and_left_out(account: OmeroAccount, mounted: Path) -> None:
    (mounted / "keys" / "other").chmod(0)
    assert f"{mounted}/keys/other cannot be read by omero-server" in run(account, mounted).stderr


def test_a_folder_that_cannot_be_listed_is_told_of(account: OmeroAccount, mounted: Path) -> None:
    assert "could be listed" not in run(account, mounted).stderr
    (mounted / "keys").chmod(0)
    assert f"warning: not all of {mounted} could be listed" in run(account, mounted).stderr


def test_where_nothing_is_mounted_nothing_changes(account: OmeroAccount, root: Path) -> None:
    assert "nothing is mounted" in run(account, root / "tmp" / "none").stderr
    assert not (account.home / ".ssh").exists()
