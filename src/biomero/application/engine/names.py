"""The names of the steps, which are stored: a release may add some, and renames none."""

from __future__ import annotations

PREPARE = "prepare"
STAGE = "stage"
CONVERT = "convert"
JUDGE_CONVERSION = "judge_conversion"
ANALYSE = "analyse"
JUDGE_ANALYSIS = "judge_analysis"
FETCH = "fetch"
DELIVER = "deliver"
IMPORT = "import"
SETTLE = "settle"
TIDY = "tidy"

CONVERSION = (CONVERT, JUDGE_CONVERSION)
"""The steps before and after a conversion's job; a run whose job works is at the one after it."""
