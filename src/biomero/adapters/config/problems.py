"""Where a value comes from, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from biomero.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A line of a file, a variable of the environment, or (neither) a default."""

    file: Path | None = None
    line: int | None = None
    variable: str | None = None

    def __str__(self) -> str:
        if self.variable is not None:
            return f"environment variable {self.variable}"
        if self.file is None:
            return "default"
        return str(self.file) if self.line is None else f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that an admin should put right.

    Parameters
    ----------
    message
        What is wrong and what is allowed; never the value of a secret.
    section, key
        Empty where the whole file, or a whole section, is meant.
    """

    message: str
    origin: Origin
    section: str = ""
    key: str = ""

    def __str__(self) -> str:
        place = f"[{self.section}] {self.key}".strip() if self.section else ""
        return ": ".join(part for part in (str(self.origin), place, self.message) if part)


def raise_if_any(problems: Iterable[Problem]) -> None:
    """Raise one error that lists all problems.

    Raises
    ------
    ConfigurationError
        If there is a problem.
    """
    texts = list(dict.fromkeys(str(problem) for problem in problems))
    if len(texts) == 1:
        raise ConfigurationError(texts[0])
    if texts:
        listed = "\n".join(f"  {text}" for text in texts)
        raise ConfigurationError(f"the configuration has {len(texts)} problems:\n{listed}")
