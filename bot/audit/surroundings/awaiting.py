"""Which plugin of pytest would await an async test, and the outcomes of a run that went without it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bot.audit.reading.definitions import targets_of
from bot.audit.reading.flat import walk
from bot.audit.reading.source import block_statements
from bot.audit.rule import Context, without_parameters
from bot.audit.view import View
from bot.domain.suite import FailureKind, Observation, Outcome

_BY_MARK = {
    "asyncio": "pytest-asyncio",
    "anyio": "anyio",
    "trio": "pytest-trio",
    "asyncio_cooperative": "pytest-asyncio-cooperative",
    "twisted": "pytest-twisted",
    "tornado": "pytest-tornado",
    "curio": "pytest-curio",
}
MARKS = frozenset(_BY_MARK)
"""The marks by which a plugin knows that it should await a test."""
_BY_MODE = re.compile(r"\b(asyncio|anyio|trio)[_-]mode\s*[=:]?\s*[\"']?(?:auto|true)", re.IGNORECASE)
NEVER_AWAITED = "async def functions are not natively supported"
"""What pytest says when it fails an async test that no plugin awaits."""
_WORDS = (NEVER_AWAITED, "async def function and no async plugin installed")
"""The second is what pytest before version 8.4 says when it skips one."""
MISSING = "The plugin {}, which awaits this test, is not installed for the Python that ran it."
_UNDECIDED = {FailureKind.OTHER_FAILURE, FailureKind.HARNESS, FailureKind.SKIPPED}


def by_itself(config: str) -> str:
    """The plugin that a project's settings tell to await every async test; empty when they tell none."""
    found = _BY_MODE.search(config)
    return _BY_MARK[found[1].lower()] if found else ""


def words_of(node: ast.AST) -> frozenset[str]:
    """The names, attributes and texts in an expression."""
    return frozenset(
        item.attr if isinstance(item, ast.Attribute) else item.id if isinstance(item, ast.Name) else str(item.value)
        for item in walk(node)
        if isinstance(item, ast.Attribute | ast.Name | ast.Constant)
    )


def plugin_for(view: View, config: str) -> str:
    """The plugin that a mark of a test, of its class or module, or else the settings call for; empty when none."""
    if "anyio_backend" in {item.arg for item in view.node.args.args}:
        return "anyio"
    for mark in _marks(view):
        words = words_of(mark)
        name = next((word for word in sorted(words) if word in MARKS), "") if "mark" in words else ""
        if name:
            return _BY_MARK[name]
    return by_itself(config)


def _marks(view: View) -> Iterator[ast.AST]:
    owners = [view.node, *view.case.classes, *(item.node for item in (view.cls.order if view.cls else ()))]
    for owner in owners:
        for decorator in owner.decorator_list:
            kept = view.program.lookup(view.module, decorator) if isinstance(decorator, ast.Name) else None
            yield kept if isinstance(kept, ast.expr) else decorator
    for body in (view.source.tree.body, *(item.body for item in owners if isinstance(item, ast.ClassDef))):
        for statement in block_statements(body):
            if "pytestmark" in targets_of(statement):
                yield statement


def without_plugin(context: Context) -> dict[str, str]:
    """For each outcome of a test that nothing awaited, though the files name a plugin that would, that plugin."""
    said = {item.test: _said(item) for item in context.observations}
    quiet = [
        item.test
        for item in context.outcomes
        if item.kind in _UNDECIDED and any(words in f"{item.reason} {said.get(item.test, '')}" for words in _WORDS)
    ]
    views = {view.case.id: view for view in context.views} if quiet else {}
    found = {}
    for test in quiet:
        view = views.get(without_parameters(test))
        if view is not None and (plugin := plugin_for(view, context.config)):
            found[test] = plugin
    return found


def with_plugin_missing(context: Context) -> tuple[Outcome, ...]:
    """The outcomes of a run, where those of tests that went without their plugin are of the environment."""
    missing = without_plugin(context)
    return tuple(
        item.model_copy(update={"kind": FailureKind.ENVIRONMENT, "reason": MISSING.format(missing[item.test])})
        if item.test in missing
        else item
        for item in context.outcomes
    )


def went_without(outcome: Outcome) -> bool:
    """Whether an outcome is one of `with_plugin_missing`."""
    return outcome.kind is FailureKind.ENVIRONMENT and outcome.reason.startswith(MISSING.partition("{}")[0])


def _said(seen: Observation) -> str:
    return " ".join((seen.skip_reason, *(raised.message for raised in seen.exceptions)))
