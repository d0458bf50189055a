"""Workflow Run RO-Crates (RO-Crate 1.1, Process Run Crate 0.5), written as plain JSON-LD."""

from biomero.adapters.rocrate.writer import RoCrates

__all__ = ["RoCrates"]
