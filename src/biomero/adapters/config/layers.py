"""Files of settings, one upon the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from biomero.adapters.config.ini_text import Entry, IniText, read_ini
from biomero.adapters.config.problems import Origin, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A value as it was written, and where.

    Parameters
    ----------
    text
        ``None`` for a key without ``=``.
    """

    text: str | None
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One file."""

    path: Path
    ini: IniText

    def origin(self, entry: Entry) -> Origin:
        """Return where an entry stands."""
        return Origin(file=self.path, line=entry.line)

    def found(self, entry: Entry) -> Found:
        """Return an entry's value with its place."""
        return Found(text=entry.value, origin=self.origin(entry))


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """The files that exist, lowest first, and what is wrong with them as ini files."""

    files: tuple[Layer, ...]
    problems: tuple[Problem, ...] = ()


def read_layers(paths: Iterable[Path], *, needed: Path | None, texts: Mapping[Path, str]) -> Layers:
    """Read files; those that do not exist are left out.

    Parameters
    ----------
    needed
        The file that must exist.
    texts
        What to take for the text of a file, instead of what stands there.
    """
    layers: list[Layer] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            text = texts[path] if path in texts else _text_of(path)
        except (FileNotFoundError, NotADirectoryError):
            if path == needed:
                problems.append(_whole(path, "there is no such file of settings"))
            continue
        except OSError as exc:
            problems.append(_whole(path, f"cannot be read: {exc.strerror or exc}"))
            continue
        except UnicodeDecodeError as exc:
            problems.append(_whole(path, f"is no text in UTF-8 (at byte {exc.start})"))
            continue
        ini = read_ini(text)
        layers.append(Layer(path=path, ini=ini))
        problems += [
            Problem(message=fault.message, origin=Origin(file=path, line=fault.line)) for fault in ini.faults
        ]
    return Layers(files=tuple(layers), problems=tuple(problems))


def _whole(path: Path, message: str) -> Problem:
    return Problem(message=message, origin=Origin(file=path))


def _text_of(path: Path) -> str:
    return path.read_bytes().decode("utf-8")
