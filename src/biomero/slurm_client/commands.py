"""Documented calls that return shell text, for scripts that run commands themselves."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from biomero.adapters.system import SystemClock
from biomero.domain.image_reference import ImageReference
from biomero.domain.job import JobResources
from biomero.domain.look_back import days_before
from biomero.domain.resources import merge_resources
from biomero.errors import UnknownWorkflowError
from biomero.slurm_client import texts
from biomero.slurm_client.descriptors import DescriptorCalls
from biomero.slurm_client.options import flags_of

_BILAYERS = "bilayers"


class CommandTexts(DescriptorCalls):
    """Says the commands; running them is the script's own affair, and `run_workflow` uses none of them."""

    _LOGFILE = "omero-{slurm_job_id}.log"
    _CONVERTER_LOGFILE = "omero-{slurm_job_id}_*.log"
    _OUT_SEP = "--split--"
    # Kept for scripts that read them; nothing here runs them. A value is to be quoted (`shlex.quote`) before
    # it is put in: none of the places stands between quotes.
    _VERSION_CMD = "ls {slurm_images_path}/{image_path}"
    _CONVERTER_VERSION_CMD = "ls {converter_path}"
    _DATA_CMD = "ls {slurm_data_path}"
    _ALL_JOBS_CMD = "sacct --starttime {start_time} --endtime {end_time} --state {states} -o {columns} -n -X"
    _ACTIVE_JOBS_CMD = "squeue --me --noheader --format=%i"
    _JOB_STATUS_CMD = "sacct -n -o JobId,State,End -X -j {slurm_job_id}"
    _TAIL_LOG_CMD = "tail -n {n} {log_file}"
    _LOGFILE_DATA_CMD = "cat {log_file}"

    def get_jobs_info_command(
        self,
        start_time: str | None = None,
        end_time: str = "now",
        columns: str = "JobId",
        states: str = "r,cd,f,to,rs,dl,nf",
    ) -> str:
        """Return the command that lists jobs; without a time, from the configured one on."""
        return texts.jobs_text(
            start=start_time or self._accounting_start(), end=end_time, columns=columns, states=states
        )

    def get_job_status_command(self, slurm_job_ids: Iterable[int | str]) -> str:
        """Return the command that reports on jobs."""
        return texts.status_text(slurm_job_ids)

    def get_recent_log_command(self, log_file: str, n: int = 10) -> str:
        """Return the command that shows the last lines of a log."""
        return texts.tail_text(log_file, n)

    def get_zip_command(self, data_location: str, filename: str) -> str:
        """Return the command that packs ``data/out`` of a data folder."""
        return texts.zip_text(self.slurm_zip_cmd, data_location, filename)

    def get_unzip_command(
        self, zipfile: str, filter_filetypes: str = "*.zarr *.ome.zarr *.tiff *.tif"
    ) -> str:
        """Return the command that unpacks an archive of the data folder into its ``data/in``."""
        return texts.unzip_text(self.slurm_zip_cmd, self.slurm_data_path, zipfile, filter_filetypes)

    def _uses_infozip(self) -> bool:
        return texts.is_infozip(self.slurm_zip_cmd)

    def _get_infozip_unzip_command(self) -> str:
        return (self.slurm_zip_cmd or "zip").removesuffix("zip") + "unzip"

    def _get_infozip_filter_args(self, filter_filetypes: str) -> list[str]:
        return [word for pattern in filter_filetypes.split() for word in (pattern, f"{pattern}/*")]

    def get_update_slurm_scripts_command(self) -> str:
        """Return the command that updates a clone of the facility's job scripts."""
        return shlex.join(("git", "-C", self.slurm_script_path, "pull"))

    def get_workflow_command(
        self,
        workflow: str,
        workflow_version: str,
        input_data: str,
        email: str | None = None,
        time: str | None = None,
        **kwargs: Any,  # noqa: ANN401 - a parameter is of any type
    ) -> tuple[str, dict[str, str]]:
        """Return the command that submits a workflow's job script, and the variables for it.

        Raises
        ------
        UnknownWorkflowError
            If no workflow of that name is configured, or comes along with BIOMERO.
        """
        jobs = self._job_files()
        if workflow not in jobs:
            known = ", ".join(sorted(jobs)) or "none"
            raise UnknownWorkflowError(f"no workflow {workflow!r}; known: {known}")
        use_gpu = kwargs.pop("use_gpu", None)
        flags = flags_of(self._resources_of(workflow, use_gpu=use_gpu))
        flags |= {"time": time} if time else {}
        flags |= {"mail-user": email} if email else {}
        script = f"{self.slurm_script_path}/{jobs[workflow]}"
        image_path = self.slurm_model_paths.get(workflow, "")
        env = {
            "DATA_PATH": f"{self.slurm_data_path}/{input_data}",
            "IMAGE_PATH": f"{self.slurm_images_path}/{image_path}".rstrip("/"),
            "IMAGE_VERSION": str(workflow_version),
            "SINGULARITY_IMAGE": self._image_file(workflow, str(workflow_version)),
            "SCRIPT_PATH": self.slurm_script_path,
            **self._bind_variable(),
            **self.workflow_params_to_envvars(**kwargs),
        }
        return texts.sbatch_text(flags, script), env

    def get_conversion_command(
        self, data_path: str, config_file: str, source_format: str = "zarr", target_format: str = "tiff"
    ) -> tuple[str, dict[str, str], str, str]:
        """Return the command that submits the conversion's job script, variables, converter and version."""
        converter = f"convert_{source_format}_to_{target_format}"
        image = (self.converter_images or {}).get(f"{source_format}_to_{target_format}", converter)
        version = self.parse_docker_image_version(image)[0] or "latest"
        settings = self._settings.cluster
        flags = flags_of(settings.conversion_resources) | {"job-name": "conversion", "export": "ALL"}
        env = {
            "DATA_PATH": f"{self.slurm_data_path}/{data_path}",
            "CONVERSION_PATH": self.slurm_converters_path,
            "CONVERTER_IMAGE": f"{converter}_{version}.sif",
            "SCRIPT_PATH": self.slurm_script_path,
            "CONFIG_FILE": config_file,
            **self._bind_variable(),
        }
        if self.slurm_conversion_partition:
            env["CONVERSION_PARTITION"] = self.slurm_conversion_partition
        script = f"{self.slurm_script_path}/convert_job_array.sh"
        return texts.sbatch_text(flags, script), env, converter, version

    def get_cellpose_command(
        self,
        image_version: str,
        input_data: str,
        cp_model: str,
        nuc_channel: str,
        prob_threshold: str,
        cell_diameter: str,
        email: str | None = None,
        time: str | None = None,
        use_gpu: bool = True,
        model: str = "cellpose",
    ) -> tuple[str, dict[str, str]]:
        """Return `get_workflow_command` for Cellpose, as an example."""
        return self.get_workflow_command(
            model,
            image_version,
            input_data,
            email,
            time,
            use_gpu=use_gpu,
            diameter=cell_diameter,
            prob_threshold=prob_threshold,
            nuc_channel=nuc_channel,
            cp_model=cp_model,
        )

    def workflow_params_to_envvars(self, **kwargs: Any) -> dict[str, str]:  # noqa: ANN401 - a parameter is of any type
        """Return the variables for parameters; values are as they are, and unset ones are left out.

        Raises
        ------
        ParameterError
            If a variable would be one that shells, Slurm or the job script read.
        """
        return {
            texts.parameter_variable(name): str(value) for name, value in kwargs.items() if value is not None
        }

    def workflow_params_to_subs(self, params: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
        """Return what a job script's template wants of parameters."""
        return {"PARAMS": texts.parameter_lines(params)}

    def workflow_template_subs(self, descriptor: Mapping[str, Any]) -> dict[str, str]:
        """Return what a job script's template wants of a descriptor in the words of biomero-schema."""
        if self._is_bilayers_workflow(descriptor):
            return self.workflow_bilayers_folder_params_to_subs(descriptor)
        folders = {"--infolder": "in", "--gtfolder": "gt", "--outfolder": "out"}
        words = " ".join(texts.folder_words(flag, place) for flag, place in folders.items())
        return {"WF_TYPE": "biaflows", "INPARAMS": words, "OUTPARAMS": "", "EXTRAPARAMS": "--local -nmc"}

    def workflow_bilayers_folder_params_to_subs(self, descriptor: Mapping[str, Any]) -> dict[str, str]:
        """Return what a job script's template wants of the folders of a bilayers workflow."""
        inputs, outputs = self._get_bilayers_folder_flags(descriptor)
        return {
            "WF_TYPE": _BILAYERS,
            "INPARAMS": " ".join(texts.folder_words(flag, "in") for flag in inputs),
            "OUTPARAMS": " ".join(texts.folder_words(flag, "out") for flag in outputs),
            "EXTRAPARAMS": "",
        }

    def generate_slurm_job_for_workflow(
        self, workflow: str, substitutes: Mapping[str, str], template: str = "job_template.sh"
    ) -> str:
        """Return a job script for submitting a workflow by hand."""
        return texts.job_text(workflow, substitutes, template)

    def _is_bilayers_workflow(self, descriptor: Mapping[str, Any]) -> bool:
        return str(descriptor.get("schema-version", "")).startswith(_BILAYERS)

    def _get_bilayers_folder_flags(self, descriptor: Mapping[str, Any]) -> tuple[list[str], list[str]]:
        inputs = [
            entry["command-line-flag"]
            for entry in descriptor.get("inputs", [])
            if entry["type"] in self._FOLDER_INPUT_TYPES
            and not entry.get("file-attachment")
            and not entry.get("optional")
            and entry.get("command-line-flag")
        ]
        made = [*descriptor.get("inputs", []), *descriptor.get("outputs", [])]
        wanted = [e for e in made if e.get("output-dir-set") or "output-dir-set" not in e]
        outputs = [e["command-line-flag"] for e in wanted if e.get("command-line-flag")]
        return inputs, list(dict.fromkeys(outputs))

    def _get_server_managed_params(self, workflow: str, input_data: str) -> dict[str, str]:
        folder = f"{self.slurm_data_path}/{input_data}/data"
        inputs = self.generic_descriptor_from_github(workflow)["inputs"]
        return {
            entry["id"]: f"{folder}/out" if entry["output-dir-set"] else f"{folder}/in"
            for entry in inputs
            if entry["set-by-server"] and entry["type"] in (*self._FOLDER_INPUT_TYPES, "string")
        }

    def _resources_of(self, workflow: str, *, use_gpu: bool | None) -> JobResources:
        """Everybody's word on a job: the facility's for this workflow counts most."""
        settings = self._settings
        own = settings.workflows.get(workflow)
        by_workflow = bool(own and own.uses_gpu)
        wants_gpu = bool(use_gpu) if self.inject_gpu_flag and use_gpu is not None else by_workflow
        return merge_resources(
            settings.cluster.resources,
            settings.cluster.gpu if wants_gpu else JobResources(),
            own.resources if own else JobResources(),
        )

    def _job_files(self) -> dict[str, str]:
        """Return the job script of each workflow by name, also of those that come along with BIOMERO."""
        return {name: f"jobs/{name}.sh" for name in self._catalogue.names()} | self.slurm_model_jobs

    def _bind_variable(self) -> dict[str, str]:
        return {"APPTAINER_BINDPATH": self.slurm_data_bind_path} if self.slurm_data_bind_path else {}

    def _image_file(self, workflow: str, version: str) -> str:
        image = self.slurm_model_images.get(workflow) or workflow.lower()
        return ImageReference.parse(image).at(version).file_names[0]

    def _accounting_start(self) -> str:
        settings = self._settings.cluster
        if settings.accounting_days is None:
            return settings.accounting_start
        return str(days_before(SystemClock().now(), settings.accounting_days).date())
