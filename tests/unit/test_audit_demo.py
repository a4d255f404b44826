"""The demo's two attempts at tests: the first is held for many reasons, each at its place; the second goes."""

from __future__ import annotations

import json
from pathlib import Path

from bot.audit.examine import examine
from bot.domain.audit import AuditReport, FindingSeverity, Recommendation
from bot.domain.plan import TestPlan

DEMO = Path(__file__).parents[2] / "bot" / "demo"
SCRIPT = DEMO / "script"


def service_files(folder: str) -> dict[str, str]:
    root = DEMO / "service"
    return {
        str(path.relative_to(root)): path.read_text(encoding="utf-8")
        for path in sorted(root.rglob("*"))
        if path.suffix in {".py", ".toml"} and (path.relative_to(root).parts[0] == "tests") is (folder == "tests")
    }


def attempt(number: int) -> dict[str, str]:
    answer = json.loads((SCRIPT / f"write_tests.{number}.json").read_text(encoding="utf-8"))
    return {item["path"]: (SCRIPT / item["content"]["$file"]).read_text(encoding="utf-8") for item in answer["files"]}


def audit(number: int) -> AuditReport:
    plan = TestPlan.model_validate_json((SCRIPT / "plan.1.json").read_text(encoding="utf-8"))
    return examine(attempt(number), service_files("product"), plan, allow=False)


def test_the_first_attempt_is_held_with_distinct_findings_at_their_lines() -> None:
    report = audit(1)
    assert report.recommendation is Recommendation.HOLD
    errors = [item for item in report.findings if item.severity is FindingSeverity.ERROR]
    lines = next(iter(attempt(1).values())).split("\n")
    expected = {
        "unawaited-coroutine": "report = validator.validate()",
        "expectation-contradicts-impl": "assert validator.timeout_seconds == 60.0",
        "sut-replaced": "validator.validate = AsyncMock(",
        "infra-as-repro": "with pytest.raises(ConnectionRefusedError):",
        "undeclared-service": 'BrokerConnection("127.0.0.1", 6399, "rooms")',
        "wrong-signature": "grace_period=0.5",
        "sut-reimplemented": "assert broker.connected",
        "tautology": "assert True",
        "print-claim": "RACE CONDITION REPRODUCED",
        "no-assert": "async def test_route_is_added_after_connect():",
        "plan-mismatch": "",
    }
    assert {item.rule for item in errors} == set(expected)
    for item in errors:
        if item.rule != "plan-mismatch":
            assert item.path == "tests/unit/test_readiness_subscriber.py"
            assert lines[item.line - 1].strip() == item.evidence
    for rule, text in expected.items():
        assert any(text in item.evidence for item in errors if item.rule == rule), rule


def test_the_one_honest_test_of_the_first_attempt_is_good() -> None:
    report = audit(1)
    good = [test for test in report.tests if test not in report.defects]
    assert [test.rpartition("::")[2] for test in good] == ["test_missing_connection_is_reported"]


def test_the_second_attempt_goes() -> None:
    report = audit(2)
    assert report.recommendation is Recommendation.GO
    assert report.findings == ()
    assert len(report.tests) == 3


def test_the_services_own_suite_goes() -> None:
    report = examine(service_files("tests"), service_files("product"))
    assert [(item.rule, item.path, item.line) for item in report.findings] == []
