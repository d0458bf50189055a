"""What the descriptors promise is what the programs do."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from services.workflow_programs import WORKFLOWS

NAMES = ["cell-expansion", "measure", "nuclei-segmentation"]


def descriptor(name: str) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads((WORKFLOWS / name / "descriptor.json").read_text(encoding="utf-8"))
    return parsed


@pytest.mark.parametrize("name", NAMES)
def test_the_descriptor_is_valid_and_named_as_its_folder(name: str) -> None:
    # The package ships no types; its command line is its public face.
    schema = Path(sys.executable).with_name("biomero-schema")
    subprocess.run(
        [schema, "validate", WORKFLOWS / name / "descriptor.json"], check=True, capture_output=True
    )
    assert descriptor(name)["name"] == name


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_program_knows_every_flag_and_every_key_stands_in_the_command_line(name: str) -> None:
    described = descriptor(name)
    command = described["command-line"].split()
    usage = subprocess.run(
        [sys.executable, WORKFLOWS / name / command[1], "--help"], capture_output=True, text=True, check=True
    ).stdout
    for item in described["inputs"] + described["outputs"]:
        if "value-key" in item:
            assert command[command.index(item["value-key"]) - 1] == item["command-line-flag"]
            assert item["command-line-flag"] in usage
    flags = {item.get("command-line-flag") for item in described["inputs"] + described["outputs"]}
    assert set(re.findall(r"--\w+", usage)) - {"--help"} == flags - {None}


@pytest.mark.parametrize("name", NAMES)
def test_the_folder_has_what_a_repository_needs(name: str) -> None:
    folder = WORKFLOWS / name
    for file in ("README.md", "requirements.txt", "Dockerfile", "Apptainer.def"):
        assert (folder / file).stat().st_size > 0
    recipe = (folder / "Apptainer.def").read_text()
    copied = re.findall(r"^    (\S+) /app/\S+$", recipe, flags=re.MULTILINE)
    assert all((folder / source).exists() for source in copied)
    packages = {path.parent.name for path in folder.glob("*/__init__.py")}
    assert packages | {path.name for path in folder.glob("*.py")} <= set(copied)


@pytest.mark.parametrize("name", NAMES)
def test_the_command_line_finds_its_program_in_the_folder_where_containers_start(name: str) -> None:
    # "python segment.py" is looked up from there
    program = descriptor(name)["command-line"].split()[1]
    recipe = (WORKFLOWS / name / "Apptainer.def").read_text()
    assert f"    {program} /app/{program}\n" in recipe
    assert "\n%labels\n    biomero.working-folder /app\n" in recipe
    assert "\nWORKDIR /app\n" in (WORKFLOWS / name / "Dockerfile").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_no_file_names_a_place_of_one_machine(name: str) -> None:
    texts = [p for p in Path(WORKFLOWS / name).rglob("*") if p.is_file() and p.suffix != ".pyc"]
    assert not [path for path in texts if re.search(r"/(work|home|root)/", path.read_text(encoding="utf-8"))]
