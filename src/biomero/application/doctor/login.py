"""Checks of the way to the login node, and of the login node itself."""

from __future__ import annotations

from collections.abc import Iterator

from biomero.application.doctor.codes import Code
from biomero.application.doctor.examination import Examination
from biomero.application.doctor.findings import Finding
from biomero.application.doctor.scripts import answers
from biomero.errors import (
    AuthenticationFailedError,
    ConfigurationError,
    ConnectionFailedError,
    HostKeyError,
    RemoteCommandError,
    RemoteTimeoutError,
)

# Only with its answer is it sure that the command ran: start-up files may print and end with status 0
_WHO = """printf 'biomero:user %s\\nbiomero:host %s\\n' "$(id -un)" "$(uname -n)\""""
_PROGRAMS = ("awk", "cat", "cut", "dd", "df", "find", "head", "mktemp", "od", "sed", "sha256sum", "sort")
_MORE_PROGRAMS = ("stat", "tail", "tar", "timeout", "tr", "xargs")
_USEFUL_PROGRAMS = {
    "flock": "neither images nor environments can be made",
    "python3": "nothing can run without a container",
}
_CLOCK_TOLERANCE_S = 60.0


def check_login(examination: Examination) -> Iterator[Finding]:
    """Log in, once; every way in which that fails has a code of its own."""
    settings = examination.settings
    host = settings.ssh_host or "this machine"
    try:
        done = examination.cluster.shell.run(("sh", "-c", _WHO))
    except ConfigurationError as exc:
        yield Code.SSH_ALIAS.problem(host, str(exc))
    except HostKeyError as exc:
        yield Code.SSH_HOST_KEY.problem(host, str(exc))
    except AuthenticationFailedError as exc:
        yield Code.SSH_LOGIN.problem(host, str(exc))
    except (ConnectionFailedError, RemoteTimeoutError) as exc:
        yield Code.SSH_REACHABLE.problem(host, str(exc))
    except RemoteCommandError as exc:
        yield Code.SHELL.problem(host, str(exc))
    else:
        who = dict(answers(done.stdout))
        if not done.ok or not (who.get("user") and who.get("host")):
            said = (done.stderr or done.stdout).strip()
            yield Code.SHELL.problem(host, f"a simple command ended with status {done.exit_status}: {said}")
            return
        yield Code.SSH_LOGIN.ok(host, f"logged in as {who['user']} on {who['host']}")


def check_programs(examination: Examination) -> Iterator[Finding]:
    """Look for the programs that we run there, and compare the clocks."""
    needed = (*_PROGRAMS, *_MORE_PROGRAMS)
    clock = examination.tools.clock
    before = clock.now().timestamp()
    done = examination.run("login_node.sh", *needed, *_USEFUL_PROGRAMS)
    after = clock.now().timestamp()
    said = answers(done.stdout)
    host = next((value for word, value in said if word == "host"), examination.settings.name)
    missing = [value for word, value in said if word == "missing"]
    if not done.ok and not said:
        yield Code.SHELL.problem(
            host, f"a script ended with status {done.exit_status}: {done.stderr.strip()}"
        )
        return
    lost = [name for name in missing if name in needed]
    if lost:
        yield Code.PROGRAMS.problem(host, f"missing: {', '.join(lost)}")
    for name, consequence in _USEFUL_PROGRAMS.items():
        if name in missing:
            yield Code.PROGRAMS.warning(host, f"{name} is missing: {consequence}")
    if not missing:
        yield Code.PROGRAMS.ok(host, "all programs are there")
    yield clock_finding(host, next((v for w, v in said if w == "time"), ""), before, after)


def clock_finding(host: str, text: str, before: float, after: float) -> Finding:
    """Judge a clock that said `text` (seconds) somewhen between `before` and `after` by ours."""
    try:
        there = float(text)
    except ValueError:
        return Code.CLOCK.warning(host, f"its clock said {text!r}")
    offset = there - after if there > after else there - before if there + 1 < before else 0.0
    if abs(offset) > _CLOCK_TOLERANCE_S:
        direction = "ahead of" if offset > 0 else "behind"
        return Code.CLOCK.problem(host, f"its clock is {abs(offset):.0f} s {direction} this machine's")
    return Code.CLOCK.ok(host, "its clock agrees with this machine's")
