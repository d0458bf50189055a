"""Files of settings."""

from biomero.adapters.config.change import Changed, change_setting
from biomero.adapters.config.configuration import Configuration, read_configuration
from biomero.adapters.config.load import Judged, judge, load_settings
from biomero.adapters.config.places import FILES, authoritative_path, config_paths, local_path, write_path
from biomero.adapters.config.problems import Origin, Problem
from biomero.adapters.config.reference import reference_markdown, sample_ini
from biomero.adapters.config.resources import resources_from
from biomero.adapters.config.show import Row, rows
from biomero.adapters.config.watch import ConfigurationWatch

__all__ = [
    "FILES",
    "Changed",
    "Configuration",
    "ConfigurationWatch",
    "Judged",
    "Origin",
    "Problem",
    "Row",
    "authoritative_path",
    "change_setting",
    "config_paths",
    "judge",
    "load_settings",
    "local_path",
    "read_configuration",
    "reference_markdown",
    "resources_from",
    "rows",
    "sample_ini",
    "write_path",
]
