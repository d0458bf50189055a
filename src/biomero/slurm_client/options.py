"""The documented keywords of `SlurmClient`, and the settings that they stand for."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from biomero.application.settings import ClusterSettings, PullSettings, Settings, WorkflowSettings
from biomero.bootstrap import resources_from
from biomero.domain.job import JobResources
from biomero.errors import ConfigurationError

Keywords = dict[str, Any]
"""Values by the name of a keyword; their types are those of the documented signature."""

_CLUSTER = {
    "slurm_data_path": "data_path",
    "slurm_images_path": "images_path",
    "slurm_converters_path": "converters_path",
    "slurm_script_path": "script_path",
    "slurm_data_bind_path": "data_bind_path",
    "inject_gpu_flag": "injects_gpu_flag",
    "slurm_zip_cmd": "zip_command",
    "slurm_script_repo": "script_repository",
}
_ANALYTICS = {
    "track_workflows": "track_workflows",
    "enable_job_accounting": "enable_job_accounting",
    "enable_job_progress": "enable_job_progress",
    "enable_workflow_analytics": "enable_workflow_analytics",
    "sqlalchemy_url": "database_url",
    "analytics_rebuild_start_time": "rebuild_start_time",
    "analytics_rebuild_days_ago": "rebuild_days_ago",
}
_WORKFLOWS = (
    "slurm_model_paths",
    "slurm_model_repos",
    "slurm_model_jobs",
    "slurm_model_jobs_params",
    "slurm_model_use_gpu",
)
_GPU = {"gpu_partition": "partition", "gpu_gres": "gres", "gpu_gpus": "gpus"}
_PULLS = (
    "slurm_image_pull_via_sbatch",
    "image_pull_cpus",
    "image_pull_mem",
    "apptainer_tmpdir",
    "apptainer_cachedir",
)


def keywords_of(settings: Settings) -> Keywords:
    """Return the keywords that stand for settings."""
    cluster, analytics, workflows = settings.cluster, settings.analytics, settings.workflows
    partition = cluster.resources.partition
    pulls = cluster.pulls
    return {
        "host": cluster.ssh_host or cluster.name,
        **{keyword: getattr(cluster, name) for keyword, name in _CLUSTER.items()},
        **{keyword: getattr(analytics, name) for keyword, name in _ANALYTICS.items()},
        **{keyword: getattr(cluster.gpu, name) for keyword, name in _GPU.items()},
        "slurm_model_paths": {name: w.image_folder for name, w in workflows.items()},
        "slurm_model_repos": {name: w.reference for name, w in workflows.items()},
        "slurm_model_jobs": {name: w.job_script or f"jobs/{name}.sh" for name, w in workflows.items()},
        "slurm_model_jobs_params": {name: words_of(w.job_flags) for name, w in workflows.items()},
        "slurm_model_use_gpu": {name: w.uses_gpu for name, w in workflows.items()},
        "converter_images": dict(settings.converters) or None,
        "slurm_default_partition": partition,
        "slurm_conversion_partition": cluster.conversion_partition,
        "slurm_global_job_params": words_of(
            {name: value for name, value in flags_of(cluster.resources).items() if name != "partition"}
        ),
        "sacct_start_time": cluster.accounting_start,
        "sacct_days_ago": cluster.accounting_days,
        "slurm_image_pull_via_sbatch": pulls.as_job,
        "image_pull_cpus": str(pulls.resources.cpus or ""),
        "image_pull_mem": _memory(pulls.resources.memory_mb),
        "apptainer_tmpdir": pulls.temporary_folder,
        "apptainer_cachedir": pulls.cache_folder,
    }


def settings_with(settings: Settings, keywords: Keywords) -> Settings:
    """Return settings in which the keywords that say something else than they do are obeyed.

    Raises
    ------
    ConfigurationError
        If a keyword's value is not usable.
    """
    known = keywords_of(settings)
    changed = {name: value for name, value in keywords.items() if name in known and value != known[name]}
    analytics = {_ANALYTICS[name]: value for name, value in changed.items() if name in _ANALYTICS}
    return dataclasses.replace(
        settings,
        cluster=_cluster(settings.cluster, changed, keywords),
        workflows=_workflows(settings.workflows, keywords)
        if any(name in changed for name in _WORKFLOWS)
        else settings.workflows,
        converters=dict(keywords.get("converter_images") or {}),
        analytics=dataclasses.replace(settings.analytics, **analytics),
    )


def words_of(flags: Mapping[str, str]) -> list[str]:
    """Return ``sbatch``'s options as published scripts know them: text with a space before it.

    >>> words_of({"mem": "16G", "exclusive": ""})
    [' --mem=16G', ' --exclusive']
    """
    return [f" --{name}={value}" if value else f" --{name}" for name, value in flags.items()]


def flags_in(words: Sequence[str]) -> dict[str, str]:
    """Read such options.

    >>> flags_in([" --mem=16G", " --exclusive"])
    {'mem': '16G', 'exclusive': ''}

    Raises
    ------
    ConfigurationError
        If one is not a long option.
    """
    flags = {}
    for word in words:
        name, _, value = word.strip().partition("=")
        if not name.startswith("--") or not name[2:]:
            raise ConfigurationError(f"an option of sbatch is written like --mem=16G, not {word!r}")
        flags[name[2:]] = value
    return flags


def flags_of(resources: JobResources) -> dict[str, str]:
    """Return ``sbatch``'s options for resources.

    >>> flags_of(JobResources(cpus=4, memory_mb=2048, partition="gpu"))
    {'cpus-per-task': '4', 'mem': '2G', 'partition': 'gpu'}
    """
    spelt = {
        "cpus-per-task": str(resources.cpus or ""),
        "mem": _memory(resources.memory_mb),
        "time": str(resources.time_limit_min or ""),
        "partition": resources.partition,
        "account": resources.account,
        "qos": resources.qos,
        "gres": resources.gres,
        "gpus": resources.gpus,
        "constraint": resources.constraint,
        "exclude": resources.exclude,
        "mail-user": resources.mail_user,
        "mail-type": resources.mail_type,
        "comment": resources.comment,
    }
    return {**{name: value for name, value in spelt.items() if value}, **resources.extra}


def _cluster(cluster: ClusterSettings, changed: Keywords, keywords: Keywords) -> ClusterSettings:
    fields: dict[str, Any] = {_CLUSTER[name]: value for name, value in changed.items() if name in _CLUSTER}
    if "host" in changed:
        fields |= {"name": changed["host"], "ssh_host": changed["host"]}
    if any(name in changed for name in ("slurm_global_job_params", "slurm_default_partition")):
        flags = flags_in(keywords["slurm_global_job_params"] or ())
        if keywords["slurm_default_partition"]:
            flags["partition"] = keywords["slurm_default_partition"]
        fields["resources"] = resources_from(flags, where="slurm_global_job_params ")
    if keywords["slurm_conversion_partition"]:
        fields["conversion_partition"] = keywords["slurm_conversion_partition"]
    if any(name in changed for name in _GPU):
        fields["gpu"] = JobResources(
            partition=keywords["gpu_partition"] or None,
            gres=keywords["gpu_gres"] or None,
            gpus=keywords["gpu_gpus"] or None,
        )
    if keywords["sacct_start_time"]:
        fields["accounting_start"] = keywords["sacct_start_time"]
    if "sacct_days_ago" in changed:
        fields["accounting_days"] = keywords["sacct_days_ago"]
    if any(name in changed for name in _PULLS):
        fields["pulls"] = _pulls(keywords)
    return dataclasses.replace(cluster, **fields)


def _pulls(keywords: Keywords) -> PullSettings:
    asked = {"cpus-per-task": keywords["image_pull_cpus"], "mem": keywords["image_pull_mem"]}
    flags = {name: str(value) for name, value in asked.items() if value}
    return PullSettings(
        as_job=bool(keywords["slurm_image_pull_via_sbatch"]),
        resources=resources_from(flags, where="image_pull_"),
        temporary_folder=keywords["apptainer_tmpdir"] or None,
        cache_folder=keywords["apptainer_cachedir"] or None,
    )


def _workflows(known: Mapping[str, WorkflowSettings], keywords: Keywords) -> dict[str, WorkflowSettings]:
    repositories = keywords["slurm_model_repos"]
    return {name: _workflow(name, known.get(name), keywords) for name in repositories}


def _workflow(name: str, known: WorkflowSettings | None, keywords: Keywords) -> WorkflowSettings:
    repository = keywords["slurm_model_repos"][name]
    before = known or WorkflowSettings(reference=repository)
    flags = flags_in(keywords["slurm_model_jobs_params"].get(name, ()))
    script = keywords["slurm_model_jobs"].get(name)
    usual = f"jobs/{name}.sh"  # what a workflow without a script of its own is said to have
    return dataclasses.replace(
        before,
        reference=repository,
        resources=resources_from(flags, where=f"slurm_model_jobs_params of {name}: "),
        image_folder=keywords["slurm_model_paths"].get(name, ""),
        job_script=before.job_script if script in (None, usual) else script,
        job_flags=flags,
        uses_gpu=bool(keywords["slurm_model_use_gpu"].get(name, False)),
    )


def _memory(megabytes: int | None) -> str:
    if not megabytes:
        return ""
    return f"{megabytes // 1024}G" if megabytes % 1024 == 0 else f"{megabytes}M"
