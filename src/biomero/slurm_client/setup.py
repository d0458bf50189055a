"""Documented calls that check and prepare a cluster."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping

from biomero.application.list_versions import converter_versions
from biomero.application.prepare_cluster import (
    Outcome,
    PreparedItem,
    prepare_converters,
    prepare_folders,
    prepare_workflows,
)
from biomero.application.script_api.job_scripts import clone_job_scripts, write_job_scripts
from biomero.errors import BiomeroError, ContainerImageError, UsageError
from biomero.slurm_client.commands import CommandTexts
from biomero.slurm_client.connection import ConnectionCalls
from biomero.slurm_client.result import Result
from biomero.slurm_client.texts import parameter_lines

logger = logging.getLogger("biomero.slurm_client")

CHECK_TIMEOUT_S = 10.0
"""How long `validate` waits for an answer once it is logged in."""


class SetupCalls(ConnectionCalls, CommandTexts):
    """Makes folders, job scripts, converters and container images ready; a second time changes nothing."""

    def validate(self, validate_slurm_setup: bool = False) -> bool:
        """Say whether the cluster can be reached; why not, is logged.

        Parameters
        ----------
        validate_slurm_setup
            Prepare the cluster too, as `setup_slurm` does.
        """
        try:
            ended = self._cluster.shell.run(("true",), timeout_s=CHECK_TIMEOUT_S)
            if ended.ok and validate_slurm_setup:
                self.setup_slurm()
        except BiomeroError as exc:
            logger.error("%s is not usable: %s", self.host, exc)  # noqa: TRY400 - the trace says nothing more
            return False
        return ended.ok

    def setup_slurm(self) -> None:
        """Prepare the cluster: folders, job scripts, converters, container images.

        Raises
        ------
        ContainerImageError
            If something cannot be had; everything else is ready then.
        ClusterError
            If the cluster cannot be reached or a folder cannot be made.
        """
        steps = (self.setup_directories, self.setup_job_scripts)
        later = (self.setup_converters, self.setup_container_images)
        failed = [result.stderr for step in (*steps, *later) if not (result := step()).ok]
        if failed:
            raise ContainerImageError(f"the cluster is not ready: {'; '.join(failed)}")

    def setup_directories(self) -> Result:
        """Make the folders for data, job scripts, images and converters."""
        return _told("folders", prepare_folders(self._cluster))

    def setup_job_scripts(self) -> Result:
        """See `update_slurm_scripts`."""
        return self.update_slurm_scripts(generate_jobs=True)

    def setup_converters(self) -> Result:
        """Fetch the images of converters, and make our own converter ready."""
        return _told("converters", prepare_converters(self._cluster, self._scripts))

    def setup_container_images(self) -> Result:
        """Fetch the images of all workflows, each checked and whole or not at all."""
        return _told("images", prepare_workflows(self._cluster, self._scripts))

    def update_slurm_scripts(
        self, generate_jobs: bool = False, env: Mapping[str, str] | None = None
    ) -> Result:
        """Update the clone of the facility's job scripts, or write ours, which are for submitting by hand.

        `run_workflow` writes a script of its own for each run, so that no run is disturbed.

        Parameters
        ----------
        generate_jobs
            Write ours also where the facility has its own.
        """
        if self.slurm_script_repo and not generate_jobs:
            clone_job_scripts(self._scripts)
            return Result(command=self.get_update_slurm_scripts_command(), env=env or {})
        if self.slurm_script_repo:
            clone_job_scripts(self._scripts)
        scripts = dict(self._job_scripts())
        write_job_scripts(self._scripts, scripts)
        said = "".join(f"{self.slurm_script_path}/{name}\n" for name in scripts)
        return Result(command=f"write job scripts to {self.slurm_script_path}", stdout=said, env=env or {})

    def list_available_converter_versions(self) -> dict[str, list[str]]:
        """Return the versions of converters whose images are on the cluster, by the converter's name."""
        return converter_versions(self._cluster)

    def _job_scripts(self) -> Iterator[tuple[str, str]]:
        """Yield the name and text of each workflow's job script; one that cannot be described has none."""
        for workflow, script in self._job_files().items():
            try:
                described = self.generic_descriptor_from_github(workflow)
                parameters = self.get_workflow_parameters(workflow)
            except UsageError as exc:
                logger.warning("no job script is written for %s: %s", workflow, exc)
                continue
            gpu = "--nv" if self.slurm_model_use_gpu.get(workflow) else ""
            substitutes = {
                **self.workflow_template_subs(described),
                "PARAMS": parameter_lines(parameters, switches=self._is_bilayers_workflow(described)),
                "GPU_FLAG": gpu,
            }
            yield script, self.generate_slurm_job_for_workflow(workflow, substitutes)


def _told(what: str, items: Iterable[PreparedItem]) -> Result:
    """Say what became of each item; what cannot be had is logged too."""
    said, failed = [], []
    for item in items:
        said.append(f"{item.kind} {item.name}: {item.outcome.value} {item.detail}".rstrip())
        if item.outcome is Outcome.FAILED:
            failed.append(f"{item.kind} {item.name}: {item.detail}")
            logger.error("%s %s cannot be had: %s", item.kind, item.name, item.detail)
    return Result(
        command=f"prepare {what}",
        stdout="".join(f"{line}\n" for line in said),
        stderr="\n".join(failed),
        exited=1 if failed else 0,
    )
