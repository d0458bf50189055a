"""Workflows at GitHub and GitLab: addresses with a pinned ref, fetched once and kept."""

from __future__ import annotations

import hashlib
import re
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote, unquote, urlsplit

import httpx

from biomero.adapters.descriptors.archive import ArchiveLimits, unpack
from biomero.errors import UnknownWorkflowError

KNOWN_HOSTS: Mapping[str, str] = MappingProxyType(
    {"github.com": "https://github.com", "gitlab.com": "https://gitlab.com"}
)
_MOVING = frozenset({"develop", "dev", "head", "latest", "main", "master", "trunk"})
_PAGES = ("tree", "blob", "raw")  # pages of a code host that show a repository at a ref
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_TOO_MANY = frozenset({403, 429})
_ABSENT = frozenset({401, 404, 410})


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A repository at a code host, at a ref.

    Parameters
    ----------
    project
        ``org/name``, or with groups as GitLab has them.
    path
        A file or folder in the repository; empty for its top.
    """

    text: str
    host: str
    project: str
    ref: str
    path: tuple[str, ...]
    is_gitlab: bool


def parse_address(text: str) -> Address:
    """Read ``https://github.com/org/name/tree/ref``, or GitLab's ``…/-/tree/ref``.

    A path may follow the ref; a slash within a ref is written ``%2F``.

    Raises
    ------
    UnknownWorkflowError
        If it is no such address, or pins no version.
    """
    try:
        url = urlsplit(text)
        host, user = url.hostname or "", url.username
    except ValueError as exc:
        raise UnknownWorkflowError(f"{text}: not an address: {exc}") from exc
    if url.scheme != "https" or not host or user is not None:
        raise UnknownWorkflowError(f"{text}: an address begins with https:// and the name of a code host")
    parts = [unquote(part) for part in url.path.split("/") if part]
    page = next((i for i, part in enumerate(parts) if i > 1 and part in _PAGES), len(parts))
    is_gitlab = "-" in parts[:page] or host.startswith("gitlab.")
    project = [part for part in parts[:page] if part != "-"]
    has_dots = any(part in (".", "..") or "\0" in part for part in parts)
    if len(project) < 2 or has_dots or (not is_gitlab and len(project) != 2):  # noqa: PLR2004 - org and name
        raise UnknownWorkflowError(
            f"{text}: not the address of a repository; write https://{host}/org/name/tree/v1.2"
        )
    project[-1] = project[-1].removesuffix(".git")
    ref = parts[page + 1] if page + 1 < len(parts) else ""
    if not ref or ref.lower() in _MOVING or ".." in ref:
        infix = "/-" if is_gitlab else ""
        example = f"https://{host}/{'/'.join(project)}{infix}/tree/v1.2"
        problem = f"'{ref}' moves on" if ref else "it names no version"
        raise UnknownWorkflowError(f"{text}: {problem}; pin a tag or a commit, as in {example}")
    return Address(
        text=text,
        host=host,
        project="/".join(project),
        ref=ref,
        path=tuple(parts[page + 2 :]),
        is_gitlab=is_gitlab,
    )


class CodeHosts:
    """Fetches repositories, and keeps them for the next time and for times without a network.

    Parameters
    ----------
    cache
        The folder for what was fetched, one folder a repository and ref; made when it is needed.
    base_urls
        The code hosts that may be asked, by name, and where each is.
    timeout_s
        How long a host may be silent; fetching takes at most ten times as long.

    Examples
    --------
    >>> from pathlib import Path
    >>> hosts = CodeHosts(Path("cache"), base_urls={"git.example.org": "https://git.example.org"})
    """

    def __init__(
        self,
        cache: Path,
        *,
        base_urls: Mapping[str, str] = KNOWN_HOSTS,
        timeout_s: float = 30.0,
        limits: ArchiveLimits | None = None,
    ) -> None:
        self._cache = cache
        self._base_urls = dict(base_urls)
        self._timeout_s = timeout_s
        self._limits = limits or ArchiveLimits()

    def fetch(self, address: Address) -> Path:
        """Return the local folder of a repository at a ref.

        What was fetched once is never fetched again. It comes into the cache complete or not at all.

        Raises
        ------
        UnknownWorkflowError
            If there is no such repository or ref, it cannot be fetched now, or it is too large.
        """
        key = hashlib.sha256(f"{address.host}/{address.project}@{address.ref}".encode()).hexdigest()[:16]
        name = _UNSAFE.sub("_", f"{address.project.rsplit('/', 1)[-1]}-{address.ref}")[:80]
        folder = self._cache / f"{name}-{key}"
        if folder.is_dir():
            return folder
        base_url = self._base_urls.get(address.host)
        if base_url is None:
            known = ", ".join(sorted(self._base_urls)) or "none"
            raise UnknownWorkflowError(
                f"{address.text}: '{address.host}' is no known code host; known: {known}"
            )
        try:
            self._cache.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".fetching-", dir=self._cache) as temporary:
                archive, tree = Path(temporary) / "archive.tar.gz", Path(temporary) / "tree"
                self._download(address, f"{base_url}{_archive_path(address)}", archive)
                try:
                    unpack(archive, tree, limits=self._limits)
                except UnknownWorkflowError as exc:
                    raise UnknownWorkflowError(
                        f"{address.text}: cannot be used: {exc}; the repository may be private"
                    ) from exc
                _move(tree, folder)
        except OSError as exc:
            raise UnknownWorkflowError(f"{address.text}: cannot be kept in {self._cache}: {exc}") from exc
        return folder

    def _download(self, address: Address, url: str, target: Path) -> None:
        deadline = time.monotonic() + 10 * self._timeout_s
        size = 0
        try:
            with (
                httpx.Client(follow_redirects=True, timeout=self._timeout_s) as client,
                # The archive as it is: some hosts declare its gzip as an encoding of the transfer.
                client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as response,
                target.open("wb") as file,
            ):
                _check_answer(address, response)
                for chunk in response.iter_raw():
                    size += len(chunk)
                    if size > self._limits.download_bytes:
                        raise UnknownWorkflowError(
                            f"{address.text}: over {self._limits.download_bytes} bytes is no workflow"
                        )
                    if time.monotonic() > deadline:
                        raise UnknownWorkflowError(
                            f"{address.text}: {address.host} is too slow; try again later"
                        )
                    file.write(chunk)
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise UnknownWorkflowError(
                f"{address.text}: no connection to {address.host} ({type(exc).__name__}: {exc}), "
                "and no copy of it is kept here; try again with a network, or give the path of a local copy"
            ) from exc


def _archive_path(address: Address) -> str:
    project, ref = quote(address.project), quote(address.ref)
    if address.is_gitlab:
        name = f"{project.rsplit('/', 1)[-1]}-{ref.replace('/', '-')}"
        return f"/{project}/-/archive/{ref}/{name}.tar.gz"
    return f"/{project}/archive/{ref}.tar.gz"


def _check_answer(address: Address, response: httpx.Response) -> None:
    status = response.status_code
    if status in _ABSENT:
        raise UnknownWorkflowError(
            f"{address.text}: {address.host} has no public repository '{address.project}' "
            f"with the tag or commit '{address.ref}'"
        )
    if status in _TOO_MANY:
        raise UnknownWorkflowError(
            f"{address.text}: {address.host} answers no more requests from here for now (status {status}); "
            "try again in an hour, or give the path of a local copy"
        )
    if not response.is_success:
        raise UnknownWorkflowError(
            f"{address.text}: {address.host} failed with status {status}; try again later"
        )
    schemes = {hop.url.scheme for hop in (*response.history, response)}
    if "http" in schemes and "https" in schemes:
        raise UnknownWorkflowError(f"{address.text}: {address.host} sends us to a place without encryption")


def _move(tree: Path, folder: Path) -> None:
    try:
        tree.rename(folder)
    except OSError:
        # Another process fetched the same: a pinned ref is one content, so theirs is as good.
        if not folder.is_dir():
            raise
