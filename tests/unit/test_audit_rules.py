"""Every registered rule against its own examples, and the registry against the folder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.audit import rules
from bot.audit.examine import examine
from bot.audit.rule import Example, Rule
from bot.audit.rules import NAMES, RULES
from bot.domain.audit import Finding

DEFECT_CLASSES = {
    "unawaited-coroutine",
    "await-on-sync",
    "async-test-not-run",
    "not-collected",
    "expectation-contradicts-impl",
    "unsatisfiable-assert",
    "bug-enshrined",
    "sut-replaced",
    "sut-reimplemented",
    "mock-only",
    "hardcoded-result",
    "double-decides",
    "unwired-double",
    "tautology",
    "no-assert",
    "non-discriminating",
    "conditional-assert",
    "conditional-skip",
    "swallowed-failure",
    "either-outcome-passes",
    "infra-as-repro",
    "infra-as-pass",
    "harness-as-repro",
    "self-inflicted",
    "tests-dependency",
    "wrong-signature",
    "missing-symbol",
    "sleep-timing",
    "print-claim",
    "host-dependent",
    # Beside the classes that the reading of real tests gave:
    "plan-mismatch",
    "auth-bypassed",
    "undeclared-service",
    "wrong-level",
    "order-dependent",
    "real-network",
    "unseeded-random",
    "convention",
}


def findings_of(rule: Rule, example: Example) -> list[Finding]:
    report = examine(
        {example.path: example.test},
        example.implementation_files,
        example.plan,
        example.observations,
        example.outcomes,
        "run" if rule.needs_run else "static",
        conventions=example.conventions,
        services=example.services,
        tried=example.tried,
    )
    return [finding for finding in report.findings if finding.rule == rule.id]


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())
def test_the_bad_example_is_found_at_a_line(rule: Rule) -> None:
    found = findings_of(rule, rule.bad)
    assert found, f"{rule.id} does not find its own bad example"
    assert any(finding.severity is rule.severity for finding in found)
    for finding in found:
        lines = rule.bad.test.count("\n") + 1
        assert 1 <= finding.line <= lines
        assert finding.hint == rule.hint
        assert finding.defect_class == rule.defect_class


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())
def test_the_good_example_gets_no_finding_of_any_rule(rule: Rule) -> None:
    good = rule.good
    report = examine(
        {good.path: good.test},
        good.implementation_files,
        good.plan,
        good.observations,
        good.outcomes,
        "run" if rule.needs_run else "static",
        conventions=good.conventions,
        services=good.services,
        tried=good.tried,
    )
    assert [(finding.rule, finding.message) for finding in report.findings] == []


def test_every_module_of_the_package_is_registered() -> None:
    there = {path.stem for path in Path(str(rules.__file__)).parent.glob("*.py")} - {"__init__"}
    assert there - set(NAMES) == set(), f"not on a line of NAMES in bot/audit/rules/__init__.py: {there - set(NAMES)}"
    assert set(NAMES) - there == set()


def test_ids_are_unique_and_follow_the_file_name() -> None:
    assert len(RULES) == len(NAMES)
    assert list(RULES) == [name.replace("_", "-") for name in NAMES]


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())
def test_a_rule_explains_itself(rule: Rule) -> None:
    assert rule.defect_class in DEFECT_CLASSES
    assert re.fullmatch(r"[A-Z`].{10,80}[a-z`]", rule.title), rule.title
    assert rule.rationale.endswith(".")
    assert rule.hint.endswith(".")
