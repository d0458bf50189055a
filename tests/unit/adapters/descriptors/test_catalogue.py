import json
import os
import shutil
from pathlib import Path

import pytest

from biomero.adapters.descriptors import Catalogue, CodeHosts
from biomero.application.ports.workflows import WorkflowCatalogue
from biomero.errors import DescriptorError, UnknownWorkflowError
from services.code_host import CodeHost, archive

FIXTURES = Path(__file__).parents[3] / "fixtures" / "descriptors"
BLOBS = (FIXTURES / "biaflows-blobs.json").read_text()
ADDRESS = "https://github.com/org/W_blobs/tree/v1.0"


@pytest.fixture
def known(tmp_path: Path) -> Path:
    folder = tmp_path / "workflows"
    for name in ("nuclei-segmentation", "cell-expansion"):
        (folder / name).mkdir(parents=True)
        (folder / name / "descriptor.json").write_text(BLOBS)
    (folder / "no-workflow").mkdir()
    (folder / "README.md").write_text("")
    return folder


def catalogue(
    folder: Path, tmp_path: Path, host: CodeHost | None = None, **references: str
) -> WorkflowCatalogue:
    bases = {"github.com": host.url if host else "http://127.0.0.1:1"}
    hosts = CodeHosts(tmp_path / "cache", base_urls=bases, timeout_s=5)
    return Catalogue(hosts, folders=[folder, tmp_path / "absent"], references=references)


def test_known_names_are_the_folders_with_a_descriptor_and_the_configured_ones(
    known: Path, tmp_path: Path
) -> None:
    assert catalogue(known, tmp_path, cellpose=ADDRESS).names() == [
        "cell-expansion",
        "cellpose",
        "nuclei-segmentation",
    ]


def test_internal_workflows_are_found_but_not_listed(known: Path, tmp_path: Path) -> None:
    finder = Catalogue(CodeHosts(tmp_path / "cache"), folders=[known], internal=["cell-expansion"])
    assert finder.names() == ["nuclei-segmentation"]
    assert finder.find("cell-expansion").descriptor.name == "BlobCounting"


def test_a_workflow_is_found_by_name_by_folder_and_by_file(known: Path, tmp_path: Path) -> None:
    finder = catalogue(known, tmp_path)
    folder = known / "nuclei-segmentation"
    by_name = finder.find("nuclei-segmentation")
    by_folder = finder.find(str(folder))
    by_file = finder.find(str(folder / "descriptor.json"))
    assert by_name.reference == "nuclei-segmentation"
    assert by_name.folder == by_folder.folder == by_file.folder == folder
    assert by_name.descriptor_file == folder / "descriptor.json"
    assert by_name.version == by_folder.version == by_file.version
    assert by_name.descriptor.name == "BlobCounting"


def test_a_configured_name_stands_for_a_path_or_another_workflow(known: Path, tmp_path: Path) -> None:
    finder = catalogue(known, tmp_path, mine=str(known / "cell-expansion"), alias="cell-expansion")
    for name in ("mine", "alias"):
        found = finder.find(name)
        assert (found.reference, found.folder) == (name, known / "cell-expansion")


def test_a_configured_name_may_shadow_the_workflow_that_it_stands_for(known: Path, tmp_path: Path) -> None:
    finder = catalogue(known, tmp_path, None, **{"cell-expansion": "nuclei-segmentation"})
    assert finder.find("cell-expansion").folder.name == "nuclei-segmentation"


def test_what_is_at_hand_is_told_without_asking_anybody(known: Path, tmp_path: Path, host: CodeHost) -> None:
    host.archives["/org/W_blobs/archive/v1.0.tar.gz"] = archive({"descriptor.json": BLOBS})
    finder = catalogue(known, tmp_path, host, blobs=ADDRESS, moving="https://github.com/o/n")
    here = finder.at_hand("nuclei-segmentation")
    assert here is not None
    assert here.folder == known / "nuclei-segmentation"
    assert finder.at_hand("blobs") is None
    assert host.requests == []
    finder.find("blobs")
    found = finder.at_hand("blobs")
    assert found is not None
    assert found.reference == "blobs"
    assert finder.at_hand("moving") is None


def test_a_branch_is_known_by_its_content_also_when_the_branch_moves_on(
    known: Path, tmp_path: Path, host: CodeHost
) -> None:
    path = "/org/W_blobs/archive/HEAD.tar.gz"
    host.archives[path] = archive({"descriptor.json": BLOBS})
    found = catalogue(known, tmp_path, host).find("https://github.com/org/W_blobs")
    assert not found.is_pinned
    kept = catalogue(known, tmp_path, host).find(str(found.descriptor_file))
    assert (kept.version, kept.folder) == (found.version, found.folder)


def test_descriptor_files_are_tried_in_their_order(tmp_path: Path) -> None:
    finder = catalogue(tmp_path, tmp_path)
    shutil.copy(FIXTURES / "bilayers-outlines.yaml", tmp_path / "config.yaml")
    assert finder.find(str(tmp_path)).descriptor_file.name == "config.yaml"
    shutil.copy(FIXTURES / "biomero-schema-plain.yaml", tmp_path / "descriptor.yaml")
    assert finder.find(str(tmp_path)).descriptor_file.name == "descriptor.yaml"
    (tmp_path / "descriptor.json").write_text(BLOBS)
    assert finder.find(str(tmp_path)).descriptor_file.name == "descriptor.json"


def test_the_version_of_a_folder_follows_its_content_and_nothing_else(known: Path, tmp_path: Path) -> None:
    finder = catalogue(known, tmp_path)
    folder = known / "nuclei-segmentation"
    before = finder.find(str(folder)).version
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "run.pyc").write_text("")
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text("")
    os.utime(folder / "descriptor.json", (1, 1))
    copied = tmp_path / "copied"
    shutil.copytree(folder, copied)
    assert finder.find(str(folder)).version == finder.find(str(copied)).version == before
    (folder / "run.py").write_text("print()")
    with_code = finder.find(str(folder)).version
    (folder / "run.py").rename(folder / "ran.py")
    assert len({before, with_code, finder.find(str(folder)).version}) == 3


def test_a_descriptor_among_many_files_is_versioned_alone(tmp_path: Path) -> None:
    for number in range(5_001):
        (tmp_path / f"{number}.tif").touch()
    (tmp_path / "descriptor.json").write_text(BLOBS)
    found = catalogue(tmp_path / "none", tmp_path).find(str(tmp_path / "descriptor.json"))
    assert found.version.startswith("descriptor-")


def test_an_unknown_name_leads_to_the_nearest_one(known: Path, tmp_path: Path) -> None:
    finder = catalogue(known, tmp_path)
    message = (
        r"no workflow 'nuclei-segmentatoin'; did you mean 'nuclei-segmentation'\? "
        r"known: cell-expansion, nuclei-segmentation$"
    )
    with pytest.raises(UnknownWorkflowError, match=message):
        finder.find("nuclei-segmentatoin")
    for nonsense in ("", "x" * 5000, "a\0b"):
        with pytest.raises(UnknownWorkflowError, match="no workflow"):
            finder.find(nonsense)


def test_a_path_without_a_workflow_says_what_is_missing(known: Path, tmp_path: Path) -> None:
    finder = catalogue(known, tmp_path)
    with pytest.raises(UnknownWorkflowError, match=r"no workflow at \./absent: there is no such file"):
        finder.find("./absent")
    with pytest.raises(UnknownWorkflowError, match=r"no such file"):
        finder.find("absent.json")
    with pytest.raises(UnknownWorkflowError, match=r"none of descriptor.json, descriptor.yaml, config.yaml"):
        finder.find(str(known / "no-workflow"))
    with pytest.raises(DescriptorError, match=r"README.md"):
        finder.find(str(known / "README.md"))


def test_a_workflow_at_an_address_has_its_ref_for_a_version(
    known: Path, tmp_path: Path, host: CodeHost
) -> None:
    files = {"descriptor.json": BLOBS, "wrapper.py": "", "sub/more.json": BLOBS}
    host.archives["/org/W_blobs/archive/v1.0.tar.gz"] = archive(files)
    finder = catalogue(known, tmp_path, host, blobs=ADDRESS)
    found = finder.find(ADDRESS)
    assert (found.version, found.reference) == ("v1.0", ADDRESS)
    assert (found.folder / "wrapper.py").is_file()
    assert finder.find("blobs").folder == found.folder
    exact = finder.find("https://github.com/org/W_blobs/blob/v1.0/sub/more.json")
    assert exact.descriptor_file == found.folder / "sub" / "more.json"
    assert len(host.requests) == 1
    with pytest.raises(UnknownWorkflowError, match=r"that place has none of descriptor\.json"):
        finder.find(f"{ADDRESS}/sub")


def test_a_descriptor_at_an_address_that_is_not_valid_is_named(
    known: Path, tmp_path: Path, host: CodeHost
) -> None:
    host.archives["/org/W_blobs/archive/v1.0.tar.gz"] = archive({"descriptor.json": json.dumps({"a": 1})})
    with pytest.raises(DescriptorError, match=r"descriptor\.json: no workflow descriptor"):
        catalogue(known, tmp_path, host).find(ADDRESS)
