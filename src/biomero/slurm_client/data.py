"""Documented calls around data folders on the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from biomero.application.script_api import clean_up, job_notes, read_logs, results, send, unpack
from biomero.slurm_client.result import Result, TransferResult
from biomero.slurm_client.state import ClientState

Env = Mapping[str, str] | None
"""Variables that 2.x took for its commands; nothing here reads them."""


class DataCalls(ClientState):
    """Sends data, unpacks it, packs and fetches results and logs, and cleans up."""

    def transfer_data(self, local_path: str | Path) -> TransferResult:
        """Send a zip or a folder to the data folder; see `send.transfer_data`."""
        sent = send.transfer_data(self._scripts, Path(local_path))
        return TransferResult(local=sent.local, remote=sent.remote)

    def unpack_data(self, zipfile: str, env: Env = None) -> Result:
        """Unpack what was sent into ``<name>/data/in``; see `unpack.unpack_data`."""
        unpacked = unpack.unpack_data(self._scripts, zipfile)
        said = "".join(f"{name}\n" for name in unpacked.names)
        return Result(command=f"{unpacked.tool} {unpacked.folder.zip}", stdout=said, env=env or {})

    def zip_data_on_slurm_server(self, data_location: str, filename: str, env: Env = None) -> Result:
        """Pack what a workflow wrote into ``<data_location>/<filename>.zip``; see `results.zip_results`."""
        archive = results.zip_results(self._scripts, data_location, filename)
        return Result(command=f"zip {archive}", stdout=f"{archive}\n", env=env or {})

    def copy_zip_locally(self, local_tmp_storage: str | Path, filename: str) -> TransferResult:
        """Fetch ``<filename>.zip``, a path on the cluster; see `results.copy_zip`."""
        fetched = results.copy_zip(self._scripts, Path(local_tmp_storage), filename)
        return TransferResult(local=fetched.local, remote=fetched.remote)

    def get_logfile_from_slurm(
        self,
        slurm_job_id: int | str,
        local_tmp_storage: str | Path = "/tmp/",  # noqa: S108 - documented; the log gets a folder of its own there
        logfile: str | None = None,
    ) -> tuple[str, str, TransferResult]:
        """Fetch a job's log; return the local folder, the file, the transfer. See `read_logs.fetch_log`."""
        fetched = read_logs.fetch_log(self._scripts, slurm_job_id, Path(local_tmp_storage), logfile=logfile)
        return fetched.folder, fetched.path, TransferResult(local=fetched.path, remote=fetched.remote)

    def get_conversion_logfile_from_slurm(
        self,
        slurm_job_id: int | str,
        local_tmp_storage: str | Path = "/tmp/",  # noqa: S108 - documented; the log gets a folder of its own there
        logfile: str | None = None,
    ) -> tuple[str, str, TransferResult]:
        """Fetch the logs of all tasks of a conversion as one; see `read_logs.fetch_conversion_log`."""
        fetched = read_logs.fetch_conversion_log(
            self._scripts, slurm_job_id, Path(local_tmp_storage), logfile=logfile
        )
        return fetched.folder, fetched.path, TransferResult(local=fetched.path, remote=fetched.remote)

    def extract_data_location_from_log(
        self, slurm_job_id: int | str | None = None, logfile: str | None = None
    ) -> str:
        """Return the data folder that a job works in; no log is read. See `job_notes.data_location`."""
        return job_notes.data_location(self._scripts, slurm_job_id, logfile=logfile)

    def cleanup_tmp_files(
        self,
        slurm_job_id: int | str,
        filename: str | None = None,
        data_location: str | None = None,
        logfile: str | None = None,
    ) -> Result:
        """Remove what belongs to a job that has ended; see `clean_up.clean_up`."""
        del logfile  # a job's log is known
        removed = clean_up.clean_up(
            self._scripts, slurm_job_id, filename=filename, data_location=data_location
        )
        said = (
            f"removed {removed.folder}"
            if removed.whole_folder
            else f"kept {removed.folder}: {removed.reason}"
        )
        return Result(command=f"clean up after job {slurm_job_id}", stdout=f"{said}\n")
