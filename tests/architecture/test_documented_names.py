"""Every name that the documentation and the published scripts use is there, with its signature."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from typing import Any

import pytest

import biomero
from biomero.slurm_client import SlurmClient, SlurmJob

PACKAGE = """
    SlurmClient WorkflowTracker NoOpWorkflowTracker WorkflowRun Task ResultDict JobAccounting JobProgress
    WorkflowProgress WorkflowAnalytics EngineManager JobView JobProgressView WorkflowProgressView
    TaskExecution retry_on_database_conflict constants database eventsourcing schema_parsers slurm_client
    views __version__
"""

MODULES = {
    "slurm_client": "SlurmClient SlurmJob",
    "eventsourcing": "WorkflowTracker NoOpWorkflowTracker WorkflowRun Task ResultDict",
    "views": "JobAccounting JobProgress WorkflowProgress WorkflowAnalytics",
    "database": (
        "EngineManager retry_on_database_conflict database_transaction "
        "JobView JobProgressView WorkflowProgressView TaskExecution"
    ),
    "constants": """
        slurm_env conversion workflow_batched workflow results transfer file_transfer workflow_status
        schema_formats IMAGE_EXPORT_SCRIPT IMAGE_IMPORT_SCRIPT CONVERSION_SCRIPT FILE_TRANSFER_SCRIPT
        RUN_WF_SCRIPT RUN_WF_BATCHED_SCRIPT LABELS_TO_ROIS_SCRIPT QUALITATIVE_COLOR_SCHEME CLEANUP
        resolve_workflow_color
    """,
    "schema_parsers": """
        detect_schema_format WorkflowDescriptorParser DescriptorParserFactory ParsedWorkflowDescriptor
        WorkflowDescriptorAdapter BiomeroSchemaAdapter BiaflowsSchemaAdapter BilayersSchemaAdapter
        create_class_instance convert_schema_type_to_omero convert_schema_type_to_omero_rtype
    """,
}

TRACKER = {
    "initiate_workflow": "name, description, user, group",
    "add_task_to_workflow": "workflow_id, task_name, task_version, input_data, kwargs",
    "start_workflow": "workflow_id",
    "complete_workflow": "workflow_id",
    "fail_workflow": "workflow_id, error_message",
    "start_task": "task_id",
    "complete_task": "task_id, message",
    "fail_task": "task_id, error_message",
    "add_job_id": "task_id, slurm_job_id",
    "add_result": "task_id, result",
    "update_task_status": "task_id, status",
    "update_task_progress": "task_id, progress",
}

CLIENT = {
    "__init__": (
        "host='slurm', user=None, port=None, config=None, gateway=None, forward_agent=None, "
        "connect_timeout=None, connect_kwargs=None, inline_ssh_env=True, slurm_data_path='my-scratch/data', "
        "slurm_images_path='my-scratch/singularity_images/workflows', "
        "slurm_converters_path='my-scratch/singularity_images/converters', slurm_model_paths=None, "
        "slurm_model_repos=None, slurm_model_images=None, converter_images=None, slurm_model_jobs=None, "
        "slurm_model_jobs_params=None, slurm_model_use_gpu=None, slurm_script_path='slurm-scripts', "
        "slurm_script_repo=None, init_slurm=False, track_workflows=True, enable_job_accounting=True, "
        "enable_job_progress=True, enable_workflow_analytics=True, sqlalchemy_url=None, config_only=False, "
        "slurm_data_bind_path=None, slurm_conversion_partition=None, slurm_default_partition=None, "
        "sacct_start_time=None, sacct_days_ago=None, env_file_submission=False, inject_gpu_flag=False, "
        "gpu_partition=None, gpu_gres=None, gpu_gpus=None, slurm_global_job_params=None, "
        "slurm_image_pull_via_sbatch=False, image_pull_cpus='8', image_pull_mem='32G', "
        "apptainer_tmpdir=None, apptainer_cachedir=None, slurm_zip_cmd=None, "
        "analytics_rebuild_start_time=None, analytics_rebuild_days_ago=None"
    ),
    "from_config": "configfile='', init_slurm=False, config_only=False",
    "get_authoritative_config_path": "",
    "get_config_paths": "configfile=''",
    "get_config_write_path": "",
    "load_config": "configfile=''",
    "_get_config_value": (
        "configs, section, option, default, env_vars=None, value_type=<class 'str'>, empty_is_none=False"
    ),
    "init_workflows": "force_update=False",
    "validate": "validate_slurm_setup=False",
    "setup_slurm": "",
    "setup_directories": "",
    "setup_job_scripts": "",
    "setup_converters": "",
    "setup_container_images": "",
    "list_available_converter_versions": "",
    "initialize_analytics_system": "reset_tables=False",
    "setup_listeners": "runner, reset_tables",
    "get_listeners": "runner",
    "_find_analytics_start_id": "",
    "bring_listener_uptodate": "listener, start=1",
    "run_commands": "cmdlist, env=None, sep=' && ', log_stdout=True",
    "run_commands_split_out": "cmdlist, env=None",
    "str_to_class": "module_name, class_name",
    "list_active_jobs": "env=None",
    "list_completed_jobs": "env=None",
    "list_all_jobs": "env=None",
    "get_jobs_info_command": (
        "start_time=None, end_time='now', columns='JobId', states='r,cd,f,to,rs,dl,nf'"
    ),
    "check_job_status": "slurm_job_ids, env=None",
    "get_job_status_command": "slurm_job_ids",
    "get_recent_log_command": "log_file, n=10",
    "get_active_job_progress": r"slurm_job_id, pattern='\\d+%', env=None",
    "transfer_data": "local_path",
    "unpack_data": "zipfile, env=None",
    "get_unzip_command": "zipfile, filter_filetypes='*.zarr *.ome.zarr *.tiff *.tif'",
    "zip_data_on_slurm_server": "data_location, filename, env=None",
    "get_zip_command": "data_location, filename",
    "copy_zip_locally": "local_tmp_storage, filename",
    "get_logfile_from_slurm": "slurm_job_id, local_tmp_storage='/tmp/', logfile=None",
    "get_conversion_logfile_from_slurm": "slurm_job_id, local_tmp_storage='/tmp/', logfile=None",
    "extract_data_location_from_log": "slurm_job_id=None, logfile=None",
    "cleanup_tmp_files": "slurm_job_id, filename=None, data_location=None, logfile=None",
    "generic_descriptor_from_github": "workflow",
    "pull_descriptor_from_github": "workflow",
    "_parse_descriptor_from_repo": "url, name",
    "get_workflow_parameters": "workflow",
    "get_file_attachment_params": "workflow",
    "convert_param_type_to_omtype": "param_type, _default",
    "get_or_create_github_session": "",
    "extract_parts_from_url": "url",
    "convert_url": "url, ext='.json'",
    "parse_docker_image_version": "image",
    "generate_slurm_job_for_workflow": "workflow, substitutes, template='job_template.sh'",
    "workflow_params_to_subs": "params",
    "workflow_template_subs": "descriptor",
    "workflow_bilayers_folder_params_to_subs": "descriptor",
    "_is_bilayers_workflow": "descriptor",
    "_get_bilayers_folder_flags": "descriptor",
    "_get_server_managed_params": "workflow, input_data",
    "update_slurm_scripts": "generate_jobs=False, env=None",
    "get_update_slurm_scripts_command": "",
    "run_workflow": "workflow_name, workflow_version, input_data, email=None, time=None, wf_id=None",
    "run_workflow_job": "workflow_name, workflow_version, input_data, email=None, time=None, wf_id=None",
    "run_conversion_workflow_job": "folder_name, source_format='zarr', target_format='tiff', wf_id=None",
    "get_workflow_command": "workflow, workflow_version, input_data, email=None, time=None",
    "get_conversion_command": "data_path, config_file, source_format='zarr', target_format='tiff'",
    "workflow_params_to_envvars": "",
    "get_cellpose_command": (
        "image_version, input_data, cp_model, nuc_channel, prob_threshold, cell_diameter, email=None, "
        "time=None, use_gpu=True, model='cellpose'"
    ),
    "extract_job_id": "result",
    "get_image_versions_and_data_files": "model",
    "get_all_image_versions_and_data_files": "",
    "_uses_infozip": "",
    "_get_infozip_unzip_command": "",
    "_get_infozip_filter_args": "filter_filetypes",
    "run": "command",
    "put": "local, remote=None",
    "get": "remote, local=None",
    "open": "",
    "close": "",
}
TAKES_MORE = {
    "convert_param_type_to_omtype",
    "get_workflow_command",
    "run_workflow",
    "run_workflow_job",
    "str_to_class",
    "workflow_params_to_envvars",
}

ATTRIBUTES = """
    host slurm_data_path slurm_images_path slurm_converters_path slurm_model_paths slurm_model_repos
    slurm_model_images converter_images slurm_model_jobs slurm_model_jobs_params slurm_model_use_gpu
    slurm_script_path slurm_script_repo track_workflows enable_job_accounting enable_job_progress
    enable_workflow_analytics sqlalchemy_url slurm_data_bind_path slurm_conversion_partition
    slurm_default_partition sacct_start_time sacct_days_ago env_file_submission inject_gpu_flag
    gpu_partition gpu_gres gpu_gpus slurm_global_job_params slurm_image_pull_via_sbatch image_pull_cpus
    image_pull_mem apptainer_tmpdir apptainer_cachedir slurm_zip_cmd analytics_rebuild_start_time
    analytics_rebuild_days_ago workflowTracker jobAccounting jobProgress wfProgress workflowAnalytics
    is_connected _DEFAULT_CONFIG_PATH_1 _DEFAULT_CONFIG_PATH_2 _DEFAULT_CONFIG_PATH_3 _OUT_SEP _LOGFILE
    _CONVERTER_LOGFILE _FOLDER_INPUT_TYPES _FILE_ATTACHMENT_TYPES _VERSION_CMD _CONVERTER_VERSION_CMD
    _DATA_CMD _ALL_JOBS_CMD _ACTIVE_JOBS_CMD _JOB_STATUS_CMD _TAIL_LOG_CMD _LOGFILE_DATA_CMD
"""

JOB_ATTRIBUTES = """
    job_id wf_id task_id slurm_polling_interval submit_result log_file ok job_state progress
    error_message
"""


def signature(function: Any) -> str:
    """Spell the documented part of a signature: what can be given by position, with defaults."""
    parameters = inspect.signature(function).parameters.values()
    shown = [
        p.name if p.default is p.empty else f"{p.name}={p.default!r}"
        for p in parameters
        if p.name not in {"self", "cls"} and p.kind is p.POSITIONAL_OR_KEYWORD
    ]
    return ", ".join(shown)


@pytest.mark.parametrize("name", PACKAGE.split())
def test_the_package_has(name: str) -> None:
    assert getattr(biomero, name) is not None
    assert name in dir(biomero)


@pytest.mark.parametrize(("module", "names"), MODULES.items())
def test_the_modules_have(module: str, names: str) -> None:
    found = importlib.import_module(f"biomero.{module}")
    assert [name for name in names.split() if not hasattr(found, name)] == []


@pytest.mark.parametrize(("name", "expected"), CLIENT.items())
def test_the_client_has(name: str, expected: str) -> None:
    assert signature(getattr(SlurmClient, name)) == expected


@pytest.mark.parametrize("name", sorted(TAKES_MORE))
def test_the_client_takes_any_further_keywords_for(name: str) -> None:
    kinds = {p.kind for p in inspect.signature(getattr(SlurmClient, name)).parameters.values()}
    assert inspect.Parameter.VAR_KEYWORD in kinds


def test_the_client_has_every_attribute() -> None:
    with SlurmClient(config_only=True) as client:
        assert [name for name in ATTRIBUTES.split() if not hasattr(client, name)] == []


def test_a_job_has_every_attribute_and_method() -> None:
    assert signature(SlurmJob) == (
        "submit_result, job_id, wf_id, task_id, slurm_polling_interval=10, log_file=None"
    )
    assert signature(SlurmJob.wait_for_completion) == "slurmClient, omeroConn"
    assert signature(SlurmJob.cleanup) == "slurmClient"
    assert signature(SlurmJob.completed) == signature(SlurmJob.get_error) == ""
    from biomero.slurm_client import Result  # noqa: PLC0415 - beside what it makes

    job = SlurmJob(Result(command="sbatch", stdout="Submitted batch job 7\n"), 7, None, None)
    assert [name for name in JOB_ATTRIBUTES.split() if not hasattr(job, name)] == []
    assert SlurmJob.SLURM_POLLING_INTERVAL == 10


@pytest.mark.parametrize("tracker", ["WorkflowTracker", "NoOpWorkflowTracker"])
@pytest.mark.parametrize(("name", "expected"), TRACKER.items())
def test_both_trackers_have(tracker: str, name: str, expected: str) -> None:
    assert signature(getattr(getattr(biomero, tracker), name)) == expected


def test_importing_the_package_loads_nothing_else() -> None:
    program = "import sys, biomero; print(*sorted(m for m in sys.modules if m.startswith('biomero.')))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []


def test_a_name_that_is_not_documented_is_refused() -> None:
    with pytest.raises(AttributeError, match="SlurmClerk"):
        biomero.SlurmClerk  # noqa: B018 - looking is what is tested
