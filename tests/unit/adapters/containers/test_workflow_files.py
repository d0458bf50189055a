from __future__ import annotations

from pathlib import Path

import pytest

from biomero.adapters.containers.workflow_files import WorkflowFiles
from biomero.errors import ContainerImageError


def test_the_hash_follows_names_contents_and_executable_bits(tmp_path: Path) -> None:
    program = tmp_path / "a.py"
    program.write_text("1")
    seen = [WorkflowFiles.of(tmp_path).digest]
    program.write_text("2")
    seen.append(WorkflowFiles.of(tmp_path).digest)
    program.chmod(0o755)
    seen.append(WorkflowFiles.of(tmp_path).digest)
    program.rename(tmp_path / "b.py")
    seen.append(WorkflowFiles.of(tmp_path).digest)
    assert len(set(seen)) == 4


def test_what_tools_leave_behind_is_not_the_workflow(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("1")
    before = WorkflowFiles.of(tmp_path)
    for name in (".git", ".venv", "__pycache__", "nested/__pycache__"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "x").write_text("x")
    assert WorkflowFiles.of(tmp_path) == before


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    folder = tmp_path / "workflow"
    folder.mkdir()
    (folder / "a.py").symlink_to("../secret")
    with pytest.raises(ContainerImageError, match="leads out"):
        WorkflowFiles.of(folder)


def test_a_missing_folder_has_no_files_and_no_requirements(tmp_path: Path) -> None:
    assert WorkflowFiles.of(tmp_path / "missing").files == ()


def test_environments_are_shared_by_requirements_not_by_code(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("numpy>=2\n")
    (tmp_path / "a.py").write_text("1")
    first = WorkflowFiles.of(tmp_path)
    (tmp_path / "a.py").write_text("2")
    second = WorkflowFiles.of(tmp_path)
    assert first.digest != second.digest
    assert first.environment_key == second.environment_key


@pytest.mark.parametrize("line", ["-r more.txt", "./lib", "-e .", "lib @ file:lib.whl", "  -c limits.txt"])
def test_requirements_that_name_files_depend_on_the_whole_folder(tmp_path: Path, line: str) -> None:
    (tmp_path / "requirements.txt").write_text(f"numpy\n{line}\n")
    first = WorkflowFiles.of(tmp_path)
    (tmp_path / "more.txt").write_text("scipy")
    assert WorkflowFiles.of(tmp_path).environment_key != first.environment_key


def test_a_project_is_its_own_requirement(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    files = WorkflowFiles.of(tmp_path)
    assert files.requirements == "pyproject.toml"
    assert files.digest.startswith(files.environment_key)
