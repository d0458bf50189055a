"""The machine's clock, and its processes as workers."""

from biomero.adapters.system.clock import SystemClock
from biomero.adapters.system.only_one import only_one
from biomero.adapters.system.workers import is_gone, this_machine, this_worker

__all__ = ["SystemClock", "is_gone", "only_one", "this_machine", "this_worker"]
