"""Repositories at GitHub and GitLab: fetched, and kept for times without a network."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import httpx

from biomero.adapters.descriptors.addresses import Address, archive_path
from biomero.adapters.descriptors.archive import ArchiveLimits, unpack
from biomero.errors import UnknownWorkflowError

_LOG = logging.getLogger(__name__)

KNOWN_HOSTS: Mapping[str, str] = MappingProxyType(
    {"github.com": "https://github.com", "gitlab.com": "https://gitlab.com"}
)
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_TOO_MANY = frozenset({403, 429})
_ABSENT = frozenset({401, 404, 410})
_CONNECT_TIMEOUT_S = 10.0
_REST_S = 60.0
"""A host that could not be reached is left alone for so long: a form may ask about twenty workflows."""


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
    look_again_s
        For how long the content of a branch is taken for the newest.

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
        look_again_s: float = 3600.0,
    ) -> None:
        self._look_again_s = look_again_s
        self._cache = cache
        self._base_urls = dict(base_urls)
        self._timeout_s = timeout_s
        self._limits = limits or ArchiveLimits()
        self._unreachable: dict[str, tuple[float, str]] = {}  # host: when it failed, and why

    def fetch(self, address: Address) -> Path:
        """Return the local folder of a repository at a ref.

        A tag or commit that was fetched once is never fetched again. Of a branch, what is kept serves for
        `look_again_s`, and for as long as the code host cannot be asked; each content has a folder of its
        own, so that what a run began with stays. A folder comes into the cache complete or not at all.

        Raises
        ------
        UnknownWorkflowError
            If there is no such repository or ref, it cannot be fetched now, or it is too large.
        """
        if not address.is_moving:
            folder = self._folder(address)
            return folder if folder.is_dir() else self._fetch(address)
        kept = self._kept(address)
        if kept is not None and time.time() < kept.stat().st_mtime + self._look_again_s:
            return kept
        try:
            return self._fetch(address)
        except UnknownWorkflowError as exc:
            if kept is None:
                raise
            _LOG.warning("%s; going on with what was fetched before", exc)
            return kept

    def kept(self, address: Address) -> Path | None:
        """Return the local folder of a repository, of a branch the one seen last; nobody is asked."""
        if address.is_moving:
            return self._kept(address)
        folder = self._folder(address)
        return folder if folder.is_dir() else None

    def _fetch(self, address: Address) -> Path:
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
                self._download(address, f"{base_url}{archive_path(address)}", archive)
                folder = self._folder(address)
                if address.is_moving:
                    with archive.open("rb") as file:
                        content = hashlib.file_digest(file, "sha256").hexdigest()[:16]
                    folder = folder.with_name(f"{folder.name}-{content}")
                try:
                    unpack(archive, tree, limits=self._limits)
                except UnknownWorkflowError as exc:
                    raise UnknownWorkflowError(
                        f"{address.text}: cannot be used: {exc}; the repository may be private"
                    ) from exc
                _move(tree, folder)
                os.utime(folder)  # when it was seen last
        except OSError as exc:
            raise UnknownWorkflowError(f"{address.text}: cannot be kept in {self._cache}: {exc}") from exc
        return folder

    def _folder(self, address: Address) -> Path:
        """Return the folder of a pinned ref; the names of a branch's folders begin with it."""
        key = hashlib.sha256(f"{address.host}/{address.project}@{address.ref}".encode()).hexdigest()[:16]
        name = _UNSAFE.sub("_", f"{address.project.rsplit('/', 1)[-1]}-{address.ref}")[:80]
        return self._cache / f"{name}-{key}"

    def _kept(self, address: Address) -> Path | None:
        """Return the content of a branch that was seen last."""
        found = [path for path in self._cache.glob(f"{self._folder(address).name}-*") if path.is_dir()]
        return max(found, key=lambda path: path.stat().st_mtime_ns, default=None)

    def _download(self, address: Address, url: str, target: Path) -> None:
        self._check_reachable(address)
        deadline = time.monotonic() + 10 * self._timeout_s
        timeout = httpx.Timeout(self._timeout_s, connect=min(self._timeout_s, _CONNECT_TIMEOUT_S))
        size = 0
        try:
            with (
                httpx.Client(follow_redirects=True, timeout=timeout) as client,
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
            problem = f"{type(exc).__name__}: {exc}"
            if isinstance(exc, (httpx.ConnectError, httpx.ConnectTimeout)):
                self._unreachable[address.host] = (time.monotonic(), problem)
            raise _no_connection(address, problem) from exc

    def _check_reachable(self, address: Address) -> None:
        failed_at, problem = self._unreachable.get(address.host, (float("-inf"), ""))
        if time.monotonic() < failed_at + _REST_S:
            raise _no_connection(address, problem)


def _no_connection(address: Address, problem: str) -> UnknownWorkflowError:
    return UnknownWorkflowError(
        f"{address.text}: no connection to {address.host} ({problem}), "
        "and no copy of it is kept here; try again with a network, or give the path of a local copy"
    )


def _check_answer(address: Address, response: httpx.Response) -> None:
    status = response.status_code
    if status in _ABSENT:
        raise UnknownWorkflowError(
            f"{address.text}: {address.host} has no public repository '{address.project}' "
            f"with '{address.ref}'"
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
        # Another process fetched the same, or the branch is where it was: the content is one.
        if not folder.is_dir():
            raise
