"""The assertions hold with the behaviour of the title removed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bot.audit.controlflow.asserting import predicate
from bot.audit.dataflow.flow import asserted, is_weak
from bot.audit.observed.aimed import Aimed
from bot.audit.reading.definitions import last_name
from bot.audit.reading.flat import every, walk
from bot.audit.reading.references import is_product
from bot.audit.rule import WARNING, Context, Example, Found, Hit, Rule, per_test, said
from bot.audit.vacuity.vacuous import vacuous
from bot.audit.view import View
from bot.domain.audit import Tried
from bot.domain.suite import FailureKind

FEWEST_CHANGES = 3
"""Changes that must have been tried with a test before it can be said that it notices none."""

_TOGETHER = re.compile(r"concurren|parallel|simultane|at[ _]once|thread[ _-]?safe|race|same[ _]time", re.IGNORECASE)
_VALUE = re.compile(
    r"(^|_)(correct(ly)?|exact(ly)?|order(ed|ing)?|sorted|isolat\w*|equals?|matches|preserv\w*|unique|atomic\w*|"
    r"idempoten\w*|rounds?|rounded|calculat\w*|comput\w*|filters?|excludes?|removes?|deletes?|updates?|increments?)(_|$)",
    re.IGNORECASE,
)
_RUNS_BESIDE = {
    "gather",
    "create_task",
    "TaskGroup",
    "create_task_group",
    "ThreadPoolExecutor",
    "submit",
    "map",
    "Pool",
    "ProcessPoolExecutor",
    "start_soon",
    "ensure_future",
    "as_completed",
    "Barrier",
    "Process",
    "fork",
}


def _untouched(context: Context) -> Iterator[Hit]:
    by_test: dict[str, list[Tried]] = {}
    for tried in context.tried:
        by_test.setdefault(tried.test.partition("[")[0], []).append(tried)
    for case in context.cases:
        changes = by_test.get(case.id, [])
        outcomes = context.outcomes_of(case.id)
        green = outcomes and all(item.kind is FailureKind.PASSED for item in outcomes)
        aimed = [item for item in changes if isinstance(item, Aimed)]
        if green and aimed and not any(item.noticed for item in aimed):
            gone = next((item for item in aimed if item.certain), aimed[0])
            yield Hit(
                case.source.path,
                case.node.lineno,
                case.id,
                f"the test stayed green without what its name is about: {gone.change} ({gone.path}:{gone.line})",
                f"{gone.path}:{gone.line} {gone.change}",
                None if gone.certain else WARNING,
            )
        elif green and len(changes) >= FEWEST_CHANGES and not any(item.noticed for item in changes):
            first = changes[0]
            yield Hit(
                case.source.path,
                case.node.lineno,
                case.id,
                f"the test stayed green under all {len(changes)} changes tried of the code that it runs, such as "
                f"{first.change} ({first.path}:{first.line})",
                "; ".join(f"{item.path}:{item.line} {item.change}" for item in changes[:3]),
            )


def _one_after_another(view: View) -> Iterator[Found]:
    """Threads of a test about concurrency that are each awaited before the next one starts."""
    title = f"{view.node.name}\n{ast.get_docstring(view.node) or ''}"
    names = {last_name(call.func) for call in view.calls if not is_product(view.bare_scope.resolve(call.func))}
    if not _TOGETHER.search(title) or names & _RUNS_BESIDE or "start" not in names or "join" not in names:
        return
    starts = [call for call in view.calls if last_name(call.func) == "start"]
    joins = [call for call in view.calls if last_name(call.func) == "join" and _is_wait(call)]
    loops = [*view.every(ast.For), *view.every(ast.While)]
    for loop in loops:
        inside = set(walk(loop))
        started = [call for call in starts if call in inside]
        joined = [call for call in joins if call in inside and any(_owner(call) == _owner(one) for one in started)]
        if any(other in inside and other is not loop for other in loops):
            continue
        if started and joined and len(started) == len(starts) == 1 and started[0].lineno <= joined[0].lineno:
            message = (
                f"`{said(joined[0])}` waits for each thread before the next one starts: nothing runs at the same "
                "time, so the test holds without any protection"
            )
            yield joined[0], message


def _is_wait(call: ast.Call) -> bool:
    """Whether a `join` is a thread's: it takes no text to put together."""
    return (
        isinstance(call.func, ast.Attribute)
        and not isinstance(call.func.value, ast.Constant)
        and not any(not isinstance(item, ast.Constant) for item in call.args)
    )


def _owner(call: ast.Call) -> str:
    return said(call.func.value) if isinstance(call.func, ast.Attribute) else ""


def _only_there(view: View) -> Iterator[Found]:
    """Assertions that only say that there is something, under a title that claims a value."""
    if not _VALUE.search(view.node.name):
        return
    found = [item for item in asserted(view) if item.node not in vacuous(view)]
    if found and all(item.own and (is_weak(item) or _says_there(item.node)) for item in found):
        node = found[0].node
        claimed = _VALUE.search(view.node.name)
        word = claimed[2] if claimed else ""
        yield node, f"the name claims `{word}`, but the assertions only say that there is a value or its type", WARNING


def _says_there(check: ast.AST) -> bool:
    test = predicate(check)
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        last = test.comparators[0]
        keys = isinstance(test.ops[0], ast.In) and isinstance(test.left, ast.Constant) and isinstance(last, ast.Name)
        some = isinstance(test.ops[0], ast.Gt) and isinstance(last, ast.Constant) and last.value == 0
        return keys or (some and any(last_name(call.func) == "len" for call in every(test.left, ast.Call)))
    return False


def _look(context: Context, view: View) -> Iterator[Found]:
    yield from _one_after_another(view)
    yield from _only_there(view)


def _check(context: Context) -> Iterator[Hit]:
    yield from _untouched(context)
    yield from per_test(_look)(context)


_TEST = """\
import threading
from product.service import Counter


def test_concurrent_increments():
    counter = Counter()
    threads = [threading.Thread(target=counter.add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.value == 8
"""
_PRODUCT = """\
import threading


class Counter:
    def __init__(self):
        self.value = 0
        self.lock = threading.Lock()

    def add(self):
        with self.lock:
            self.value += 1
"""

RULE = Rule(
    id="non-discriminating",
    defect_class="non-discriminating",
    title="The test holds without the behaviour it names",
    rationale="What passes with the behaviour taken out of the product does not guard it.",
    hint="Assert the very value, order or count that only the named behaviour gives, in a state where it matters.",
    check=_check,
    good=Example(test=_TEST, implementation=_PRODUCT),
    bad=Example(
        test=_TEST.replace(
            "        thread.start()\n    for thread in threads:\n        thread.join()",
            "        thread.start()\n        thread.join()",
        ),
        implementation=_PRODUCT,
    ),
)
