"""The formats of an audit: for programs, for code hosts, for people. What was audited may be hostile."""

from __future__ import annotations

import json
import re
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema.validators import validator_for
from markdown_it import MarkdownIt

from bot.annotating import say_annotation
from bot.audit.examine import examine
from bot.audit.rules import RULES
from bot.domain.audit import AuditReport, Finding, FindingSeverity, Recommendation, Score
from bot.domain.suite import FailureKind, Outcome
from bot.progress import json_text, say
from bot.reports.annotations import MOST_OF_A_KIND, marks
from bot.reports.audit_markdown import audit_markdown, sections
from bot.reports.audit_text import finding_lines, rule_lines, verdict_lines
from bot.reports.audit_view import WORST_FIRST, checklist, hints, rows, silenced, tasks
from bot.reports.json.audit import audit_document, rules_document
from bot.reports.sarif import FINGERPRINT, sarif_log
from tests.conftest import SARIF_SCHEMA

TESTS = {
    "tests/test_a.py": (
        "from app import one\n\n\ndef test_good():\n    assert one() == 1\n\n\ndef test_fake():\n    assert True\n\n\n"
        "def test_allowed():\n    assert one() >= one()\n    assert True  # bot: allow tautology we know | <b>why</b>\n"
    ),
    "tests/test_b, c.py": "from app import one\n\n\ndef test_more():\n    assert one(more=1) == 1\n",
}
CODE = {"app.py": "def one():\n    return 1\n"}


def report_of(tests: dict[str, str] = TESTS, outcomes: tuple[Outcome, ...] = ()) -> AuditReport:
    return examine(tests, CODE, outcomes=outcomes)


def finding(**given: object) -> Finding:
    known: dict[str, object] = {
        "rule": "tautology", "defect_class": "tautology", "severity": FindingSeverity.ERROR, "path": "tests/test_a.py",
        "line": 3, "test": "tests/test_a.py::test_a", "message": "it holds whatever happens", "evidence": "assert True",
        "hint": "Assert something.",
    }
    return Finding.model_validate(known | given)


def holding(*findings: Finding, outcomes: tuple[Outcome, ...] = (), tests: tuple[str, ...] = ()) -> AuditReport:
    errors = tuple(item.test for item in findings if item.severity is FindingSeverity.ERROR)
    return AuditReport(
        recommendation=Recommendation.HOLD if errors else Recommendation.GO, tests=tests or errors, defects=errors,
        findings=findings, outcomes=outcomes, scores=(Score(name="test quality", value=3.5, formula="10 x 7 / 20"),),
        reasons=("1 error of 1 rule: tautology.",), depth="run" if outcomes else "static",
    )


HOSTILE = (
    "::error::pwned", "\n::set-output name=x::y", "\r\n::stop-commands::x", "##[error]x", "a%0A::warning::b", "%25",
    "\x1b[2J\x1b]0;x\x07", "\u202egnp.exe", "x\u2028::error::y", "x`](javascript:alert(1))", "<img src=x onerror=1>",
    "@everyone #1 https://evil.example", "| a | b |\n|---|---|", "```\n# heading", "[x](y){z}",
    ",file=/etc/passwd,line=1",
)
TEXT = st.one_of(
    st.sampled_from(HOSTILE), st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.lists(st.sampled_from(HOSTILE), max_size=3).map("".join),
)
ONE_LINE = TEXT.map(lambda text: " ".join(text.split()))
PATHS = (
    st.lists(st.one_of(ONE_LINE, st.just("..")), min_size=1, max_size=3).map("/".join)
    .filter(lambda path: path.strip("/"))
)


@st.composite
def hostile_reports(draw: st.DrawFn) -> AuditReport:
    found = tuple(
        finding(
            rule=draw(st.sampled_from([*RULES, "allowed"])), path=path, line=draw(st.integers(0, 9)),
            test=f"{path}::{draw(TEXT)}", message=draw(TEXT), evidence=draw(TEXT), hint=draw(TEXT),
            severity=draw(st.sampled_from(list(FindingSeverity))),
        )
        for path in draw(st.lists(PATHS, min_size=1, max_size=4))
    )
    outcomes = tuple(
        Outcome(test=item.test, kind=draw(st.sampled_from(list(FailureKind))), reason=draw(TEXT)) for item in found[:2]
    )
    return holding(*found, outcomes=outcomes)


hostile = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


# what all formats say

def test_the_worst_of_the_parameter_sets_is_told() -> None:
    a, b = "tests/test_a.py::test_good", "tests/test_a.py::test_fake"
    report = report_of(outcomes=(
        Outcome(test=f"{a}[1]", kind=FailureKind.PASSED, reason="It passed."),
        Outcome(test=f"{a}[2::x]", kind=FailureKind.ENVIRONMENT, reason="No Redis."),
        Outcome(test=f"{a}[3]", kind=FailureKind.SKIPPED, reason="Skipped."),
        Outcome(test=b, kind=FailureKind.PASSED, reason="It passed."),
        Outcome(test="tests/test_a.py::test_made_at_run_time", kind=FailureKind.PASSED, reason="It passed."),
    ))
    told = {row.test: (row.verdict, row.kind, row.reason) for row in rows(report)}
    assert told[a] == ("good", "environment", "No Redis.")
    assert told[b] == ("defect", "passed", "It passed.")
    assert told["tests/test_a.py::test_made_at_run_time"] == ("good", "passed", "It passed.")
    assert told["tests/test_b, c.py::test_more"] == ("defect", "", "")


def test_every_kind_has_its_place_among_the_worst() -> None:
    assert sorted(WORST_FIRST) == sorted(FailureKind)


def test_what_a_comment_silenced_is_known_as_such() -> None:
    found = [item for item in map(silenced, report_of().findings) if item]
    assert found == [("tautology", "we know | <b>why</b>")]
    useless = report_of({"tests/test_a.py": "def test_x():\n    assert 1 == 2  # bot: allow no-assert because\n"})
    assert any(item.rule == "allowed" for item in useless.findings)
    assert not any(map(silenced, useless.findings))


def test_what_must_change_is_every_error_and_nothing_else() -> None:
    report = report_of()
    errors = [item for item in report.findings if item.severity is FindingSeverity.ERROR]
    assert len(checklist(report)) == len(errors) >= 2
    places = {(item.rule, item.path, item.line) for item in errors}
    assert sum(len(task.places) for task in tasks(report)) == len(places)
    told = hints(report)
    assert sum(hint.count for hint in told if hint.severity is FindingSeverity.ERROR) == len(errors)
    assert sum(hint.count for hint in told) == len([item for item in report.findings if not silenced(item)])


# JSON

def test_the_document_for_programs() -> None:
    document = json.loads(json_text(audit_document(report_of(), ["cut"])))
    assert document["schema"] == "whybot/audit/1"
    assert document["recommendation"] == "HOLD"
    assert document["depth"] == "static"
    assert document["notes"] == ["cut"]
    assert {"reasons", "scores", "checklist"} <= set(document)
    assert {"test": "tests/test_a.py::test_good", "verdict": "good"} in document["tests"]
    assert {"test": "tests/test_a.py::test_fake", "verdict": "defect"} in document["tests"]
    found = [item for item in document["findings"] if item["test"] == "tests/test_a.py::test_fake"]
    assert [(item["rule"], item["class"], item["severity"], item["path"], item["line"]) for item in found] == [
        ("tautology", "tautology", "error", "tests/test_a.py", 9)
    ]
    assert found[0]["evidence"] == "assert True"
    assert [item["silenced"] for item in document["findings"]].count(True) == 1


def test_the_document_of_the_rules() -> None:
    document = json.loads(json_text(rules_document(RULES.values())))
    assert [item["id"] for item in document["rules"]] == list(RULES)
    assert all(item["rationale"] and item["bad"]["test"] for item in document["rules"])


# SARIF

def accepted(log: dict[str, object]) -> None:
    schema = json.loads(SARIF_SCHEMA.read_text("utf-8"))
    kind = validator_for(schema)
    wrong = list(kind(schema, format_checker=kind.FORMAT_CHECKER).iter_errors(json.loads(json.dumps(log))))
    assert not wrong, [f"{list(item.path)}: {item.message}" for item in wrong]


def results_of(log: dict[str, object]) -> list[dict[str, object]]:
    (run,) = json.loads(json.dumps(log))["runs"]
    found: list[dict[str, object]] = run["results"]
    for result in found:
        rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]
        assert rule["id"] == result["ruleId"]
    return found


@pytest.mark.sarif
def test_sarif_is_accepted_by_the_official_schema() -> None:
    accepted(sarif_log(report_of()))
    accepted(sarif_log(report_of({"tests/test_a.py": "def test_x(:\n"})))
    accepted(sarif_log(report_of({})))


@pytest.mark.sarif
def test_the_schema_would_not_accept_anything() -> None:
    log = sarif_log(report_of())
    log["runs"] = [{"results": [{"level": "fatal"}]}]
    with pytest.raises(AssertionError):
        accepted(log)


@pytest.mark.sarif
@hostile
@given(report=hostile_reports())
def test_sarif_of_hostile_files_is_accepted(report: AuditReport) -> None:
    accepted(sarif_log(report))


@hostile
@given(report=hostile_reports())
def test_the_uris_of_sarif_lead_to_the_files(report: AuditReport) -> None:
    for result, item in zip(results_of(sarif_log(report)), report.findings, strict=True):
        place = result["locations"][0]["physicalLocation"]["artifactLocation"]  # type: ignore[index]
        assert re.fullmatch(r"(?:[A-Za-z0-9._~/-]|%[0-9A-F]{2})+", place["uri"])
        assert unquote(place["uri"]) == item.path
        assert ("uriBaseId" in place) is not item.path.startswith(("../", "/"))


def test_sarif_knows_what_was_silenced_and_the_rules_help() -> None:
    log = sarif_log(report_of())
    suppressed = [result for result in results_of(log) if "suppressions" in result]
    assert [(result["ruleId"], result["suppressions"]) for result in suppressed] == [
        ("tautology", [{"kind": "inSource", "justification": "we know | <b>why</b>"}])
    ]
    rules = log["runs"][0]["tool"]["driver"]["rules"]  # type: ignore[index]
    assert all(rule["help"]["text"] and rule["defaultConfiguration"]["level"] in {"error", "warning"} for rule in rules)


def test_fingerprints_stay_when_lines_move_and_tell_findings_apart() -> None:
    def prints(tests: dict[str, str]) -> list[str]:
        return [result["partialFingerprints"][FINGERPRINT] for result in results_of(sarif_log(report_of(tests)))]  # type: ignore[index]

    once = "    assert True\n"
    twice = {"tests/test_a.py": TESTS["tests/test_a.py"].replace(once, once * 2)}
    assert len(set(prints(twice))) == len(prints(twice)) >= 3
    moved = {path: f"# one\n\n{text}" for path, text in twice.items()}
    assert prints(moved) == prints(twice)


# annotations

def parsed(line: str) -> tuple[str, dict[str, str], str]:
    """A workflow command as GitHub's runner reads it (ActionCommand.TryParseV2)."""
    assert line.startswith("::")
    end = line.index("::", 2)
    command, _, rest = line[2:end].partition(" ")

    def plain(text: str, more: dict[str, str]) -> str:
        for escape, character in {"%0D": "\r", "%0A": "\n", **more, "%25": "%"}.items():
            text = text.replace(escape, character)
        return text

    properties = dict(part.split("=", 1) for part in rest.strip().split(",") if part.strip())
    return (
        command, {key: plain(value, {"%3A": ":", "%2C": ","}) for key, value in properties.items()},
        plain(line[end + 2:], {}),
    )


def printed(report: AuditReport, capsys: pytest.CaptureFixture[str]) -> list[str]:
    capsys.readouterr()
    for mark in marks(report):
        say_annotation(mark.level, mark.title, mark.message, mark.path, mark.line)
    return re.split(r"[\r\n]", capsys.readouterr().out.removesuffix("\n"))


def test_annotations_as_github_reads_them(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [parsed(line) for line in printed(report_of(), capsys)]
    assert [command for command, _, _ in lines] == ["error", "error", "notice"]
    _, properties, message = next(line for line in lines if line[1].get("file") == "tests/test_b, c.py")
    assert properties == {
        "file": "tests/test_b, c.py", "line": "5", "title": f"{RULES['wrong-signature'].title} (wrong-signature)",
    }
    assert "`one(more=1)` does not fit" in message
    assert re.fullmatch(r"HOLD: 4 tests, 2 defective; 2 errors, 0 warnings\.", lines[-1][2])


@hostile
@given(report=hostile_reports())
def test_nothing_audited_becomes_a_command(report: AuditReport, capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(report, capsys)
    assert len(lines) == len(marks(report)), "one line, one command"
    for line, mark in zip(lines, marks(report), strict=True):
        command, properties, message = parsed(line)
        assert command == mark.level
        assert set(properties) <= {"file", "line", "title"}
        assert "\n" not in message
        assert not message.lstrip().startswith("::")
        assert "##[" not in line
        assert "\x1b" not in line
        if mark.path.isascii() and mark.path.isprintable() and mark.path and not re.match(r"::|.*##\[", mark.path):
            assert properties["file"] == mark.path


def test_the_most_important_come_first_and_the_rest_is_counted() -> None:
    many = [
        finding(line=number, rule=rule, test=f"tests/test_a.py::test_{number}", severity=severity)
        for rule, severity in (("tautology", FindingSeverity.ERROR), ("sleep-timing", FindingSeverity.WARNING))
        for number in range(1, 15)
    ]
    lonely = finding(line=99, rule="no-assert", test="tests/test_a.py::test_99")
    shown = marks(holding(*many, lonely))
    assert [mark.level for mark in shown] == ["error"] * MOST_OF_A_KIND + ["warning"] * MOST_OF_A_KIND + ["notice"]
    assert [mark.title.rpartition(" ")[2] for mark in shown[:2]] == ["(tautology)", "(no-assert)"], (
        "one of each rule before a second of one")
    assert "5 more errors not marked; 4 more warnings not marked" in shown[-1].message


def test_what_is_printed_otherwise_has_no_commands(capsys: pytest.CaptureFixture[str]) -> None:
    say("::error::x\n  ::warning::y ##[group]z")
    assert not re.search(r"^\s*::", capsys.readouterr().out, re.MULTILINE)


# text

def text_of(report: AuditReport) -> str:
    lines = [*finding_lines(report), *verdict_lines(report, ["a note"])]
    return "\n".join("".join(part.text for part in line) for line in lines)


def test_the_text_for_a_terminal() -> None:
    lines = text_of(report_of()).split("\n")
    at = next(number for number, line in enumerate(lines) if line.startswith("tests/test_a.py:9: error[tautology] "))
    assert lines[at + 1] == "    test_fake | assert True"
    assert "tests/test_a.py:14: allowed[tautology] we know | <b>why</b>" in lines
    assert "4 tests, 2 defective; 2 errors, 0 warnings, 1 silenced (from the text alone; --run adds" in "\n".join(lines)
    assert "a note" in lines
    assert lines[-1].startswith("HOLD: 2 errors of 2 rules"), "the verdict is what one sees first of a long list"
    must = lines.index("What must change:")
    told = sorted(line.split(":")[0] for line in lines[must + 1:must + 3])
    assert told == ["  tautology (1)", "  wrong-signature (1)"]


def test_a_line_is_told_once_for_all_its_tests_and_a_hint_once_for_all_its_findings() -> None:
    shared = [finding(test=f"tests/test_a.py::TestA::test_{number}") for number in range(3)]
    text = text_of(holding(*shared, finding(line=8, evidence="async def test_b():", test="tests/test_a.py::test_b")))
    assert text.count("it holds whatever happens") == 2
    assert "\n    TestA::test_0 and 2 more tests | assert True\n" in text
    assert "\n    | async def test_b():\n" in text, "the line says its name"
    assert text.count("Assert something.") == 1
    assert "\n  tautology (4): Assert something.\n" in text


def test_a_long_line_of_code_is_cut() -> None:
    text = text_of(holding(finding(evidence="x" * 1_000)))
    assert max(map(len, text.split("\n"))) < 200
    assert "xxx...\n" in text


def test_a_run_is_summed_up() -> None:
    passed = tuple(
        Outcome(test=f"tests/test_a.py::test_{name}", kind=kind, reason="so")
        for name, kind in (("good", FailureKind.OTHER_FAILURE), ("fake", FailureKind.PASSED))
    )
    text = text_of(holding(finding(test="tests/test_a.py::test_fake"), outcomes=passed))
    assert "Run: 1 passed, 1 other failure." in text
    assert "  tests/test_a.py::test_good: other failure: so\n" in text, "no finding says it"
    assert "test_fake: passed" not in text


def test_a_rule_says_all_of_itself() -> None:
    text = "\n".join("".join(part.text for part in line) for line in rule_lines(RULES["tautology"]))
    assert RULES["tautology"].rationale in text
    assert RULES["tautology"].bad.test.split("\n")[0] in text
    assert "# bot: allow tautology REASON" in text


# Markdown

def test_the_report_has_the_parts_that_the_team_knows() -> None:
    text = audit_markdown(report_of(), ["a note"])
    assert text.startswith("# Test audit\n\n**Overall result: HOLD**\n\n4 tests, 2 of them defective.")
    assert re.findall(r"^## \d\. (.*)$", text, re.MULTILINE) == [
        "Technical correctness", "Implementation vs. test", "Convention compliance", "Test quality", "Architecture",
        "Impact", "Recommendations", "Overall assessment",
    ]
    assert "- [ ] **An assertion that cannot fail** (`tautology`):" in text
    assert "Silenced by a comment" in text
    assert text.rstrip().endswith("**Verdict: HOLD.** These tests are not to be relied on until the above has changed.")


def test_the_numbers_of_the_report_are_those_of_the_findings() -> None:
    report = report_of()
    found = sections(report)
    every = [item for section in found for item in section.findings]
    assert len(every) == len(set(every)) == len([item for item in report.findings if not silenced(item)])
    text = audit_markdown(report)
    assert sum(int(count) for count in re.findall(r"^(\d+) errors?,", text, re.MULTILINE)) == 2
    mean = sum(score.value for score in report.scores) / len(report.scores)
    assert f"**{round(mean, 1)}**" in text


def test_a_good_suite_is_told_so() -> None:
    report = report_of({"tests/test_a.py": "from app import one\n\n\ndef test_good():\n    assert one() == 1\n"})
    text = audit_markdown(report)
    assert "**Overall result: GO**" in text
    assert "Nothing has to change." in text
    assert "- [ ]" not in text


@hostile
@given(report=hostile_reports())
def test_nothing_audited_has_power_in_the_report(report: AuditReport) -> None:
    markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
    text = audit_markdown(report)
    tokens = markdown.parse(text)
    inner = [child for token in tokens for child in token.children or ()]
    assert not {token.type for token in (*tokens, *inner)} & {
        "html_block", "html_inline", "link_open", "image", "fence", "code_block"
    }
    headings = [tokens[at + 1].content for at, token in enumerate(tokens) if token.type == "heading_open"]
    assert len(headings) == 1 + len(sections(report)) + 3
    assert len([token for token in tokens if token.type == "table_open"]) == text.count("\n|---")


def test_a_long_report_is_cut_and_says_so() -> None:
    many = [finding(line=number, test=f"tests/test_a.py::test_{number}") for number in range(1, 301)]
    text = audit_markdown(holding(*many))
    assert "100 more are not shown." in text
    assert len(text) < 120_000


def test_a_test_that_nobody_runs_has_a_verdict() -> None:
    text = "class TestOrders:\n    def __init__(self): pass\n\n    def test_it(self):\n        assert total()\n"
    document = json.loads(json_text(audit_document(examine({"tests/test_orders.py": text}, {}))))
    assert document["tests"] == [{"test": "tests/test_orders.py::TestOrders::test_it", "verdict": "defect"}]
