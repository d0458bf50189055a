"""Files of settings."""

from biomero.adapters.config.ini import load_settings
from biomero.adapters.config.resources import resources_from

__all__ = ["load_settings", "resources_from"]
