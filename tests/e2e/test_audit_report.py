"""`bot audit-report` as a person runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.audit_report_command import ReportOptions, audit_report
from bot.cli import main
from bot.domain.errors import UsageProblem
from tests.e2e.command import bot
from tests.unit.claims_reports import UNIT, junit, numbered

TEN = junit(numbered(UNIT, passed=6, failed=4))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "report.md").write_text("# Report\n\n10 tests created, 4 passing, 6 require async fixes\n")
    (tmp_path / "junit.xml").write_bytes(TEN)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_false_report_beside_its_results(place: Path) -> None:
    said = bot("audit-report", "report.md", "--junit", "junit.xml", cwd=place)
    assert said.code == 1
    row = "4 passed (all tests) report.md:3 contradicted The results have 10 tests: 6 passed, 4 failed."
    assert row in said.everything
    assert "3 claims in 1 report: 2 contradicted, 0 unverifiable, 1 supported." in said.everything
    assert said.err == ""


def test_an_honest_report_is_no_failure(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "report.md").write_text("# Report\n\n10 tests: 6 passed, 4 failed.\n")
    assert audit_report(ReportOptions((Path("report.md"),), (Path("junit.xml"),))) == 0
    assert "0 contradicted, 0 unverifiable, 3 supported" in capsys.readouterr().out


def test_for_programs(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit_report(ReportOptions((Path("report.md"),), (Path("junit.xml"),), "json")) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "whybot/claims/1"
    assert document["counts"] == {"supported": 1, "contradicted": 2, "unverifiable": 0}
    claim = document["claims"][1]
    assert (claim["line"], claim["subject"], claim["verdict"]) == (3, "passed", "contradicted")
    assert claim["quantity"] == {"text": "4", "least": 4.0, "most": 4.0}
    assert claim["facts"] == [{"text": "The results have 10 tests: 6 passed, 4 failed", "path": "junit.xml", "line": 0}]


def test_for_github(place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(place / "summary.md"))
    assert audit_report(ReportOptions((Path("report.md"),), (Path("junit.xml"),), "github")) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("::error file=report.md,line=3,title=claim contradicted::4 passed (all tests): ")
    assert [line[:8] for line in lines] == ["::error ", "::error ", "::notice"]
    assert "## Contradicted (2)" in (place / "summary.md").read_text()


@pytest.mark.parametrize("form", ["text", "markdown", "github", "json"])
def test_nothing_of_a_report_acts_on_who_reads_the_verdict(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, form: str,
) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    hostile = "\x1b[2J::error::x <script>alert(1)</script> | @everyone"
    (place / "report.md").write_text(f"# R\n\n::set-output::{hostile} 10 tests created, 4 passing {hostile}\n")
    audit_report(ReportOptions((Path("report.md"),), (Path("junit.xml"),), form))
    out = capsys.readouterr().out
    assert "\x1b" not in out
    if form != "github":
        assert not any(line.lstrip().startswith("::") for line in out.splitlines())
    if form == "markdown":
        assert "10 tests created" in out


@pytest.mark.parametrize("name", ["gone.md", "folder", "binary.md"])
def test_what_cannot_be_read(place: Path, name: str) -> None:
    (place / "folder").mkdir()
    (place / "binary.md").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageProblem, match=name):
        audit_report(ReportOptions((Path(name),)))


@pytest.mark.parametrize("content", [
    b"", b"<html/>", b"<testsuite", b'<!DOCTYPE x [<!ENTITY a "b">]><testsuite/>',
    '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE x><testsuite/>'.encode("utf-16"),
], ids=["empty", "html", "torn", "entities", "hidden"])
def test_what_is_no_junit(place: Path, content: bytes) -> None:
    (place / "junit.xml").write_bytes(content)
    with pytest.raises(UsageProblem, match="is no JUnit XML"):
        audit_report(ReportOptions((Path("report.md"),), (Path("junit.xml"),)))


def test_a_format_that_there_is_not(place: Path, monkeypatch: pytest.MonkeyPatch,
                                    capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["bot", "audit-report", "report.md", "--format", "xml"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "--format is 'xml'" in capsys.readouterr().err
