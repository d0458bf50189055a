"""Addresses of workflows at code hosts: repository, ref, and place in it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from biomero.domain.masking import masked
from biomero.domain.repository_refs import is_moving
from biomero.errors import UnknownWorkflowError

_PAGES = ("tree", "blob", "raw")  # pages of a code host that show a repository at a ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A repository at a code host, at a ref.

    Parameters
    ----------
    project
        ``org/name``, or with groups as GitLab has them.
    ref
        A tag, a commit, or the name of a branch; ``HEAD`` where the address has none.
    path
        A file or folder in the repository; empty for its top.
    """

    text: str
    host: str
    project: str
    ref: str
    path: tuple[str, ...]
    is_gitlab: bool

    @property
    def is_moving(self) -> bool:
        """The ref is the name of a branch: another day it means something else."""
        return is_moving(self.ref)


def parse_address(text: str) -> Address:
    """Read ``https://github.com/org/name/tree/ref``, or GitLab's ``…/-/tree/ref``.

    A path may follow the ref; a slash within a ref is written ``%2F``. Without a ref it is the repository's
    main branch.

    Raises
    ------
    UnknownWorkflowError
        If it is no such address.
    """
    try:
        url = urlsplit(text)
        host, user = url.hostname or "", url.username
    except ValueError as exc:
        raise UnknownWorkflowError(f"{masked(text)}: not an address: {exc}") from exc
    if user is not None:
        raise UnknownWorkflowError(f"{masked(text)}: an address names no user and holds no token")
    if url.scheme != "https" or not host:
        raise UnknownWorkflowError(f"{text}: an address begins with https:// and the name of a code host")
    parts = [unquote(part) for part in url.path.split("/") if part]
    page = next((i for i, part in enumerate(parts) if i > 1 and part in _PAGES), len(parts))
    is_gitlab = "-" in parts[:page] or host.startswith("gitlab.")
    project = [part for part in parts[:page] if part != "-"]
    # a part may hold slashes of its own, written %2F
    has_dots = any(name in (".", "..") or "\0" in name for part in parts for name in part.split("/"))
    if len(project) < 2 or has_dots or (not is_gitlab and len(project) != 2):  # noqa: PLR2004 - org and name
        raise UnknownWorkflowError(
            f"{text}: not the address of a repository; write https://{host}/org/name/tree/v1.2"
        )
    project[-1] = project[-1].removesuffix(".git")
    ref = parts[page + 1] if page + 1 < len(parts) else ""
    if ".." in ref:
        raise UnknownWorkflowError(f"{text}: '{ref}' is no tag, commit or branch")
    return Address(
        text=text,
        host=host,
        project="/".join(project),
        ref=ref or "HEAD",
        path=tuple(parts[page + 2 :]),
        is_gitlab=is_gitlab,
    )


def archive_path(address: Address) -> str:
    """Return where the code host has the repository as a gzipped tar archive."""
    project, ref = quote(address.project), quote(address.ref)
    if address.is_gitlab:
        name = f"{project.rsplit('/', 1)[-1]}-{ref.replace('/', '-')}"
        return f"/{project}/-/archive/{ref}/{name}.tar.gz"
    return f"/{project}/archive/{ref}.tar.gz"
