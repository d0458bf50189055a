from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from biomero.domain.leftovers import CleaningRule, Leftover, Place

NOW = datetime(2026, 11, 22, tzinfo=UTC)
RUN = "0a1b2c3d-0000-4000-8000-0123456789ab"


def leftover(
    name: str = RUN, *, days: float = 40, size: int = 100, place: Place = Place.RUNS, half: bool = False
) -> Leftover:
    changed = NOW - timedelta(days=days)
    return Leftover(place=place, name=name, changed=changed, size=size, is_half_gone=half)


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        (CleaningRule(), []),
        (CleaningRule(older_than=timedelta(days=30)), [50, 40]),
        (CleaningRule(larger_than=150), [50, 10]),
        (CleaningRule(older_than=timedelta(days=30), larger_than=150), [50]),
    ],
)
def test_a_rule_chooses_by_age_and_size_oldest_first(rule: CleaningRule, found: list[int]) -> None:
    given = [leftover(days=10, size=200), leftover(days=40), leftover(days=50, size=200)]
    assert [(NOW - chosen.changed).days for chosen in rule.chosen(given, now=NOW)] == found


@pytest.mark.parametrize("name", ["my notes", "..", RUN.upper(), f"{RUN}.bak", ".hidden", "0a1b2c3d"])
def test_what_has_no_run_s_name_is_never_chosen(name: str) -> None:
    assert CleaningRule(older_than=timedelta(0)).chosen([leftover(name)], now=NOW) == []


@pytest.mark.parametrize("name", ["my-models", "pip", "huggingface", "ab12", ".lock", "..", "AB" * 32])
def test_of_a_cache_only_what_is_named_by_its_content_may_go(name: str) -> None:
    cached = leftover("ab" * 32, place=Place.CACHE)
    given = [cached, leftover(name, place=Place.CACHE)]
    assert CleaningRule(older_than=timedelta(days=1)).chosen(given, now=NOW) == [cached]


def test_a_removal_that_did_not_end_is_ended() -> None:
    half = leftover(days=0, half=True)
    assert CleaningRule(older_than=timedelta(days=30)).chosen([half], now=NOW) == [half]
