"""The audit rules: one file a rule, each on one line of `NAMES`. A test names any module that is missing here."""

from __future__ import annotations

from importlib import import_module

from bot.audit.rule import Rule

NAMES = (
    "unreadable_file",
    "plan_mismatch",
    "contradicts_plan",
    "not_collected",
    "async_test_not_run",
    "missing_symbol",
    "wrong_signature",
    "await_on_sync",
    "unawaited_coroutine",
    "expectation_contradicts_impl",
    "fails_as_written",
    "sut_replaced",
    "sut_reimplemented",
    "hardcoded_result",
    "bug_enshrined",
    "unwired_double",
    "failure_never_comes",
    "double_decides",
    "mock_only",
    "tests_dependency",
    "tautology",
    "assert_on_object",
    "mock_assertion_asserts_nothing",
    "no_assert",
    "unsatisfiable_assert",
    "swallowed_failure",
    "either_outcome_passes",
    "conditional_assert",
    "conditional_skip",
    "infra_as_repro",
    "infra_as_pass",
    "harness_as_repro",
    "undeclared_service",
    "real_network",
    "wrong_level",
    "auth_bypassed",
    "host_dependent",
    "unseeded_random",
    "order_dependent",
    "non_discriminating",
    "notices_nothing",
    "title_unchecked",
    "title_not_staged",
    "conventions",
    "self_inflicted",
    "print_claim",
    "sleep_timing",
    "passes_on_base",
    "fails_otherwise",
    "never_reaches_suspect",
    "coroutine_never_awaited",
    "assertions_not_reached",
    "no_product_code_ran",
    "patched_and_never_called",
    "failure_hidden",
    "mistake_caught",
    "failed_by_itself",
    "red_against_the_product",
    "skipped_or_not_run",
)
"""The modules of this package that hold a rule, in the order in which their findings on one line are listed."""


def _load(name: str) -> Rule:
    rule: Rule = import_module(f"{__name__}.{name}").RULE
    return rule


RULES: dict[str, Rule] = {rule.id: rule for rule in map(_load, NAMES)}
"""Every rule by its id."""
