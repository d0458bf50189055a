"""``slurm-config.ini``: where a facility says how its cluster is reached and used."""

from __future__ import annotations

import configparser
import dataclasses
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import biomero
from biomero.adapters.config.resources import resources_from
from biomero.application.settings import MIN_CHANNELS, RUNTIMES, ClusterSettings, Settings, WorkflowSettings
from biomero.errors import ConfigurationError

FILES = (Path("/etc/slurm-config.ini"), Path("/OMERO/slurm-config.ini"), Path("~/slurm-config.ini"))
"""Read in this order; a later file overrides an earlier one, key by key."""

_JOB_FLAG = re.compile(r"(?P<workflow>.+)_job_(?P<flag>[^_].*)")


def load_settings(
    file: Path | None = None,
    *,
    cluster: str | None = None,
    ssh_config: Path | None = None,
    environment: Mapping[str, str] = os.environ,
    files: Sequence[Path] = FILES,
) -> Settings:
    """Read the settings of this machine.

    Parameters
    ----------
    file
        A file to read after the usual ones.
    cluster
        The alias of the cluster to use; without one, jobs run on this machine.

    Raises
    ------
    ConfigurationError
        If a file is not readable or a value is not what its key wants.
    """
    parser = _read(file, files)
    section = parser["SLURM"] if parser.has_section("SLURM") else {}
    home = (
        environment.get("BIOMERO_STATE") or f"{environment.get('XDG_STATE_HOME') or '~/.local/state'}/biomero"
    )
    state = Path(home).expanduser().absolute()
    cache = Path(environment.get("XDG_CACHE_HOME") or "~/.cache").expanduser().absolute() / "biomero"
    chosen = (
        ClusterSettings(data_path=str(state / "cluster"), images_path=str(state / "images"))
        if cluster is None
        else _cluster(cluster, section, ssh_config)
    )
    return Settings(
        state_folder=state,
        cache_folder=cache,
        shipped_workflows=shipped_workflows(),
        cluster=chosen,
        workflows=_workflows(parser),
    )


def shipped_workflows() -> Path:
    """Return the folder of the reference workflows: in the package, or in the repository beside it."""
    package = Path(biomero.__file__).parent
    inside = package / "_workflows"
    return inside if inside.is_dir() else package.parents[1] / "workflows"


def _read(file: Path | None, files: Sequence[Path]) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(allow_no_value=True)
    if file is not None and not file.is_file():
        raise ConfigurationError(f"{file}: there is no such file of settings")
    for path in [*(f.expanduser() for f in files), *([file] if file else [])]:
        try:
            parser.read(path, encoding="utf-8")
        except configparser.Error as exc:
            raise ConfigurationError(f"{path}: {str(exc).replace(chr(10), ' ')}") from exc
        except (OSError, UnicodeDecodeError) as exc:
            raise ConfigurationError(f"{path} cannot be read: {exc}") from exc
    return parser


def _cluster(alias: str, section: Mapping[str, str], ssh_config: Path | None) -> ClusterSettings:
    base = ClusterSettings()
    flags = {
        key.removeprefix("sbatch_"): value or ""
        for key, value in section.items()
        if key.startswith("sbatch_")
    }
    if section.get("slurm_default_partition"):
        flags.setdefault("partition", section["slurm_default_partition"])
    resources = resources_from(flags, where="[SLURM] sbatch_")
    conversion = resources
    if section.get("slurm_conversion_partition"):
        conversion = dataclasses.replace(resources, partition=section["slurm_conversion_partition"])
    return ClusterSettings(
        name=alias,
        ssh_host=alias,
        ssh_config=ssh_config,
        data_path=section.get("slurm_data_path") or base.data_path,
        images_path=section.get("slurm_images_path") or base.images_path,
        converters_path=section.get("slurm_converters_path") or base.converters_path,
        resources=resources,
        conversion_resources=conversion,
        container_executable=section.get("container_executable") or None,
        container_modules=tuple((section.get("container_modules") or "").split()),
        conversion_runtime=_conversion_runtime(section),
        prologue=tuple(line for line in (section.get("job_prologue") or "").splitlines() if line.strip()),
        max_channels=_channels(section),
    )


def _channels(section: Mapping[str, str]) -> int:
    text = section.get("ssh_max_channels") or str(ClusterSettings().max_channels)
    if not text.isdecimal() or int(text) < MIN_CHANNELS:
        raise ConfigurationError(
            f"[SLURM] ssh_max_channels: a whole number from {MIN_CHANNELS} on is wanted, not {text!r}"
        )
    return int(text)


def _conversion_runtime(section: Mapping[str, str]) -> str:
    runtime = section.get("conversion_runtime") or "process"
    if runtime not in RUNTIMES:
        raise ConfigurationError(
            f"[SLURM] conversion_runtime: one of {', '.join(RUNTIMES)} is wanted, not {runtime!r}"
        )
    return runtime


def _workflows(parser: configparser.RawConfigParser) -> dict[str, WorkflowSettings]:
    keys: dict[str, str] = {}
    for name in ("MODELS", "WORKFLOWS"):  # the second is the newer name, and wins
        if parser.has_section(name):
            keys.update({k: v or "" for k, v in parser.items(name)})
    names = [key.removesuffix("_repo") for key, value in keys.items() if key.endswith("_repo") and value]
    found: dict[str, WorkflowSettings] = {}
    for name in names:
        flags = {
            match["flag"]: value
            for key, value in keys.items()
            if (match := _JOB_FLAG.fullmatch(key)) and match["workflow"] == name
        }
        found[name] = WorkflowSettings(
            reference=keys[f"{name}_repo"], resources=resources_from(flags, where=f"[WORKFLOWS] {name}_job_")
        )
    return found
