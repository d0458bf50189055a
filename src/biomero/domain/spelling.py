"""How flags and values are spelt on a command line."""

from __future__ import annotations

import math
import re
from decimal import Decimal

from biomero.domain.descriptor import ParameterValue

_NUMBER = re.compile(r"-[0-9]*\.?[0-9]+")  # what argparse knows as a negative number, not as a flag
_PLAIN_DIGITS = 30


def spelt(flag: str | None, value: str) -> tuple[str, ...]:
    """Return the words for a flag and its value: mostly two.

    A flag that ends in ``=`` makes one word with its value. So does a long flag with a value that
    begins with ``-`` and is no number.
    """
    if not flag:
        return (value,)
    if flag.endswith("="):
        return (flag + value,)
    if flag.startswith("--") and value.startswith("-") and not _NUMBER.fullmatch(value):
        return (f"{flag}={value}",)
    return (flag, value)


def text_of(value: ParameterValue) -> str:
    """Spell a value for a command line: ``True``, ``30``, ``0.00001``; text stays as it is."""
    if isinstance(value, float) and value and abs(math.log10(abs(value))) < _PLAIN_DIGITS:
        # Not 1e-05: argparse takes -1e-05 for a flag, and some macros cannot read either.
        digits = format(Decimal(repr(value)), "f")
        return digits if "." in digits else f"{digits}.0"
    return str(value)
