"""Daemons that take the machine for `localhost` and have control groups mounted for themselves alone."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

# Every machine resolves `localhost` to loopback, but not its own name. Mounts end with their last process.
_ENTER = """
hostname localhost || exit 1
if [ "$1" = cgroups ]; then
  for group in freezer memory; do
    mkdir -p "$2/$group" && mount -t cgroup -o "$group" "cgroup-$group" "$2/$group" || exit 1
  done
fi
shift 2
exec "$@"
"""
_REMOVE = 'cd "$1" && find . -depth -type d -path "./*/slurm_$2-*" -exec rmdir {} + 2>/dev/null; :'


class Insulation:
    """Namespaces for daemons: always their own host name, and control groups (version 1) where there are any.

    Parameters
    ----------
    mount_point
        An empty folder for the control groups.
    """

    def __init__(self, mount_point: Path, *, env: dict[str, str]) -> None:
        self._mount_point = mount_point
        self._env = env
        self._unshare: tuple[str, ...] = ()
        self.has_own_names = False
        self.has_cgroups = False

    def probe(self, *, cgroups: bool) -> None:
        """Find out what this machine allows."""
        # In a chroot the root is no mount point, and its propagation cannot be changed.
        for options in ((), ("--propagation", "unchanged")):
            self._unshare = ("unshare", "--uts", "--mount", *options)
            self.has_own_names = self._works("names")
            if self.has_own_names:
                break
        self.has_cgroups = cgroups and self.has_own_names and self._works("cgroups")

    def wrap(self, argv: Sequence[str]) -> list[str]:
        """Return the command that runs a program inside; its process id is the program's."""
        if not self.has_own_names:
            return list(argv)
        return self._inside("cgroups" if self.has_cgroups else "names", argv)

    def with_mounts(self, script: str, *arguments: str) -> list[str]:
        """Return what stands before a command so that it sees mounts which nobody else sees.

        Parameters
        ----------
        script
            Shell that makes the mounts; `arguments` are its ``$1`` and so on. What it mounts ends with the
            command.
        """
        count = len(arguments)
        text = f'{script.strip()} || exit 1\nshift {count}\nexec "$@"'
        return [*self._unshare, "sh", "-c", text, "sh", *arguments]

    def remove_control_groups(self, tag: str) -> None:
        """Remove the control groups of nodes whose names begin with `tag`; their processes have ended."""
        self.probe(cgroups=True)
        if self.has_cgroups:
            command = ("sh", "-c", _REMOVE, "sh", str(self._mount_point), tag)
            subprocess.run(self.wrap(command), capture_output=True, check=False, env=self._env)

    def _inside(self, what: str, argv: Sequence[str]) -> list[str]:
        return [*self._unshare, "sh", "-c", _ENTER, "sh", what, str(self._mount_point), *argv]

    def _works(self, what: str) -> bool:
        argv = self._inside(what, ["true"])
        return subprocess.run(argv, capture_output=True, check=False, env=self._env).returncode == 0
