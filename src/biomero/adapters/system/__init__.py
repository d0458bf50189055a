"""The machine's clock and its files as locks."""

from biomero.adapters.system.clock import SystemClock
from biomero.adapters.system.locks import FileLocks

__all__ = ["FileLocks", "SystemClock"]
