from __future__ import annotations

import json
from pathlib import Path

import pytest

from biomero.application.results_folder import claim_results_folder
from biomero.application.write_report import WriteReport, deliver_logs, log_tail
from biomero.domain.ids import RunId
from biomero.errors import InputError
from services.run_documents import a_document, a_failed_document
from services.saved_images import PlainReport


def test_the_record_grows_with_the_run(tmp_path: Path) -> None:
    use_case = WriteReport(report=PlainReport())
    for document in (a_document(), a_failed_document()):
        use_case.write(document, tmp_path)
        assert (tmp_path / "run.json").read_text() == document.to_json()
    assert (tmp_path / "report.html").read_text().startswith("failed")
    assert json.loads((tmp_path / "run.json").read_bytes())["status"] == "failed"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["report.html", "run.json"]


def test_the_record_of_another_run_stays(tmp_path: Path) -> None:
    claim_results_folder(tmp_path, RunId("another"))
    with pytest.raises(InputError, match="another"):
        WriteReport(report=PlainReport()).write(a_document(), tmp_path)


def test_logs_are_brought_with_their_folders(tmp_path: Path) -> None:
    fetched, results = tmp_path / "fetched", tmp_path / "results"
    (fetched / "conversion").mkdir(parents=True)
    (fetched / "conversion" / "0.log").write_text("zero")
    (fetched / "run.log").write_text("run")
    assert deliver_logs(fetched, RunId("r"), results) == ("logs/conversion/0.log", "logs/run.log")
    assert (results / "logs" / "conversion" / "0.log").read_text() == "zero"


def test_the_tail_of_a_log_is_read_whatever_its_size_and_bytes(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"x" * 200_000 + b"\nline \xff\nlast\n")
    assert log_tail(log, lines=2) == ("line \ufffd", "last")
    assert log_tail(tmp_path / "none.log") == ()
