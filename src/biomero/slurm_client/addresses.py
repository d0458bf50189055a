"""Taking apart addresses of repositories and names of container images: pure functions."""

from __future__ import annotations

from urllib.parse import urlsplit

_HOST_PARTS = 3  # "https:", "", "github.com"
_PAGES = ("tree", "blob", "raw")
_DESCRIPTORS = (".json", ".yaml", ".yml")


def split_address(url: str) -> tuple[list[str], str]:
    """Return the parts of an address between its slashes, and the ref.

    Examples
    --------
    >>> split_address("https://github.com/org/name/tree/v1.2")[1]
    'v1.2'
    >>> split_address("https://github.com/org/name")[1]
    'master'

    Raises
    ------
    ValueError
        If it is no address of a repository.
    """
    parts = url.rstrip("/").split("/")
    if urlsplit(url).scheme != "https" or len(parts) < _HOST_PARTS + 2:
        raise ValueError(f"not the address of a repository, such as https://github.com/org/name: {url!r}")
    page = next((i for i, part in enumerate(parts) if i > _HOST_PARTS + 1 and part in _PAGES), None)
    ref = parts[page + 1] if page is not None and page + 1 < len(parts) else "master"
    return parts, ref


def descriptor_address(url: str, extension: str = ".json") -> str:
    """Return the address of the descriptor itself, as a file.

    Examples
    --------
    >>> descriptor_address("https://github.com/org/name/tree/v1.2")
    'https://github.com/org/name/raw/v1.2/descriptor.json'

    Raises
    ------
    ValueError
        If it is no address of a repository.
    """
    parts, ref = split_address(url)
    page = next((i for i, part in enumerate(parts) if i > _HOST_PARTS + 1 and part in _PAGES), len(parts))
    inner = parts[page + 2 :]
    if not inner or not inner[-1].endswith(_DESCRIPTORS):
        inner = [*inner, f"descriptor{extension}"]
    return "/".join([*parts[:page], "raw", ref, *inner])


def split_image(image: str) -> tuple[str | None, str]:
    """Return a container image's version (digest, else tag, else ``None``) and its name.

    Examples
    --------
    >>> split_image("localhost:5000/org/name:1.2")
    ('1.2', 'localhost:5000/org/name')
    >>> split_image("org/name")
    (None, 'org/name')
    """
    name, _, digest = image.partition("@")
    place, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    return digest or tag or None, f"{place}{slash}{last}"
