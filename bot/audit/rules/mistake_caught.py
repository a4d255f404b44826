"""A test passed, and in the run it caught a wrong call of its own, or a refused connection, that nobody foretold."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from bot.audit.observed.recorded import Recorded, recorded
from bot.audit.outcomes.signals import environment_signal, wrong_call
from bot.audit.outcomes.wording import named
from bot.audit.reading.checks import handler_names, is_check, raises_names
from bot.audit.reading.flat import every
from bot.audit.reading.source import FunctionNode
from bot.audit.rule import Context, Example, Hit, Rule
from bot.audit.surroundings.tallies import BROAD, claims_reproduction, tallies
from bot.domain.logs import Frame
from bot.domain.suite import FileLines, Observation, RaisedException


@dataclass(frozen=True)
class _Catch:
    """Where a test caught an exception: the line, and what caught it there (None: gathered, or by a library)."""

    line: int
    node: ast.Try | ast.TryStar | None = None
    handler: ast.ExceptHandler | None = None

    @property
    def broad(self) -> bool:
        """Whether anything at all is caught there."""
        return self.handler is None or self.handler.type is None or bool(handler_names(self.handler) & BROAD)


def _check(context: Context) -> Iterator[Hit]:
    for test in recorded(context):
        if not (test.passed and test.watched) or context.planned(test.view.case) is not None:
            continue
        hits = [hit for item in test.seen for raised in item.caught if (hit := _judged(context, test, raised))]
        if hits:
            yield min(hits, key=lambda hit: hit.severity is not None)


def _judged(context: Context, test: Recorded, raised: RaisedException) -> Hit | None:
    frame = next((item for item in reversed(raised.frames) if item.in_app), None)
    if frame is None:
        return None
    mistake = wrong_call(raised)
    where = context.program.by_path.get(frame.path)
    by_test = where is not None and not where.product and not frame.source.lstrip().startswith("raise")
    if mistake is not None and (by_test or mistake.by_double):
        of_class = "harness-as-repro"
        words = f"it caught a mistake of its own: {named(raised)}"
    elif _refused(raised) and by_test and claims_reproduction(test.view):
        of_class = "infra-as-repro"
        words = f"it caught that a server is missing: {named(raised)}"
    else:
        return None
    caught = _caught(context, test, raised)
    if caught is None:
        return None
    if not caught.broad and not claims_reproduction(test.view):
        return None  # it asks for this very exception
    if claims_reproduction(test.view) or _counts(test, caught):
        return test.hit(f"{words}, and that counts as what it shows", at=caught.line, of_class=of_class)
    if caught.handler is not None and any(is_check(item) for part in caught.handler.body for item in ast.walk(part)):
        return None  # what it asserts of the exception is there to be read
    if _left_out(test, caught):
        return test.hit(f"{words}, so what it wanted to assert did not run", at=caught.line,
                        of_class="swallowed-failure")
    return test.hit(words, at=caught.line, warning=True)


def _refused(raised: RaisedException) -> bool:
    return "service" in environment_signal(raised, ()) and not raised.frames[-1].source.lstrip().startswith("raise")


def _caught(context: Context, test: Recorded, raised: RaisedException) -> _Catch | None:
    """What in the tests caught an exception; None where it was expected, or where its way does not show."""
    for frame in reversed(raised.frames):
        module = context.program.by_path.get(frame.path)
        if module is None or module.product:
            continue
        line = frame.line if frame.path == test.view.source.path else test.view.node.lineno
        inner = _innermost(module.source.tree, frame)
        if isinstance(inner, ast.With | ast.AsyncWith | ast.Call):
            return None
        if inner is not None:
            handler = next((one for one in inner.handlers if _matches(one, raised)), None)
            return None if handler is None else _Catch(line, inner, handler)
    gathers = any(word.arg == "return_exceptions" for call in test.view.calls for word in call.keywords)
    return _Catch(test.view.node.lineno) if gathers else None


def _innermost(tree: ast.Module, frame: Frame) -> ast.Try | ast.TryStar | ast.With | ast.AsyncWith | ast.Call | None:
    """The innermost `try`, block or call in a file that catches or expects what is raised at a frame's line."""
    found: list[tuple[int, ast.Try | ast.TryStar | ast.With | ast.AsyncWith | ast.Call]] = []
    trys: list[ast.Try | ast.TryStar] = [*every(tree, ast.Try), *every(tree, ast.TryStar)]
    found += [(node.lineno, node) for node in trys
              if node.handlers and node.body[0].lineno <= frame.line <= (node.body[-1].end_lineno or 0)]
    blocks: list[ast.With | ast.AsyncWith] = [*every(tree, ast.With), *every(tree, ast.AsyncWith)]
    for block in blocks:
        inside = block.lineno <= frame.line <= (block.end_lineno or 0)
        if inside and any(raises_names(item.context_expr) for item in block.items):
            found.append((block.lineno, block))
    found += [(call.lineno, call) for call in every(tree, ast.Call)
              if call.lineno <= frame.line <= (call.end_lineno or 0) and raises_names(call)]
    functions: list[FunctionNode] = [*every(tree, ast.FunctionDef), *every(tree, ast.AsyncFunctionDef)]
    starts = [item.lineno for item in functions if item.lineno <= frame.line <= (item.end_lineno or 0)]
    # What stands around the function that ran is not what caught it: the function is called elsewhere.
    found = [item for item in found if item[0] >= max(starts, default=0)]
    return max(found, key=lambda item: item[0])[1] if found else None


def _matches(handler: ast.ExceptHandler, raised: RaisedException) -> bool:
    names = handler_names(handler)
    kinds = {name.rpartition(".")[2] for name in (raised.type, *raised.bases)} | {"BaseException"}
    return handler.type is None or bool(names & kinds)


def _counts(test: Recorded, caught: _Catch) -> bool:
    """Whether what was caught is counted in something that an assertion wants to be filled."""
    return any(caught.handler is None or tally.node is caught.handler or any(
        item is caught.handler for item in ast.walk(tally.node)) for tally in tallies(test.view))


def _left_out(test: Recorded, caught: _Catch) -> bool:
    """Whether none of the assertions came to its end, or none of those in the `try` in which it was caught."""
    inside = {item for part in caught.node.body for item in ast.walk(part)} if caught.node is not None else set()
    checks = [item for item in test.asserted if item.style != "fail" and item.node in inside]
    ended = [item for item in test.asserted if test.ran(item.node) and not (
        getattr(item.node, "lineno", 0) <= caught.line <= (getattr(item.node, "end_lineno", 0) or 0))]
    return not ended or bool(checks and not any(item in ended for item in checks))


_ID = "tests/unit/test_example.py::test_one"
_PATH = "tests/unit/test_example.py"
_BAD = """\
from product.service import one


def test_one():
    try:
        assert one(deep=True) == 1
    except Exception as error:
        print(error)
"""


_GOOD = """\
from product.service import one


def test_one():
    try:
        found = one()
    except OverflowError as error:
        raise AssertionError('too much for one') from error
    assert found == 1
"""


def _seen() -> tuple[Observation, ...]:
    raised = RaisedException(
        type="TypeError", bases=("TypeError", "Exception"), message="one() got an unexpected keyword argument 'deep'",
        frames=(Frame(path=_PATH, line=6, function="test_one", source="assert one(deep=True) == 1", in_app=True),))
    lines = (FileLines(path=_PATH, lines=(5, 6, 7, 8)),)
    return (Observation(test=_ID, path=_PATH, line=4, status="passed", watched=True, lines=lines, caught=(raised,)),)


RULE = Rule(
    id="mistake-caught",
    defect_class="swallowed-failure",
    title="The test caught a mistake of its own, and passed",
    rationale=(
        "A call that does not fit, an unknown name or a server that is not there came to the test in the run, and it "
        "counted or ignored that: with every product it would come to the same."
    ),
    hint="Call the product as it is defined, and catch only the exception that it documents.",
    check=_check,
    needs_run=True,
    good=Example(
        _GOOD, "def one():\n    return 1\n",
        observations=(Observation(test=_ID, path=_PATH, line=4, status="passed", watched=True, lines=(
            FileLines(path=_PATH, lines=(5, 6, 9)), FileLines(path="product/service.py", lines=(2,)))),)),
    bad=Example(_BAD, "def one():\n    return 1\n", observations=_seen()),
)
