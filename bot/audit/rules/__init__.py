"""The audit rules: one file a rule, each on one line of `NAMES`. A test names any module that is missing here."""

from __future__ import annotations

from importlib import import_module

from bot.audit.rule import Rule

NAMES = (
    "unreadable_file",
    "plan_mismatch",
    "not_collected",
    "async_test_not_run",
    "missing_symbol",
    "wrong_signature",
    "await_on_sync",
    "unawaited_coroutine",
    "expectation_contradicts_impl",
    "sut_replaced",
    "sut_reimplemented",
    "mock_only",
    "tests_dependency",
    "tautology",
    "no_assert",
    "unsatisfiable_assert",
    "swallowed_failure",
    "either_outcome_passes",
    "conditional_assert",
    "conditional_skip",
    "infra_as_repro",
    "undeclared_service",
    "self_inflicted",
    "print_claim",
    "sleep_timing",
    "passes_on_base",
    "fails_otherwise",
    "never_reaches_suspect",
    "coroutine_never_awaited",
    "skipped_or_not_run",
)
"""The modules of this package that hold a rule, in the order in which their findings on one line are listed."""


def _load(name: str) -> Rule:
    rule: Rule = import_module(f"{__name__}.{name}").RULE
    return rule


RULES: dict[str, Rule] = {rule.id: rule for rule in map(_load, NAMES)}
"""Every rule by its id."""
