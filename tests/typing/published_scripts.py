"""The documented API as published scripts and the web plugin use it: mypy reads this file, nobody runs it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any
from uuid import UUID

from biomero import SlurmClient, WorkflowTracker, constants
from biomero.constants import transfer, workflow, workflow_batched
from biomero.schema_parsers import WorkflowDescriptorParser, detect_schema_format
from biomero.slurm_client import SlurmClient as TheSame
from biomero.slurm_client import SlurmJob

logger = logging.getLogger(__name__)


def show_what_there_is() -> tuple[dict[str, list[str]], list[str]]:
    """What a dialog is made of."""
    with SlurmClient.from_config() as client:
        description = f"Runs a workflow. Connection ready? {client.validate()}"
        images, data = client.get_all_image_versions_and_data_files()
        versions, _ = client.get_image_versions_and_data_files("cellpose")
        for name in client.slurm_model_images:
            described = client.generic_descriptor_from_github(name)
            for key, parameter in client.get_workflow_parameters(name).items():
                made = client.convert_param_type_to_omtype(
                    parameter["type"],
                    parameter["default"],
                    key,
                    description=parameter["description"],
                    default=parameter["default"],
                    grouping="03.1",
                    optional=parameter["optional"],
                )
                made._name = f"{name}_|_{key}"
                logger.info("%s %s %s %s", described["description"], made, versions, description)
        for name, repository in client.slurm_model_repos.items():
            parts, version = client.extract_parts_from_url(repository)
            logger.info("%s %s %s %s", name, parts[3], version, client.slurm_model_jobs.get(name))
        return images, data


def edit_settings() -> list[str]:
    """What the web plugin's editor asks."""
    with SlurmClient.from_config(config_only=True) as client:
        usual = [
            SlurmClient._DEFAULT_CONFIG_PATH_1,
            SlurmClient._DEFAULT_CONFIG_PATH_2,
            SlurmClient._DEFAULT_CONFIG_PATH_3,
        ]
        logger.info("%s", client.pull_descriptor_from_github("cellpose")["inputs"])
        return [*usual, *SlurmClient.get_config_paths(), SlurmClient.get_config_write_path()]


def run(conn: Any, archive: Path, params: dict[str, Any]) -> UUID | None:
    """The order of calls of a whole run."""
    with SlurmClient.from_config(configfile="") as client:
        wf_id = client.workflowTracker.initiate_workflow("cellpose", "a test", 1, 2)
        sent = client.transfer_data(archive)
        unpacked = client.unpack_data(archive.stem)
        logger.info("%s %s %s", sent.local, sent.remote, unpacked.stdout)
        scripts = client.update_slurm_scripts()
        logger.debug("%s", scripts.__dict__)

        conversion: SlurmJob = client.run_conversion_workflow_job(archive.stem, "zarr", "tiff", wf_id)
        if not conversion.ok:
            raise RuntimeError(conversion.get_error())
        conversion.wait_for_completion(client, conn)
        if not conversion.completed():
            raise RuntimeError(conversion.get_error())
        conversion.cleanup(client)

        result, job_id, wf_id, task_id = client.run_workflow(
            workflow_name="cellpose",
            workflow_version="v1.4.0",
            input_data=archive.stem,
            email=None,
            time=None,
            wf_id=wf_id,
            **params,
        )
        logger.info("%s %s %s", result.ok, result.stdout, result.command)
        states, asked = client.check_job_status([job_id])
        if states[job_id] == "COMPLETED" and asked.ok and task_id is not None:
            client.workflowTracker.complete_task(task_id, "done")
        progress: str | None = client.get_active_job_progress(job_id)
        logger.info("%s", progress)

        place = client.extract_data_location_from_log(job_id)
        client.zip_data_on_slurm_server(place, f"{job_id}_out")
        client.copy_zip_locally(".", f"{place}/{job_id}_out")
        folder, log, fetched = client.get_logfile_from_slurm(str(job_id))
        logger.info("%s %s %s", folder, log, fetched)
        client.cleanup_tmp_files(job_id, f"{job_id}_out", place)
        if wf_id is not None:
            client.workflowTracker.complete_workflow(wf_id)
        return wf_id


def look_at_jobs() -> list[str]:
    """What the scripts for results ask."""
    with SlurmClient.from_config() as client:
        task_id = client.jobAccounting.get_task_id(12)
        task = client.workflowTracker.repository.get(str(task_id))
        logger.info("%s", task)
        if client.run("test -f a", warn=True).exited == 0:
            logger.info("%s", client.run_commands(["echo a", "echo b"]).stdout)
        client.put(local="a.csv", remote="my-scratch/data/a.csv")
        return [*client.list_active_jobs(), *client.list_completed_jobs(), *client.list_all_jobs()]


def prepare() -> dict[str, list[str]]:
    """What the script for a new installation calls."""
    with TheSame.from_config(init_slurm=False) as client:
        client.setup_directories()
        client.setup_job_scripts()
        client.setup_converters()
        client.setup_container_images()
        client.analytics_rebuild_days_ago = 30
        client.analytics_rebuild_start_time = None
        client.initialize_analytics_system(reset_tables=True)
        return client.list_available_converter_versions()


def look_at_the_record(client: SlurmClient) -> None:
    """What the documentation shows of the record."""
    tracker = client.workflowTracker
    tracker.notification_log.section_size = 100
    tracker.notification_log.select(54, 10)
    tracker.notification_log.select(start=1, limit=10)
    tracker.pull_and_process(leader_name=WorkflowTracker.__name__, start=1)
    client.wfProgress.recorder.max_tracking_id(application_name="WorkflowTracker")
    client.bring_listener_uptodate(client.wfProgress, start=1)


def use_constants() -> tuple[str, ...]:
    """Names that scripts and the web plugin share."""
    return (
        constants.RUN_WF_SCRIPT,
        constants.results.OUTPUT_SLURM_JOB_ID,
        constants.workflow_status.JOB_STATUS + "RUNNING",
        workflow.EMAIL,
        workflow_batched.BATCH_SIZE,
        transfer.FORMAT_OMEZARR,
        constants.resolve_workflow_color(None, "00000000-0000-0000-0000-000000000000"),
    )


def read_a_descriptor(descriptor: dict[str, Any]) -> Any:
    """What programs do that read descriptors themselves."""
    logger.info("%s", detect_schema_format(descriptor))
    return WorkflowDescriptorParser.parse_descriptor(descriptor, "blur")
