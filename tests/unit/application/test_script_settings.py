"""What may be chosen about scripts of OMERO."""

from __future__ import annotations

from pathlib import Path

import pytest

from biomero.adapters.config.keys import SETTINGS
from biomero.application.script_settings import DATABASE, SECRETS, settings_from
from biomero.errors import ConfigurationError

HERE = {"OMERO_WORKER_NAME": "worker"}


@pytest.mark.parametrize(
    ("asked", "seen"),
    [
        ({}, {"https_proxy", "NO_PROXY", "BIOMERO_A"}),
        (
            {"BIOMERO_SCRIPT_VARIABLES": "AWS_*, TZ"},
            {"https_proxy", "NO_PROXY", "BIOMERO_A", "AWS_KEY", "TZ"},
        ),
        ({"BIOMERO_SCRIPT_DATABASE": "yes"}, {"https_proxy", "NO_PROXY", "BIOMERO_A", "SQLALCHEMY_URL"}),
        ({"BIOMERO_SCRIPT_DATABASE": "no"}, {"https_proxy", "NO_PROXY", "BIOMERO_A"}),
    ],
)
def test_scripts_see_what_is_on_the_list(asked: dict[str, str], seen: set[str]) -> None:
    names = ("https_proxy", "NO_PROXY", "BIOMERO_A", "SQLALCHEMY_URL", "AWS_KEY", "TZ", "BIOMERO", "PROXY")
    environment = dict.fromkeys(names, "value")
    assert set(settings_from({**HERE, **asked}).forwarded(environment)) == seen


def test_secrets_are_seen_only_when_they_are_named() -> None:
    environment = dict.fromkeys((*SECRETS, DATABASE, "BIOMERO_A"), "value")
    every = settings_from({**HERE, "BIOMERO_SCRIPT_VARIABLES": "*"})
    assert set(every.forwarded(environment)) == {"BIOMERO_A"}
    named = settings_from({**HERE, "BIOMERO_SCRIPT_VARIABLES": SECRETS[0]})
    assert set(named.forwarded(environment)) == {"BIOMERO_A", SECRETS[0]}


def test_the_list_of_secrets_is_that_of_the_configuration() -> None:
    secrets = {name for setting in SETTINGS if setting.is_secret for name in setting.variables}
    assert {*SECRETS, DATABASE} == secrets


def test_the_name_is_the_worker_s_unless_another_is_given() -> None:
    assert settings_from(HERE).name == "worker"
    assert settings_from({**HERE, "BIOMERO_PROCESSOR_NAME": "other"}).name == "other"
    assert settings_from({}).name


def test_the_first_rule_that_fits_chooses_the_interpreter() -> None:
    rules = "old_*.py=/opt/old/bin/python, /biomero/*=/opt/new/bin/python,"
    settings = settings_from({**HERE, "BIOMERO_SCRIPT_PYTHONS": rules})
    assert settings.interpreter_of("/biomero/old_one.py") == "/opt/old/bin/python"
    assert settings.interpreter_of("/biomero/sub/one.py") == "/opt/new/bin/python"
    assert settings.interpreter_of("/omero/one.py") is None


def test_output_is_kept_unless_it_shall_not_be() -> None:
    assert settings_from(HERE).output_folder == Path("var/log/scripts")
    assert settings_from({**HERE, "BIOMERO_SCRIPT_OUTPUT": "none"}).output_folder is None


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("BIOMERO_SCRIPT_TIME_LIMIT_S", "2h", "'2h' is no whole number"),
        ("BIOMERO_SCRIPT_MEMORY_MB", "-1", "'-1' is no whole number"),
        ("BIOMERO_SCRIPT_DATABASE", "perhaps", "'perhaps' is neither yes nor no"),
        ("BIOMERO_SCRIPT_PYTHONS", "*.py=python3", "none of PATTERN=/path/to/python"),
        ("BIOMERO_SCRIPT_PYTHONS", "=/usr/bin/python3", "none of PATTERN=/path/to/python"),
    ],
)
def test_what_cannot_be_meant_is_refused(name: str, value: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        settings_from({**HERE, name: value})
    assert name in str(caught.value)
