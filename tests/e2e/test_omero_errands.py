"""Results once more, and images on a real Slurm cluster: a worker as a process, and OMERO's test server."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.biologist import Biologist, omero_variables
from services.command import User
from services.errand_story import short_path, tell_the_story
from services.omero_server import OmeroServer
from services.slurm_lab import SlurmLab
from services.worker_process import worker_process

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.sshd,
    pytest.mark.omero,
    pytest.mark.slow,
    pytest.mark.timeout(900),
]


def test_scripts_have_results_imported_once_more_and_images_sent_and_converted(
    cluster_user: User, omero_server: OmeroServer, slurm_lab: SlurmLab
) -> None:
    home = cluster_user.home
    with short_path() as socket:
        settings = home / "slurm-config.ini"
        settings.write_text(
            f"[SSH]\nhost = {slurm_lab.alias}\n[SLURM]\nssh_config = {slurm_lab.ssh_config}\n"
            "slurm_data_path = biomero/data\nslurm_images_path = biomero/images\n"
        )
        variables = {
            **cluster_user.variables,
            **omero_variables(omero_server, home),
            "BIOMERO_ENGINE_SOCKET": str(socket),
            "BIOMERO_SLURM_CONFIG_FILE": str(settings),
        }
        shell = replace(cluster_user, variables=variables, cluster=())
        with worker_process(shell) as worker:
            tell_the_story(Biologist(omero_server, shell, "rwra--", name="fay"), worker, socket)
