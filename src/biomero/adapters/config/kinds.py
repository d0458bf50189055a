"""Kinds of values: how each is read from text, and what is allowed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from biomero.adapters.config.resources import memory_mb, minutes
from biomero.domain.image_reference import ImageReference
from biomero.errors import ConfigurationError, ContainerImageError

_BOOLEANS = {
    **dict.fromkeys(("true", "1", "yes", "y", "on"), True),
    **dict.fromkeys(("false", "0", "no", "n", "off"), False),
}
_HOME = re.compile(r"(?:~|\$HOME|\$\{HOME\})(?:/+|$)")
_SHELL = re.compile(r"[$`\"'\\]")
_PROGRAM = re.compile(r"[A-Za-z0-9_./+-]+")
_OLD_ZIP = re.compile(r"\$\(\s*command -v 7z \|\| command -v 7za\s*\)")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9_+.-]*:///?[^\s]*")
_ADDRESS = re.compile(r"https://[^\s/@]+/[^\s]+")
_MAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_LAST_PORT = 65535
_SSH_ADDRESS = re.compile(r"[^\s/@]+@[^\s/:]+:")


@dataclass(frozen=True, slots=True)
class Kind:
    """How a value is read.

    Parameters
    ----------
    allowed
        What is allowed, as words that follow on "wanted is".
    read
        Turns text into a value; raises ``ValueError`` with an empty text, or with a reason.
    """

    allowed: str
    read: Callable[[str], object]


def boolean(text: str) -> bool:
    """Read a truth value.

    Raises
    ------
    ValueError
        If it is none.
    """
    if text.lower() not in _BOOLEANS:
        raise ValueError
    return _BOOLEANS[text.lower()]


def whole_number(*, at_least: int) -> Kind:
    """Return the kind of whole numbers from one on."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) < at_least:
            raise ValueError
        return int(text)

    return Kind(f"a whole number from {at_least} on", read)


def number(*, at_least: float) -> Kind:
    """Return the kind of numbers with or without decimals, from one on."""

    def read(text: str) -> float:
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) or float(text) < at_least:
            raise ValueError
        return float(text)

    return Kind(f"a number from {at_least:g} on", read)


def choice(options: Sequence[str]) -> Kind:
    """Return the kind of a fixed set of words."""

    def read(text: str) -> str:
        if text not in options:
            raise ValueError
        return text

    return Kind(f"one of: {', '.join(options)}", read)


def choices(options: Sequence[str]) -> Kind:
    """Return the kind of one or several of a fixed set of words."""

    def read(text: str) -> tuple[str, ...]:
        words = _names(text)
        if not words or not set(words) <= set(options):
            raise ValueError
        return tuple(dict.fromkeys(words))

    return Kind(f"some of: {', '.join(options)}", read)


def _line(text: str) -> str:
    if not text.isprintable():
        raise ValueError
    return text


def _word(text: str) -> str:
    if not text.isprintable() or text.startswith("-") or len(text.split()) != 1:
        raise ValueError
    return text


def _cluster_path(text: str) -> str:
    path = _HOME.sub("", text, count=1)
    if _SHELL.search(path) or path.startswith("~"):
        raise ValueError("variables and quotes are not filled in on the cluster")
    if not path.isprintable() or ".." in path.split("/"):
        raise ValueError
    return path or "."


def _inner_path(text: str) -> str:
    path = _cluster_path(text)
    if path.startswith("/") or path != text:
        raise ValueError
    return path


def _program(text: str) -> str:
    if not _PROGRAM.fullmatch(text) or text.startswith("-"):
        raise ValueError
    return text


def _zip_command(text: str) -> str | None:
    # What BIOMERO 2 had as its default is shell text; it means "look for it", which is what we do.
    return None if _OLD_ZIP.fullmatch(text) else _program(text)


def _lines(text: str) -> tuple[str, ...]:
    if "\0" in text:
        raise ValueError
    return tuple(line for line in text.splitlines() if line.strip())


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.lower() for name in re.split(r"[\s,]+", text) if name)


def _day(text: str) -> str:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        raise ValueError
    return _moment(text)


def _moment(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise ValueError from None  # the library's words are for programmers
    return text


def _url(text: str) -> str:
    url = unescaped(text)
    if not _URL.fullmatch(url):
        raise ValueError
    return url


def _repository(text: str) -> str:
    place = unescaped(text)
    if ("://" in place and not _ADDRESS.fullmatch(place)) or _SSH_ADDRESS.match(place):
        raise ValueError
    return _line(place)


def _image(text: str) -> str:
    try:
        ImageReference.parse(text)
    except ContainerImageError as exc:
        raise ValueError(str(exc)) from exc
    return text


def _memory(text: str) -> int:
    try:
        return memory_mb(text, where="")
    except ConfigurationError as exc:
        raise ValueError from exc


def _time_limit(text: str) -> int:
    try:
        return minutes(text, where="")
    except ConfigurationError as exc:
        raise ValueError from exc


def _port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 0 < int(text) <= _LAST_PORT:
        raise ValueError
    return int(text)


def _http_address(text: str) -> str:
    if text == "none":
        return text
    host, _, port = text.rpartition(":")
    if not re.fullmatch(r"[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]", host) or not re.fullmatch(r"[0-9]{1,5}", port):
        raise ValueError
    if int(port) > _LAST_PORT:
        raise ValueError
    return text


def _address(text: str) -> str:
    if not _MAIL.fullmatch(text):
        raise ValueError
    return text


def _addresses(text: str) -> tuple[str, ...]:
    found = tuple(a for a in re.split(r"[\s,]+", text) if a)
    for address in found:
        _address(address.replace("{user}", "user"))
    return found


def _web_address(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+(/[^\s]*)?", unescaped(text)):
        raise ValueError
    return unescaped(text)


def unescaped(url: str) -> str:
    """Undo ``%%``, by which BIOMERO 2 wanted a ``%`` written; an address has no use for two."""
    return url.replace("%%", "%")


def _local_path(text: str) -> Path:
    path = Path(text)
    if not path.is_absolute():
        raise ValueError
    return path


def _local_folders(text: str) -> tuple[Path, ...]:
    folders = tuple(_local_path(part.strip()) for part in text.split(",") if part.strip())
    if any(folder == Path(folder.anchor) or ".." in folder.parts for folder in folders):
        raise ValueError
    return folders


BOOLEAN = Kind("true or false", boolean)
LINE = Kind("text on one line", _line)
WORD = Kind("one word", _word)
CLUSTER_PATH = Kind("a path on the cluster, absolute or below the account's home folder", _cluster_path)
INNER_PATH = Kind("a relative path without '..'", _inner_path)
PROGRAM = Kind("the name or path of a program", _program)
ZIP_COMMAND = Kind("the name or path of a program, such as 7za or zip", _zip_command)
LINES = Kind("lines of shell", _lines)
NAMES = Kind("names with commas or spaces between", _names)
DAY = Kind("a day, as 2024-01-31", _day)
MOMENT = Kind("a day, as 2024-01-31, or a time, as 2024-01-31T12:00", _moment)
DATABASE_URL = Kind("an address such as postgresql+psycopg://user@host/name", _url)
REPOSITORY = Kind("an address such as https://github.com/org/name/tree/v1.2, or a path", _repository)
IMAGE = Kind("the name of a container image, such as org/name:1.2", _image)
MEMORY = Kind("an amount of memory, such as 8G or 500M", _memory)
TIME_LIMIT = Kind("a time limit, such as 45 (minutes) or 4:00:00", _time_limit)
PORT = Kind("a port, from 1 to 65535", _port)
HTTP_ADDRESS = Kind("an address such as 127.0.0.1:8766 or [::1]:8766 (port 0: any), or none", _http_address)
LOCAL_PATH = Kind("an absolute path on this machine", _local_path)
LOCAL_FOLDERS = Kind("absolute paths of folders on this machine with commas between, not /", _local_folders)
ADDRESS = Kind("an e-mail address", _address)
ADDRESSES = Kind("e-mail addresses with commas or spaces between", _addresses)
WEB_ADDRESS = Kind("an address such as https://example.org/hook", _web_address)
