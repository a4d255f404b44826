"""Examines test files against the implementation and the plan, and gives the verdict."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import replace

from bot.audit.reading.program import Program
from bot.audit.reading.source import Allowance, patterns_of
from bot.audit.rule import Context, Rule
from bot.audit.rules import RULES
from bot.audit.scores import scores
from bot.audit.surroundings.awaiting import with_plugin_missing
from bot.domain.audit import AuditReport, Depth, Finding, FindingSeverity, Recommendation, Tried
from bot.domain.collector import without_collector
from bot.domain.config import NO_CONVENTIONS, AuditConfig
from bot.domain.errors import ConfigProblem
from bot.domain.plan import ServiceNeed, TestPlan
from bot.domain.suite import FailureKind, Observation, Outcome

_CONFIG_FILES = ("pyproject.toml", "pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg", "pytest.toml")
_WITHOUT_RESULT = frozenset({
    FailureKind.ENVIRONMENT, FailureKind.TIMEOUT, FailureKind.SKIPPED, FailureKind.NOT_RUN,
})
ALLOWED = "allowed"
"""The rule id of the findings that list what was silenced."""


@without_collector()
def examine(
    tests: Mapping[str, str],
    implementation: Mapping[str, str],
    plan: TestPlan | None = None,
    observations: tuple[Observation, ...] = (),
    outcomes: tuple[Outcome, ...] = (),
    depth: Depth = "static",
    *,
    pytest_args: tuple[str, ...] = (),
    allow: bool = True,
    named: frozenset[str] = frozenset(),
    conventions: AuditConfig = NO_CONVENTIONS,
    services: tuple[ServiceNeed, ...] = (),
    tried: tuple[Tried, ...] = (),
) -> AuditReport:
    """Judge test files. Pure: the same arguments give the same report, whatever the files hold.

    `tests` and `implementation` map paths in the repository to text; configuration files of pytest may be
    in either, and `pytest_args` are what the project adds to every run. `allow` False does not honour
    `# bot: allow` comments, for tests that a model wrote. `named` are files that hold tests whatever they are
    called, `conventions` what bot.toml says, `services` what it declares besides the plan, `tried` which small
    changes of product code the tests noticed. Never raises for anything in the files.
    """
    config = "\n".join(
        [
            *pytest_args,
            *(
                text
                for files in (implementation, tests)
                for path, text in sorted(files.items())
                if path.rpartition("/")[2] in _CONFIG_FILES
            ),
        ]
    )
    program = Program.build(implementation, tests, named, patterns_of(config, "python_classes"))
    python = {path: text for path, text in tests.items() if path.endswith(".py")}
    declared = (*(plan.services if plan else ()), *services)
    context = Context(program, python, plan, observations, outcomes, config, conventions, declared, tried)
    outcomes = with_plugin_missing(context)
    context = replace(context, outcomes=outcomes) if outcomes != context.outcomes else context
    found = [
        finding
        for rule in RULES.values()
        if rule.id not in conventions.ignore and (depth != "static" or not rule.needs_run)
        for finding in _ask(rule, context)
    ]
    findings = _in_order(_silenced(context, found, allow))
    ids = tuple(dict.fromkeys(case.id for case in context.cases))
    wrong = {finding.test for finding in findings if finding.severity is FindingSeverity.ERROR}
    missing = (
        ()
        if plan is None
        else tuple(
            test
            for planned in plan.tests
            if (test := f"{planned.path}::{planned.name}") not in ids and context.node_id(planned) not in ids
        )
    )
    defects = tuple(test for test in (*ids, *missing) if test in wrong)
    reasons = _reasons(context, ids, defects, missing, findings)
    return AuditReport(
        recommendation=Recommendation.HOLD if reasons else Recommendation.GO,
        tests=ids,
        defects=tuple(test for test in defects if test in ids),
        findings=findings,
        outcomes=outcomes,
        scores=scores(context, ids, defects, missing, findings),
        reasons=reasons or _good_news(context, ids, findings),
        depth=depth,
    )


def nearest_rule(name: str) -> str:
    """The rule whose id is most like a name; empty when none is."""
    return next(iter(difflib.get_close_matches(name, RULES, n=1)), "")


def refuse_unknown_rules(conventions: AuditConfig) -> None:
    """Raise ConfigProblem when bot.toml turns off a rule that there is not, naming the nearest that there is."""
    for name in conventions.ignore:
        if name not in RULES:
            near = nearest_rule(name)
            raise ConfigProblem(
                f"`audit.ignore` names a rule {name!r}, which there is not.",
                f"Did you mean {near!r}?" if near else "`bot audit --rules` lists those there are.",
            )


def _ask(rule: Rule, context: Context) -> Iterator[Finding]:
    try:
        yield from rule.findings(context)
    except RecursionError:
        # The depth of each file is bounded, but a chain of definitions over many files is not.
        yield Finding(
            rule=rule.id,
            defect_class="not-collected",
            severity=FindingSeverity.ERROR,
            path=min(context.files, default="?"),
            line=1,
            test=min(context.files, default="?"),
            hint="Write it more simply.",
            message=f"the rule {rule.id} could not be decided: the definitions refer to each other too deeply",
        )


def _silenced(context: Context, found: list[Finding], honour: bool) -> Iterator[Finding]:
    """The findings without those that a comment allows, and a warning for every such comment."""
    allowances = {
        (module.source.path, allowance.line): allowance
        for module in context.modules
        for allowance in module.source.allowances
    }
    used: dict[tuple[str, int], list[Finding]] = {}
    for finding in found:
        place = _allowed_at(context, finding, allowances) if honour else None
        if place is None:
            yield finding
        else:
            used.setdefault(place, []).append(finding)
    for place, allowance in allowances.items():
        yield _listed(context, place, allowance, used.get(place, []), honour)


def _allowed_at(
    context: Context,
    finding: Finding,
    allowances: Mapping[tuple[str, int], Allowance],
) -> tuple[str, int] | None:
    if not allowances:
        return None
    definitions = [
        line
        for case in context.by_id.get(finding.test, ())
        for line in (case.node.lineno, case.node.body[0].lineno - 1)
    ]
    for line in (finding.line, *definitions):
        allowance = allowances.get((finding.path, line))
        if allowance is not None and allowance.rule == finding.rule and allowance.reason:
            return finding.path, line
    return None


def _listed(
    context: Context,
    place: tuple[str, int],
    allowance: Allowance,
    silenced: list[Finding],
    honour: bool,
) -> Finding:
    if not honour:
        message = f"`bot: allow {allowance.rule}` is not honoured in these files"
    elif not allowance.reason:
        message = f"`bot: allow {allowance.rule}` gives no reason, so it silences nothing"
    elif allowance.rule not in RULES:
        message = f"`bot: allow {allowance.rule}` names no rule"
    elif not silenced:
        message = f"`bot: allow {allowance.rule}` silences nothing"
    else:
        message = f"{_count(len(silenced), 'finding')} of {allowance.rule} silenced: {allowance.reason}"
    rule = RULES.get(allowance.rule)
    return Finding(
        rule=ALLOWED,
        defect_class=rule.defect_class if rule else ALLOWED,
        severity=FindingSeverity.WARNING,
        path=place[0],
        line=place[1],
        test=silenced[0].test if silenced else context.test_at(*place),
        message=message,
        evidence=context.files[place[0]].split("\n")[place[1] - 1].strip(),
        hint="A person should agree with the reason." if silenced else "Give a rule and a reason, or take it out.",
    )


def _in_order(found: Iterator[Finding]) -> tuple[Finding, ...]:
    order = {name: at for at, name in enumerate(RULES)}
    unique = dict.fromkeys(found)
    return tuple(
        sorted(
            unique, key=lambda item: (item.path, item.line, order.get(item.rule, len(order)), item.test, item.message)
        )
    )


def _reasons(
    context: Context,
    ids: tuple[str, ...],
    defects: tuple[str, ...],
    missing: tuple[str, ...],
    findings: tuple[Finding, ...],
) -> tuple[str, ...]:
    """Why the tests are held; empty when they are not."""
    errors = [finding for finding in findings if finding.severity is FindingSeverity.ERROR]
    reasons = []
    if not ids:
        reasons.append(f"No test was found in {_count(len(context.files), 'file')}.")
    if missing:
        planned = len(context.plan.tests) if context.plan else 0
        reasons.append(
            f"{len(missing)} of {_count(planned, 'planned test')} missing from the files: {', '.join(missing)}."
        )
    if errors:
        rules = ", ".join(dict.fromkeys(finding.rule for finding in errors))
        reasons.append(
            f"{_count(len(errors), 'error')} of {_count(len({item.rule for item in errors}), 'rule')}: {rules}."
        )
    found = [test for test in defects if test in ids]
    if found:
        reasons.append(f"{len(found)} of {_count(len(ids), 'test')} defective.")
    if ids and context.outcomes and all(item.kind in _WITHOUT_RESULT for item in context.outcomes):
        kinds = ", ".join(dict.fromkeys(item.kind.value for item in context.outcomes))
        reasons.append(f"The run shows nothing: no test came to a result ({kinds}).")
    return tuple(reasons)


def _good_news(context: Context, ids: tuple[str, ...], findings: tuple[Finding, ...]) -> tuple[str, ...]:
    warnings = len(findings)
    said = [f"No error in {_count(len(ids), 'test')}; {_count(warnings, 'warning')}."]
    if context.plan is not None:
        said.append(f"{_count(len(context.plan.tests), 'planned test')}, none missing.")
    return tuple(said)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
