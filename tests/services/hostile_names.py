"""File names and arguments that break programs which quote carelessly."""

from __future__ import annotations

HOSTILE = (
    "a b;$(touch pwned)'\"\n.tif",
    "-rf",
    "--checkpoint-action=exec=touch pwned",
    "--help",
    "`touch pwned`",
    "$(touch pwned)",
    "a|touch pwned",
    "*",
    "?[a-z]",
    "~",
    "back\\slash",
    "back\\nslash",
    "\\",
    "'",
    '"',
    "tab\there",
    "carriage\rreturn",
    "ends with cr\r",
    "line\nfeed",
    "\n",
    " ",
    " leading and trailing ",
    "!history",
    "#comment",
    "a=b",
    "ünïcödé 図像 🔬",
    "not UTF-8 \udcff\udcfe",
    "x" * 255,
)
"""Valid names of files on Linux; none of them may ever make a file called ``pwned``."""
