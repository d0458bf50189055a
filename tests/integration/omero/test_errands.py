"""Results once more, and images on the cluster: a worker as a process, and OMERO's test server."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.biologist import Biologist, omero_variables
from services.command import User
from services.errand_story import short_path, tell_the_story
from services.omero_server import OmeroServer
from services.worker_process import worker_process

pytestmark = [pytest.mark.omero, pytest.mark.slow, pytest.mark.timeout(900)]


def test_scripts_have_results_imported_once_more_and_images_sent_and_converted(
    tmp_path: Path, omero_server: OmeroServer
) -> None:
    with short_path() as socket:
        settings = tmp_path / "slurm-config.ini"
        settings.write_text(f"[SLURM]\nslurm_data_path = {tmp_path}/data\n")
        variables = {
            **omero_variables(omero_server, tmp_path),
            "BIOMERO_ENGINE_SOCKET": str(socket),
            "BIOMERO_SLURM_CONFIG_FILE": str(settings),
        }
        shell = User(home=tmp_path, variables=variables)
        with worker_process(shell) as worker:
            tell_the_story(Biologist(omero_server, shell, "rwra--", name="eve"), worker, socket)
