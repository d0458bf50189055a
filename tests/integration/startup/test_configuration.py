"""`50-config.sh` with the real `omero config`, and the container's entry point."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from services.omero_account import STARTUP, OmeroAccount
from services.omero_py import CURRENT, ensure_environment

ENTRYPOINT = "lib/entrypoint.sh"


@pytest.fixture
def with_omero() -> dict[str, str]:
    return {"PATH": f"{ensure_environment(CURRENT).parent}:/usr/bin:/bin"}


def test_variables_become_configuration(account: OmeroAccount, with_omero: dict[str, str]) -> None:
    variables = {
        "CONFIG_omero_jvmcfg_system__memory": "1 GB; $(touch x) 'and' \"more\"",
        "CONFIG_omero_db_pass": "never shown",
        "OTHER_omero_a": "no",
    }
    done = account.run("50-config.sh", {**with_omero, **variables}, reads_all=True)
    assert done.returncode == 0, done.stderr
    assert "omero.db.pass is set from CONFIG_omero_db_pass" in done.stderr
    assert "never shown" not in done.stderr + done.stdout
    got = account.shell("omero config get --show-password", with_omero)
    assert dict(line.split("=", 1) for line in got.stdout.splitlines()) == {
        "omero.db.pass": "never shown",
        "omero.jvmcfg.system_memory": "1 GB; $(touch x) 'and' \"more\"",
    }


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://biomero:biomero@database/biomero", "one that everybody knows"),
        ("postgresql+psycopg://biomero:Omero@database/biomero", "one that everybody knows"),
        ("postgresql://biomero:@database/biomero", "is empty"),
        ("postgresql://biomero:short@database/biomero", "fewer than 8"),
    ],
)
def test_default_passwords_are_refused(account: OmeroAccount, root: Path, url: str, says: str) -> None:
    done = account.run(ENTRYPOINT, {"SQLALCHEMY_URL": url})
    assert (done.returncode, says in done.stderr) == (1, True), done.stderr
    (root / "url").write_text(url)
    (root / "url").chmod(0o644)
    done = account.run(ENTRYPOINT, {"SQLALCHEMY_URL_FILE": str(root / "url")})
    assert (done.returncode, says in done.stderr) == (1, True), done.stderr


def test_other_passwords_let_a_command_run(account: OmeroAccount) -> None:
    url = "postgresql://biomero:a-long-one-of-our-own@database/biomero"
    done = account.run(ENTRYPOINT, {"SQLALCHEMY_URL": url}, words=("echo", "it runs"))
    assert (done.returncode, done.stdout) == (0, "it runs\n"), done.stderr


@pytest.mark.parametrize(("kind", "says"), [("none", "nothing to run was given"), ("other", "is none of")])
def test_a_container_must_be_for_something(account: OmeroAccount, kind: str, says: str) -> None:
    done = account.run(ENTRYPOINT, {"OMERO_WORKER_KIND": kind})
    assert (done.returncode, says in done.stderr) == (1, True), done.stderr


def test_the_server_s_passwords_come_from_files_and_are_looked_at(root: Path) -> None:
    def start(root_password: str, database: str) -> subprocess.CompletedProcess[str]:
        for name, text in {"root": root_password, "database": database}.items():
            (root / name).write_text(text + "\n")
        return subprocess.run(
            ("bash", STARTUP / "lib" / "server-entrypoint.sh"),
            env={
                "PATH": "/usr/bin:/bin",
                "ROOTPASS_FILE": f"{root}/root",
                "OMERO_DB_PASSWORD_FILE": f"{root}/database",
            },
            capture_output=True,
            text=True,
            check=False,
        )

    assert "OMERO's root: the password is one that everybody knows" in start("omero", "long enough").stderr
    assert "OMERO's database: the password is empty" in start("long enough", "").stderr
    # with good ones it goes on to the image's own entry point, which is not on this machine
    assert "/usr/local/bin/entrypoint.sh" in start("long enough", "long enough, too").stderr
