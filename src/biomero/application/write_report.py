"""Leave the record of a run in its results folder: logs, ``run.json``, ``report.html``."""

from __future__ import annotations

from pathlib import Path

from biomero.application.ports.report import ReportWriter
from biomero.application.results_folder import (
    LOGS,
    REPORT_FILE,
    RUN_FILE,
    ResultsFolder,
    claim_results_folder,
    regular_files,
)
from biomero.application.run_document import RunDocument
from biomero.domain.ids import RunId

_TAIL_BYTES = 64 << 10


class WriteReport:
    """Writes the record of a run, however the run ended, and as often as it changes."""

    def __init__(self, *, report: ReportWriter) -> None:
        self._report = report

    def write(self, document: RunDocument, results: Path) -> None:
        """Write ``run.json`` and ``report.html`` from the same document.

        Raises
        ------
        InputError
            If the results folder belongs to another run.
        ImageWriteError, OSError
            If they cannot be written; what stood there before still does.
        """
        claim_results_folder(results, document.id)
        with ResultsFolder(results) as folder:
            folder.write(REPORT_FILE, lambda path: self._report.write_page(document, results, path))
            folder.write(RUN_FILE, lambda path: _write_text(path, document.to_json()))


def deliver_logs(fetched: Path, run_id: RunId, results: Path) -> tuple[str, ...]:
    """Copy every log below a folder into ``logs/``.

    Returns
    -------
    the logs' names relative to the results folder, for `RunDocument.logs`

    Raises
    ------
    InputError, OSError
        As `WriteReport.write`.
    """
    claim_results_folder(results, run_id)
    names = []
    with ResultsFolder(results) as folder:
        for file in regular_files(fetched):
            name = folder.name_for(LOGS, file.relative_to(fetched).as_posix(), "")
            folder.copy(file, name)
            names.append(name)
    return tuple(names)


def log_tail(log: Path, *, lines: int = 30) -> tuple[str, ...]:
    """Return the last lines of a log, of any size and any bytes; none where there is no log."""
    try:
        with log.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ()
    return tuple(text.splitlines()[-lines:])


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="ascii")
