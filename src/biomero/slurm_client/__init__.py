"""Documented names around a cluster: `SlurmClient`, `SlurmJob`, and what their calls give back."""

from biomero.slurm_client.client import SlurmClient
from biomero.slurm_client.job import SlurmJob
from biomero.slurm_client.result import Result, TransferResult

__all__ = ["Result", "SlurmClient", "SlurmJob", "TransferResult"]
