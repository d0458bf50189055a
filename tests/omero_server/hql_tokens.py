"""Words of a query in HQL."""

from __future__ import annotations

import re

import omero

_TOKEN = re.compile(
    r"(:\w+|'(?:[^']|'')*'|\d+\.\d+|\d+|<>|!=|<=|>=|\|\||[=<>(),*+/-]|[A-Za-z_][\w.]*)\s*", re.ASCII
)


class Tokens:
    """The words, and how far one has read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._words: list[str] = []
        self._at = 0
        place, text = 0, text.strip()
        while place < len(text):
            found = _TOKEN.match(text, place)
            if found is None:
                raise self.error(f"unexpected char at {text[place : place + 30]!r}")
            self._words.append(found.group(1))
            place = found.end()

    @property
    def is_over(self) -> bool:
        return self._at >= len(self._words)

    def peek(self) -> str:
        """Return the next word in small letters; empty at the end."""
        return "" if self.is_over else self._words[self._at].lower()

    def take(self) -> str:
        """Read a word, as it is written."""
        if self.is_over:
            raise self.error("unexpected end")
        self._at += 1
        return self._words[self._at - 1]

    def took(self, *wanted: str) -> str:
        """Read a word if it is one of these; say which it was."""
        if self.peek() not in wanted:
            return ""
        return self.take().lower()

    def expect(self, wanted: str) -> None:
        """Read a word that must be there."""
        if not self.took(wanted):
            raise self.error(f"expected {wanted!r}, found {self.peek()!r}")

    def inner_query(self) -> str:
        """Read to the bracket that closes, and return what lies before it."""
        depth = 1
        words: list[str] = []
        while True:
            word = self.take()
            depth += {"(": 1, ")": -1}.get(word, 0)
            if depth == 0:
                return " ".join(words)
            words.append(word)

    def error(self, what: str) -> Exception:
        """Return what OMERO raises for a query that it does not understand."""
        message = f"{what} [{self.text}]"
        return omero.QueryException(None, None, message)  # type: ignore[no-any-return] # Ice has no types
