"""The documents of a cycle: what they say agrees with the record, and what is not on record is said to be so."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest

from bot.domain.plan import Level, PlannedTest, ServiceNeed
from bot.domain.proof import ProofRun, Verdict
from bot.domain.record import CycleRecord, CycleStatus
from bot.domain.results import Fixed, Planned, Proven, Retrieved, TestsRun
from bot.domain.suite import Ended, FailureKind, Outcome, SuiteResult
from bot.proof.edits import unified_diff
from bot.reports.documents import DOCUMENTS, MOST_BYTES, documents_of, issue_body
from bot.reports.markdown import neutralise, redacted
from bot.reports.views.attempts import attempts_of
from bot.reports.views.files import changed_files
from bot.reports.views.incident import incident_view
from bot.reports.views.kinds import KIND_WORDS
from bot.reports.views.matrix import matrix_of
from tests.rendered import PICTURE
from tests.unit.recheck_records import WORKFLOW
from tests.unit.whole_records import BASE, BELL, TEST, whole

WHOLE = whole()
PREDICTED, PASSED, FLAKY = FailureKind.AS_PREDICTED, FailureKind.PASSED, FailureKind.FLAKY


def with_result(kind: type, record: CycleRecord = WHOLE, **changes: Any) -> CycleRecord:
    """The record with something else in the result of a type."""
    steps = tuple(
        step.model_copy(update={"result": step.result.model_copy(update=changes)})
        if step.result is not None and isinstance(step.result, kind) else step for step in record.steps
    )
    return record.model_copy(update={"steps": steps})


def until(steps: int) -> CycleRecord:
    return WHOLE.model_copy(update={"steps": WHOLE.steps[:steps], "status": CycleStatus.RUNNING, "end": None})


def document(name: str, record: CycleRecord = WHOLE) -> str:
    return dict(documents_of(record, WORKFLOW))[name]


def part(text: str, heading: str) -> str:
    """What stands under a heading, up to the next of its level or above."""
    deep = heading.partition(" ")[0]
    after = text[text.index(f"\n{heading}") + 1:].partition("\n")[2]
    return re.split(rf"^#{{1,{len(deep)}}} ", after, maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> list[list[str]]:
    """The first table of a text without its head; a pipe within a code span is escaped there."""
    lines = text[text.index("|"):].partition("\n\n")[0].split("\n")
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


def run_of(*kinds: tuple[str, FailureKind], label: str = "base-1", seconds: float = 0.2) -> SuiteResult:
    return SuiteResult(
        label=label, tree=BASE, command="python -m pytest tests", ended=Ended.EXITED, exit_code=1,
        duration_s=seconds * 2,
        outcomes=tuple(Outcome(test=test, kind=kind, reason=f"because of {kind}", duration_s=seconds)
                       for test, kind in kinds),
    )


# All of them


def test_a_cycle_has_the_documents_that_there_is_material_for() -> None:
    found = [[name for name, _ in documents_of(until(steps), WORKFLOW)] for steps in range(len(WHOLE.steps) + 1)]
    assert found[0] == ["status.md"]
    assert found[1] == ["status.md", "incident.md"]
    assert found[-1] == list(DOCUMENTS)
    assert all(len(more) >= len(few) for few, more in pairwise(found))


def test_each_document_leads_to_the_others_that_there_are() -> None:
    for name, text in documents_of(WHOLE, WORKFLOW):
        assert {*re.findall(r"\]\(([a-z]+\.md)\)", text)} >= {*DOCUMENTS} - {name}
    for _, text in documents_of(until(2), WORKFLOW):
        assert {*re.findall(r"\]\(([a-z]+\.md)\)", text)} <= {"status.md", "incident.md"}


def older() -> CycleRecord:
    """The record as a store migrates one of schema 5."""
    found = WHOLE.latest(Retrieved)
    assert found is not None
    assert found.selection.winner is not None
    winner = found.selection.winner
    incident = winner.incident.model_copy(update={"by_revision": ()})
    selection = found.selection.model_copy(update={"winner": winner.model_copy(update={"incident": incident})})
    return with_result(Retrieved, selection=selection, read_from="", read_until="", revisions=())


def test_an_older_record_is_rendered_and_says_what_it_does_not_know() -> None:
    text = document("incident.md", older())
    assert "\nOccurrences in equal parts of the time that was read: ▁▄█▁▁▁. How they spread" in text
    assert "Read was" not in text
    assert "xychart" not in text
    assert rows(part(document("execution.md", older()), "## Files"))[0][2] == "–"


def test_a_document_stays_as_short_as_github_renders_it() -> None:
    kinds = (FailureKind.HARNESS, FailureKind.ENVIRONMENT, PREDICTED)
    many = tuple(
        Outcome(test=f"{TEST}::test_{number}", kind=kinds[number % 3], reason="€" * 1_150) for number in range(3_000))
    texts = dict(documents_of(executed(run_of().model_copy(update={"outcomes": many})), WORKFLOW))
    assert 450_000 < len(texts["execution.md"].encode()) <= MOST_BYTES
    assert texts["execution.md"].rstrip().endswith("[cut: the whole is in the cycle's record]")
    assert texts["execution.md"].count("\n950 more are not shown.\n") == 2
    assert "- and 2,950 more tests\n" in texts["status.md"]
    assert all(text.count("\n```") % 2 == 0 for text in texts.values())


def test_pictures_of_our_own_are_published_and_no_others() -> None:
    body = issue_body(WHOLE, WORKFLOW)
    drawn = PICTURE.findall(body)
    assert len(drawn) == 1
    assert drawn[0] in neutralise(body)
    for text in dict(documents_of(WHOLE, WORKFLOW)).values():
        assert PICTURE.findall(neutralise(text)) == PICTURE.findall(text)


def test_secrets_are_taken_out_of_all_but_our_own_pictures() -> None:
    drawn = "```mermaid\ngantt\n    revision password :2025-11-07T08:00:00.000, 2025-11-07T08:10:00.000\n```"
    other = drawn.replace("gantt", "gantt\n    click a")
    text = f"password: hunter2hunter2\n\n{drawn}\n\n````text\n{drawn}\n````\n\n{other}\n\ntoken: hunter2hunter2\n"
    found = redacted(text)
    assert "hunter2" not in found
    assert found.count(drawn) == 1
    assert re.findall("<(secret|password):", found) == ["password", "password", "password", "secret"]
    assert redacted(document("incident.md")) == document("incident.md")
    assert redacted("a\n\n\nb\n") == "a\n\n\nb\n"


@pytest.mark.parametrize("line", [
    'click w1 "https:/x"', "  click w1 call f()", "CLICK w1 href x", "%%{init: x}%%", "w1[<b>x</b>]", "w1@{ img: x }",
    'w1["a#quot;"]', "style w1 fill:x", "w1[`x`]", "w1 --> w2; click w1", 'w1["https://evil.example"]', "w1[&lt;]",
    "linkStyle 0 stroke:x", "links A: {}", "classDef x fill:${x}",
])
def test_a_picture_with_more_than_lines_and_boxes_in_it_is_shown_as_text(line: str) -> None:
    text = f"```mermaid\nflowchart TD\n    {line}\n```"
    assert neutralise(text).startswith("```text\n")


@pytest.mark.parametrize("text", [
    "```mermaid\nsequenceDiagram\n    a\n```", "```mermaid\n```", "```mermaid\nflowchart TD\n    a",
    "~~~mermaid\ngantt\n    a\n~~~",
    "````mermaid\ngantt\n    a\n````", "``` mermaid\ngantt\n    a\n```", "```Mermaid\ngantt\n    a\n```",
    "```mermaid\ngantt\n" + "    a\n" * 600 + "```",
])
def test_what_is_no_whole_picture_of_our_own_is_shown_as_text(text: str) -> None:
    assert "mermaid" not in neutralise(text).split("\n")[0].lower()


# The plan


def planned(*tests: tuple[str, Level, tuple[str, ...]], services: Iterable[str] = ()) -> CycleRecord:
    found = WHOLE.latest(Planned)
    assert found is not None
    first = found.plan.tests[1]
    made = tuple(
        PlannedTest.model_validate({
            **first.model_dump(), "name": name, "level": level, "services": needs, "auth": "None."})
        for name, level, needs in tests
    )
    needs = tuple(ServiceNeed(name=name, address=f"{name}:1") for name in services)
    return with_result(Planned, plan=found.plan.model_copy(update={"tests": made, "services": needs}))


def test_the_phases_go_from_what_takes_the_least_to_what_takes_the_most() -> None:
    text = document("plan.md", planned(
        ("test_far", Level.E2E, ("db", "queue")), ("test_near", Level.UNIT, ()),
        ("test_mid", Level.INTEGRATION, ("db",)), ("test_bare", Level.INTEGRATION, ()), ("test_also", Level.UNIT, ()),
        services=("db",),
    ))
    found = [(row[1], row[2], row[3]) for row in rows(part(text, "## Phases"))]
    assert found == [("unit", "2", "none"), ("integration", "1", "none"), ("integration", "1", "`db`"),
                     ("e2e", "1", "`db`, `queue`")]
    suites = [[row[0], *row[2:4], *row[7:]] for row in rows(part(text, "## Suites"))]
    assert suites == [["unit", "2", "1", "0", "0"], ["integration", "2", "1", "1", "0"], ["e2e", "1", "1", "1", "0"],
                      ["**all**", "5", "1", "2", "0"]]
    services = rows(part(text, "## Infrastructure"))
    assert services == [["`db`", "`db:1`", "2"], ["`queue`", "**not declared**", "1"]]
    assert re.findall(r"^## \d\. (.*)$", text, re.MULTILINE) == [
        "Unit tests (2)", "Integration tests (2)", "E2E tests (1)"]


def test_the_plan_says_what_it_leaves_out() -> None:
    text = document("plan.md", planned(("test_near", Level.UNIT, ()), services=("db",)))
    left = part(text, "## Not planned")
    assert "- No integration test: several parts together is not looked at.\n" in left
    assert "- No e2e test: " in left
    assert "- The service `db` is declared, and no test needs it.\n" in left
    assert "- No test of the difficulty stress (much at once); chaos (" in left
    assert "- 3 other incidents of the same log: one cycle works on one.\n" in left
    assert "- No test has to reach" not in left


# The execution


EVERY_KIND = tuple((f"{TEST}::test_{kind.value}", kind) for kind in FailureKind if kind is not FLAKY)


def executed(*runs: SuiteResult) -> CycleRecord:
    return with_result(TestsRun, runs=runs)


def test_a_failure_of_the_infrastructure_is_nowhere_among_the_reproductions() -> None:
    first = run_of(*EVERY_KIND, (f"{TEST}::test_unsteady", PREDICTED))
    second = run_of(*EVERY_KIND, (f"{TEST}::test_unsteady", PASSED), label="base-2")
    text = document("execution.md", executed(first, second))
    findings = part(text, "## Findings")
    told = {row[0]: int(row[1]) for row in rows(findings)}
    assert told == {KIND_WORDS[kind].short: 1 for kind in FailureKind}
    parts = {name: part(findings, f"### {name} ({count})") for name, count in (
        ("Reproductions", 1), ("Infrastructure failures", 1), ("Other outcomes", 7))}
    assert "test_as_predicted" in parts["Reproductions"]
    assert "test_environment" in parts["Infrastructure failures"]
    for name, inside in parts.items():
        others = {test.partition("::")[2] for test, _ in EVERY_KIND} | {"test_unsteady"}
        mine = {"Reproductions": {"test_as_predicted"}, "Infrastructure failures": {"test_environment"}}.get(
            name, others - {"test_as_predicted", "test_environment"})
        assert {test for test in others if f"`{test}`" in inside} == mine, name


def test_the_numbers_by_level_add_up() -> None:
    first = run_of(*EVERY_KIND, (f"{BELL}::test_the_bell", PREDICTED))
    levels = rows(part(document("execution.md", executed(first)), "## Results by level"))
    assert [row[0] for row in levels] == ["integration", "not in the plan", "**all**"]
    numbers = [[int(cell.strip("*")) for cell in row[1:6]] for row in levels]
    assert all(total == sum(rest) for total, *rest in numbers)
    assert [sum(column) for column in zip(*numbers[:-1], strict=True)] == numbers[-1]
    assert numbers[-1] == [9, 1, 2, 1, 5]


def test_a_test_that_failed_as_predicted_in_only_some_runs_is_no_reproduction() -> None:
    runs = [run_of((f"{TEST}::test_a", kind), label=f"base-{number}")
            for number, kind in enumerate((PREDICTED, PREDICTED, FailureKind.ENVIRONMENT), 1)]
    findings = part(document("execution.md", executed(*runs)), "## Findings")
    assert "None: no test failed as predicted in every run." in findings
    assert "`test_a`, `tests/test_till.py`: unsteady." in findings


def test_the_slowest_test_comes_first_with_what_it_took_in_each_run() -> None:
    runs = [run_of((f"{TEST}::test_a", PREDICTED), (f"{TEST}::test_b", PREDICTED), label=f"base-{at}", seconds=at)
            for at in (1, 4, 2)]
    slow = part(document("execution.md", executed(*runs)), "## Performance").partition("The slowest")[2]
    assert rows(slow)[0] == ["`test_a`", "new", "2.00 s", "1.00 s to 4.00 s", "–"]
    spent = rows(part(document("execution.md", executed(*runs)), "## Performance").partition("The slowest")[0])
    assert spent[0] == [
        "new tests, without the fix (step 5)", "3", "6", "2.00 s", "4.00 s", "8.00 s", "6.00 s", "14.00 s"]


def test_evidence_is_what_agrees_with_the_incident_by_text_or_place() -> None:
    text = part(document("execution.md"), "### Reproductions (2)")
    bell = text[text.index("test_the_bell"):]
    assert "- Deciding line: `shop/till.py:5` in `the function`: `the source`\n" in bell
    assert "- The message that the incident was logged with: `the type: the message`\n" in bell
    assert "- Why 1 quotes it from the log: `the quote of a log` (entry `the insert id`)\n" in bell
    assert "- The root cause names the function that it had to reach: `shop/till.py::the function`\n" in bell
    assert "quotes the line that decided" not in bell, "that quote does not hold"


def test_what_remains_is_what_the_steps_left() -> None:
    left = part(document("execution.md"), "## Remaining work").strip().split("\n")
    assert all(line.startswith("- [ ] ") for line in left)
    said = "\n".join(left)
    for item in (
        "Evidence for 1 of 2 whys", "2 findings of the audit", "1 test without the fix: infrastructure",
        "1 test without the fix: mistake of the test", "The planned test `test_the_till` has no outcome",
        "1 note of the fix guard", "1 place of the fix not needed", "1 small change of the fixed lines that no test",
        "1 changed line not run", "Step 9 is not done",
    ):
        assert item in said
    assert "was not reached" not in said
    assert "Step 8 was not reached" in part(document("execution.md", until(9)), "## Remaining work")


def test_lines_of_changed_files_are_those_of_the_diff() -> None:
    old = {"shop/a.py": "one\ntwo\n--- x\n", "shop/b.py": "one\n", "shop/c.py": "gone\n"}
    new = {"shop/a.py": "one\n++ two\n", "shop/b.py": "one\ntwo\nthree\n", "shop/c.py": ""}
    found = WHOLE.latest(Fixed)
    assert found is not None
    assert found.patch is not None
    files = tuple(found.patch.files[0].model_copy(update={"path": path}) for path in sorted(old))
    patch = found.patch.model_copy(update={"diff": unified_diff(old, new), "files": files})
    assert [(one.path, one.added, one.removed) for one in changed_files(patch)] == [
        ("shop/a.py", 1, 2), ("shop/b.py", 2, 0), ("shop/c.py", 0, 1)]


# The matrix of the proof


def proven(*runs: tuple[str, SuiteResult]) -> CycleRecord:
    found = WHOLE.latest(Proven)
    assert found is not None
    made = tuple(
        ProofRun.model_validate({"role": role, "suite": "new", "number": number, "holds": True, "reason": "r",
                                 "result": result}) for number, (role, result) in enumerate(runs, 1)
    )
    return with_result(Proven, proof=found.proof.model_copy(update={"runs": made}))


def test_the_matrix_shows_which_test_makes_the_difference() -> None:
    steady, shaky, late = (f"{TEST}::test_{name}" for name in ("steady", "shaky", "late"))
    red = run_of((steady, PREDICTED), (shaky, PREDICTED))
    record = proven(
        ("base", red), ("base", red), ("fix", run_of((steady, PASSED), (shaky, PASSED), (late, PASSED))),
        ("fix", run_of((steady, PASSED), (shaky, FailureKind.TIMEOUT), (late, PASSED))),
        ("revert", red), ("revert", red.model_copy(update={"ran": False, "outcomes": ()})),
    )
    assert rows(part(document("proof.md", record), "## Test matrix")) == [
        ["`test_steady`", "✗ failed as predicted, 2 of 2", "✓ passed, 2 of 2", "✗ failed as predicted, 1 of 1", "yes"],
        ["`test_shaky`", "✗ failed as predicted, 2 of 2", "? time limit, 1 of 2, passed, 1 of 2",
         "✗ failed as predicted, 1 of 1", "**no**"],
        ["`test_late`", "? not run, 2 of 2", "✓ passed, 2 of 2", "? not run, 1 of 1", "**no**"],
    ]
    found = proven(("base", red)).latest(Proven)
    assert found is not None
    assert [cell.mark for cell in matrix_of(found.proof)[0].cells] == ["✗", "–", "–"]


# The incident


def sure(record: CycleRecord) -> str:
    view = incident_view(record)
    assert view is not None
    return view.how_sure


def test_how_sure_the_cause_is_follows_the_steps() -> None:
    assert sure(until(1)) == "not known yet"
    assert sure(until(2)).startswith("cited: ")
    assert sure(until(7)) == "reproduced by 1 test, and no fix proven yet"
    assert sure(with_result(TestsRun, until(7), reproduced=False)) == "in doubt: no test reproduced it"
    assert sure(WHOLE).startswith("proven: ")
    found = WHOLE.latest(Proven)
    assert found is not None
    not_proven = found.proof.model_copy(update={"verdict": Verdict.NOT_PROVEN})
    assert sure(with_result(Proven, proof=not_proven)) == "reproduced by tests, but no fix is proven"


def test_the_incident_says_when_where_and_whom_it_hits() -> None:
    text = document("incident.md")
    short = part(text, "## In short")
    assert "- **Since:** 7 Nov 2025 08:00:00 UTC; seen 7 Nov 08:00:00 to 08:10:00. " in short
    assert "Read was 7 Nov 07:58:00 to 08:12:00; in the last 3 of 6 equal parts of it there is none.\n" in short
    assert "- **Whom it hits:** 1 service (`the service`), 2 instances, 2 revisions. the impact\n" in short
    assert [(row[0], row[2], row[3], row[5], row[6]) for row in rows(part(text, "## When"))] == [
        ("`the first revision`", "8", "67%", "before what was read", "▁▆█▁▁▁"),
        ("`the second revision`", "4", "33%", "7 Nov 2025 08:04:00", "▁▁█▁▁▁"),
    ]
    assert len(PICTURE.findall(text)) == 3
    assert len(text) < 12_000


def test_an_attempt_that_was_not_audited_has_no_verdict_of_a_later_one() -> None:
    steps = (*WHOLE.steps[:5], WHOLE.steps[4].model_copy(update={"attempt": 2}), WHOLE.steps[5])
    first, second = attempts_of(WHOLE.model_copy(update={"steps": steps}))
    assert first.report is None
    assert second.report is not None
    assert second.mean == 9.0
    assert second.ran == "failed as predicted 1"


