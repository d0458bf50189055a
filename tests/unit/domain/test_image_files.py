from __future__ import annotations

import pytest

from biomero.domain.image_files import newest_first, read_file_name


@pytest.mark.parametrize(
    ("file", "image", "version"),
    [
        ("t_vessel-seg_v1.0.0.sif", "t_vessel-seg", "v1.0.0"),
        ("img_1.0.0.sif", "img", "1.0.0"),
        ("img-v2.simg", "img", "v2"),
        ("img_latest.sif", "img", "latest"),
        ("img_feature-x.sif", "img", "feature-x"),
        ("img_1.0_0a1b2c3d.sif", "img", "1.0"),
        ("img_sha256-0123456789ab.sif", "img", "sha256-0123456789ab"),
    ],
)
def test_of_a_known_image_all_the_rest_is_its_version(file: str, image: str, version: str) -> None:
    found = read_file_name(file, image=image)
    assert found is not None
    assert (found.name, found.version) == (image, version)


@pytest.mark.parametrize(
    ("file", "name", "version"),
    [
        ("t_vessel-seg_v1.0.0.sif", "t_vessel-seg", "v1.0.0"),
        ("img_1.0.0.sif", "img", "1.0.0"),
        ("convert_zarr_to_tiff_1.14.0.sif", "convert_zarr_to_tiff", "1.14.0"),
        ("convert_zarr_to_tiff_latest.sif", "convert_zarr_to_tiff", "latest"),
        ("cellpose-v1.2.sif", "cellpose", "v1.2"),
        ("img_1.0-2.sif", "img_1.0", "2"),
        ("img_1.0_0a1b2c3d.sif", "img", "1.0"),
        ("img_v1.0_abcdef01.sif", "img", "v1.0"),
    ],
)
def test_of_an_unknown_image_the_version_is_what_looks_like_one(file: str, name: str, version: str) -> None:
    found = read_file_name(file)
    assert found is not None
    assert (found.name, found.version) == (name, version)


@pytest.mark.parametrize(
    ("file", "image"),
    [
        ("img.sif", None),
        ("img.sif", "img"),
        ("other_1.0.sif", "img"),
        ("imgs_1.0.sif", "img"),
        ("img_1.0.json", "img"),
        (".img_1.0.sif", None),
        ("img_.sif", "img"),
    ],
)
def test_other_files_are_no_versions(file: str, image: str | None) -> None:
    assert read_file_name(file, image=image) is None


def test_versions_are_sorted_by_their_numbers() -> None:
    assert newest_first(["v1.2.0", "latest", "v1.10.0", "v1.9", "master", "1.11", "v1.9"]) == [
        "1.11",
        "v1.10.0",
        "v1.9",
        "v1.2.0",
        "master",
        "latest",
    ]
