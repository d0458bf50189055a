"""Install what the tests need from the system, once a machine: ``python -m services.install``."""

from __future__ import annotations

import os
import sys

from services import (
    biomero_2,
    chromium,
    host,
    java,
    omero_grid,
    omero_py,
    podman,
    postgres,
    shellcheck,
    sshd,
    systemd,
)
from services.container_fixtures import ensure_all
from services.crate_validator import crate_validator
from services.packages import ensure_packages
from services.slurm_lab import ACCOUNTING_PACKAGES, PACKAGES


def main() -> None:
    """Install everything; say what is missing where that cannot be done."""
    if os.geteuid() != 0:
        sys.exit("the tests start Slurm and sshd and so need root: run `sudo make test`")
    sys.stdout.write("installing the system packages that are missing\n")
    ensure_packages((*PACKAGES, *ACCOUNTING_PACKAGES))
    for service in (sshd, java, chromium, postgres, omero_grid, shellcheck, podman, systemd, host):
        service.ensure_packages()
    ensure_all()
    crate_validator()
    biomero_2.ensure_environment()
    omero_py.ensure_all()
    omero_py.ensure_here()


if __name__ == "__main__":
    main()
