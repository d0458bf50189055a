"""The pages that are made from the table of keys."""

from __future__ import annotations

import re
from pathlib import Path

from biomero.adapters.config import judge, read_configuration, reference_markdown, sample_ini
from biomero.adapters.config.keys import SETTINGS

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "configuration.md"


def test_the_page_in_the_documentation_is_current() -> None:
    assert PAGE.read_text() == reference_markdown(), (
        f"make it again: biomero config reference > {PAGE.relative_to(PAGE.parents[2])}"
    )


def test_every_key_is_on_the_page_and_in_the_sample() -> None:
    page, sample = reference_markdown(), sample_ini()
    for setting in SETTINGS:
        assert f"| `{setting.key}` |" in page
        assert re.search(rf"^#{re.sub(r'<[^>]+>', '[a-z]+', setting.key)}( |$)", sample, re.MULTILINE), (
            setting
        )


def test_the_sample_means_nothing_as_it_is_and_holds_when_its_lines_are_taken_up(tmp_path: Path) -> None:
    path = tmp_path / "slurm-config.ini"
    path.write_text(sample_ini())
    untouched = read_configuration(path, environment={}, files=(), base=None)
    assert (untouched.values, untouched.workflows.values, untouched.problems) == ({}, {}, ())
    taken_up = re.sub(r"^#(?=[a-z])", "", sample_ini(), flags=re.MULTILINE)
    taken_up = taken_up.replace("# [CLUSTER name]", "[CLUSTER gpu]").replace("gpu_gpus", "#gpu_gpus")
    path.write_text(taken_up.replace("mine_enabled = false", "mine_enabled = true"))
    judged = judge(read_configuration(path, environment={}, files=()), environment={})
    assert (judged.problems, judged.warnings) == ((), ())
    assert judged.settings.workflows["mine"].cluster == "gpu"


def test_each_default_is_what_its_key_allows() -> None:
    for setting in SETTINGS:
        if setting.default is not None:
            setting.kind.read(setting.default)
        if setting.example and not setting.is_pattern and setting.key != "remove":
            setting.kind.read(setting.example)
