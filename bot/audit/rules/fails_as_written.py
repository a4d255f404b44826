"""A test that certainly fails, as an interpretation of it shows, and that no word of the implementation speaks for."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bot.audit.dataflow.flow import Kind, kinds
from bot.audit.interpret.interpretation import Run, interpreted
from bot.audit.interpret.ops import text_of
from bot.audit.interpret.values import UNKNOWN, GaveUp
from bot.audit.observed.support import Claim, Word, judge
from bot.audit.reading.checks import raises_names
from bot.audit.reading.flat import ancestors, every
from bot.audit.rule import Context, Example, Hit, Rule
from bot.audit.rules.expectation_contradicts_impl import contradictions
from bot.audit.surroundings.tallies import title
from bot.audit.view import View

_AUTO = re.compile(r"asyncio_mode\"?\s*=\s*[\"']?auto")
_NOT_RAISED = re.compile(r"DID NOT RAISE (\w+)")
_MOST_SHOWN = 70
_OURS = "interpreted."


def awaits_by_itself(context: Context) -> bool:
    """Whether the project's configuration lets async tests run without a mark."""
    return _AUTO.search(context.config) is not None


def _check(context: Context) -> Iterator[Hit]:
    auto = awaits_by_itself(context)
    for view in context.views:
        if context.planned(view.case) is not None:
            continue  # it is to fail; whether it does so as it should is another question
        for run in interpreted(view, auto=auto).runs:
            if run.outcome == "failed":
                if not any(True for _ in contradictions(context, view)):
                    yield from _judged(context, view, run)
                break


def _judged(context: Context, view: View, run: Run) -> Iterator[Hit]:
    error, node = run.error, run.node
    if node is None or error is None or not run.entered:
        return
    name = type(error).__name__
    if name == "WrongCall" or isinstance(error, NameError | AttributeError | TypeError) or not _says(error):
        return  # a wrong call or name: other rules say so in better words
    if not isinstance(error, AssertionError) and (name == "NotImplementedError" or _is_expected(node, name)):
        return  # what the test waits for, or an abstract method that an heir fills: something was not followed
    expected, actual, said = _sides(view, run)
    prose = tuple(text for text in (ast.get_docstring(view.node) or "", title(view)) if text)
    keys = tuple(function.key for function in run.entered.values())
    word, sentence = judge(context.program, keys, Claim(view.node.name, prose, expected, actual))
    if word is Word.SUPPORTED:
        return
    if word is Word.SILENT and not expected and not actual and not run.in_product:
        return
    if any(text.startswith(_OURS) for text in re.findall(r"[\w.]+", f"{expected} {actual}")):
        return  # the name of a module that only the interpretation has
    line = getattr(node, "lineno", view.node.lineno)
    if context.program.home_of(node) is not view.module:
        line = view.node.lineno
    last = list(run.entered.values())[-1]
    where = f"{last.info.source.path}:{last.node.lineno}"
    against = f" Its words say so, too: \"{sentence[:120]}\"" if word is Word.CONTRADICTED else ""
    yield Hit(view.source.path, line, view.case.id, f"{said}, in the state that the test builds ({where}).{against}",
                     view.source.line(line))


def _is_expected(node: ast.AST, name: str) -> bool:
    """Whether the statement at which it failed is one that expects just this exception."""
    around: list[ast.AST] = [node, *ancestors(node)]
    statement = next((item for item in around if isinstance(item, ast.stmt)), node)
    return any(name in raises_names(call) for call in every(statement, ast.Call))


def _says(error: BaseException) -> bool:
    """Whether an exception is one that an assertion or the product's own `raise` gives."""
    if isinstance(error, AssertionError):
        return True
    tail = error.__traceback__
    while tail is not None and tail.tb_next is not None:
        tail = tail.tb_next
    return tail is not None and tail.tb_frame.f_code.co_name == "throw"


def _short(value: object) -> str:
    try:
        text = text_of(value, repr)
    except (GaveUp, Exception):  # noqa: BLE001
        return ""
    if text is UNKNOWN:
        return ""
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN - 3]}..."


def _sides(view: View, run: Run) -> tuple[str, str, str]:
    """What the test wanted, what it got, and both in words."""
    error = run.error
    assert error is not None
    text = text_of(error)
    missing = _NOT_RAISED.search(text) if text is not UNKNOWN and isinstance(error, AssertionError) else None
    if missing:
        return missing[1], "", f"the test expects {missing[1]}, but the code does not raise it"
    if not isinstance(error, AssertionError):
        name = type(error).__name__
        return "", name, f"the code raises {name} ({_short(error.args[0] if error.args else '')})"
    met = next((item for item in reversed(run.met) if item.holds is False), None)
    if met is None:
        return "", "", "an assertion of the test does not hold"
    left, right = _short(met.left), _short(met.right)
    first, second = _operands(met.node)
    if first is not None and second is not None and Kind.PRODUCT in kinds(view, second) - kinds(view, first):
        left, right, first = right, left, second
    if not left or not right:
        test = met.node.test if isinstance(met.node, ast.Assert) else met.node
        return right, left, f"`{ast.unparse(test)[:_MOST_SHOWN]}` does not hold"
    what = ast.unparse(first)[:_MOST_SHOWN] if first is not None else "what it looks at"
    return right, left, f"the test expects {right}, but `{what}` is {left}"


def _operands(node: ast.AST) -> tuple[ast.expr | None, ast.expr | None]:
    if isinstance(node, ast.Assert) and isinstance(node.test, ast.Compare):
        return node.test.left, node.test.comparators[0]
    if isinstance(node, ast.Call) and len(node.args) >= 2:
        return node.args[0], node.args[1]
    return None, None


RULE = Rule(
    id="fails-as-written",
    defect_class="expectation-contradicts-impl",
    title="The test fails whenever it runs",
    rationale="Followed step by step, the test ends in a failed assertion, and nothing in the implementation's words "
    "speaks for what it expects: the expectation was made up.",
    hint="Read in the implementation what it gives in this state, or build the state that you mean. If the "
    "implementation is wrong, say so in the plan, or in its documentation.",
    check=_check,
    good=Example(
        test="""\
from product.service import Basket


def test_discount():
    basket = Basket()
    for price in (40, 60):
        basket.add(price)
    assert basket.total() == 90
""",
        implementation="""\
class Basket:
    def __init__(self):
        self.prices = []

    def add(self, price):
        self.prices.append(price)

    def taken(self):
        for price in self.prices:
            yield price * 9 // 10 if len(self.prices) > 1 else price

    def total(self):
        return sum(self.taken())
""",
    ),
    bad=Example(
        test="""\
from product.service import Basket


def test_discount():
    basket = Basket()
    for price in (40, 60):
        basket.add(price)
    assert basket.total() == 80
""",
        implementation="""\
class Basket:
    def __init__(self):
        self.prices = []

    def add(self, price):
        self.prices.append(price)

    def taken(self):
        for price in self.prices:
            yield price * 9 // 10 if len(self.prices) > 1 else price

    def total(self):
        return sum(self.taken())
""",
    ),
)

