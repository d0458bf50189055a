import biomero


def test_the_package_knows_its_version() -> None:
    assert biomero.__version__.startswith("3.")
