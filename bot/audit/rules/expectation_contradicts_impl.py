"""An expected value or exception that is not the one that the implementation gives, in the state the test builds."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.audit.evaluating.documented import demands, leaves_open, prose_about, speaks_for
from bot.audit.evaluating.evaluate import Evaluation, Judged, Refuted, parameter_sets
from bot.audit.evaluating.expressions import Frame
from bot.audit.evaluating.values import Box, Known, Place, Several, Thing, Value, plain, via
from bot.audit.reading.flat import walk
from bot.audit.reading.source import FunctionNode
from bot.audit.rule import WARNING, Context, Example, Found, Rule, per_test, said
from bot.audit.view import View

_MOST_SHOWN = 60
_MOST_UNDECIDED = 2
"""Rows of a parametrised test that evaluation could say nothing of, after which it looks at no more."""


def _held(value: Value) -> object:
    """A value as it is shown and looked for in prose."""
    if isinstance(value, Known):
        return value.value
    if isinstance(value, Thing) and not value.member:
        return f"{value.cls.node.name}(...)"
    if isinstance(value, Thing):
        return f"{value.cls.node.name}.{value.member}"
    if isinstance(value, Several):
        return tuple(_held(item) for item in value.items)
    if isinstance(value, Box) and value.kind == "dict":
        return {_key(_held(key)): _held(item) for key, item in value.pairs()}
    return [_held(item) for item in value.items] if isinstance(value, Box) else None


def _key(held: object) -> object:
    return held if isinstance(held, str | int | float | tuple | None) else str(held)


def _through(value: Value, expression: ast.expr) -> Place | None:
    """Where in the product a value comes from or went through; an enumeration's member as it is written does not."""
    if isinstance(value, Thing) and value.member and value.cls.module.product:
        written = isinstance(expression, ast.Attribute) and expression.attr == value.member
        return None if written else Place(value.cls.module.source.path, value.cls.node.lineno, True)
    return via((value,))


def _sides(judged: Judged) -> tuple[ast.expr, Place, Value, Value] | None:
    """The product's expression, where its value comes from, the value, and the expected value."""
    left, right = judged.left, judged.right
    if plain(left) is None or plain(right) is None or len(judged.sides) != 2:
        return None
    one, two = judged.sides
    for mine, other, expression, against in ((left, right, one, two), (right, left, two, one)):
        place = _through(mine, expression)
        if place is not None and not isinstance(expression, ast.Constant) and _through(other, against) is None:
            return expression, place, mine, other
    return None


def _predicted(context: Context, view: View, entered: frozenset[str], failure: str) -> bool:
    planned = context.planned(view.case)
    if planned is None or planned.expectation.failure != failure:
        return False
    return planned.expectation.reaches.key in entered


def _is_stated(value: Value) -> bool:
    """Whether a value is a literal of the product, as it stands there."""
    return isinstance(value, Known) and value.origin is not None and value.origin.product


def _may_be_meant(
    context: Context, place: Place, expression: ast.expr, mine: Value, expected: object, actual: object
) -> bool:
    """Whether a computed value comes from code that says in words what it gives, and those may support the test."""
    empty = isinstance(expression, ast.Call) and not actual  # which way a function took, not what it is made of
    if isinstance(mine, Known) and mine.origin is not None and not empty:
        return False
    return leaves_open(context.program.by_path[place.path].source, place, expected, actual)


def _contradicted(context: Context, view: View, judged: Judged) -> Iterator[Found]:
    found = _sides(judged)
    if found is None or _predicted(context, view, judged.entered, "assertion"):
        return
    expression, place, mine, other = found
    module = context.program.by_path[place.path]
    actual, expected = _held(mine), _held(other)
    flag = isinstance(actual, bool)
    if actual is None or (flag and not (_is_stated(mine) and _is_field(view, expression))):
        return  # nothing, and what a condition comes to, are behaviour: the test may be right about it
    if speaks_for(module.source, place, expected, actual):
        return
    if flag and any(_last_word(expression) in sentence for sentence in prose_about(module.source, place)):
        return
    message = (
        f"`{said(judged.test)}` expects {_short(expected)}, but in the state that the test builds "
        f"`{said(expression)}` is {_short(actual)} ({place.path}:{place.line}: {module.source.line(place.line)})"
    )
    if _may_be_meant(context, place, expression, mine, expected, actual):
        yield judged.node, message, WARNING
    else:
        yield judged.node, message


def _is_field(view: View, expression: ast.expr) -> bool:
    """Whether an expression reads an attribute that no class computes."""
    if not isinstance(expression, ast.Attribute):
        return isinstance(expression, ast.Name | ast.Subscript)
    return not any(isinstance(item.members.get(expression.attr), FunctionNode) for item in view.program.classes)


def _last_word(expression: ast.expr) -> str:
    return expression.attr if isinstance(expression, ast.Attribute) else ast.unparse(expression)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 3]}..."


def _refuted(context: Context, view: View, refuted: Refuted) -> Iterator[Found]:
    if _predicted(context, view, refuted.entered, "assertion"):
        return
    places = [refuted.place] if refuted.place is not None and refuted.place.product else []
    for key in sorted(refuted.entered):
        path, _, name = key.partition("::")
        places += [Place(path, line, True) for line in _lines_of(context, path, name)]
    wanted = tuple(refuted.wanted.split(" or "))
    if any(demands(context.program.by_path[place.path].source, place, wanted) for place in places):
        return
    where = f" ({places[0].path}:{places[0].line})" if places else ""
    yield (
        refuted.node,
        f"the test expects {refuted.wanted}, but in the state that it builds {refuted.instead}{where}",
    )


def _lines_of(context: Context, path: str, qualname: str) -> Iterator[int]:
    name = qualname.rpartition(".")[2]
    for node in walk(context.program.by_path[path].source.tree):
        if isinstance(node, FunctionNode) and node.name == name:
            yield node.lineno


def _evaluations(view: View) -> Iterator[Evaluation]:
    """The test's evaluation, or one for each instance of it where it is parametrised."""
    _ = view.judged
    yield view.evaluation
    undecided = 0
    for given in parameter_sets(view.case):
        if undecided == _MOST_UNDECIDED:
            return  # what is unknown for some rows is so for the others
        evaluation = view.evaluation_with({})
        frame = Frame(view.scope, {})
        evaluation.give({name: evaluation.literal(value, frame) for name, value in given.items()})
        decided = any(item.holds is not None for item in evaluation.run())
        undecided += not (decided or evaluation.refuted)
        yield evaluation


def contradictions(context: Context, view: View) -> Iterator[Found]:
    """Where an assertion of a test is false for what the implementation states, and nothing speaks for it."""
    told: set[ast.AST] = set()
    for evaluation in _evaluations(view):
        for judged in evaluation.judged:
            if judged.holds is False and judged.node not in told:
                for found in _contradicted(context, view, judged):
                    told.add(judged.node)
                    yield found
        for refuted in evaluation.refuted:
            if refuted.node not in told:
                told.add(refuted.node)
                yield from _refuted(context, view, refuted)


RULE = Rule(
    id="expectation-contradicts-impl",
    defect_class="expectation-contradicts-impl",
    title="The expected value is not the one in the code",
    rationale="The implementation states a constant, default or setting, nothing in its documentation speaks for the "
    "expected one, and the test does not reproduce the incident by it: the expectation was made up.",
    hint="Read the value from the implementation in the state that the test builds, or build the state that you mean.",
    check=per_test(contradictions),
    good=Example(
        test="""\
from product.service import Service


def test_timeout():
    assert Service(cloud=True).timeout == 60.0
""",
        implementation="""\
LOCAL = 10.0


class Service:
    def __init__(self, cloud=False):
        self.timeout = 60.0 if cloud else LOCAL
""",
    ),
    bad=Example(
        test="""\
from product.service import Service


def test_timeout():
    assert Service().timeout == 60.0
""",
        implementation="""\
LOCAL = 10.0


class Service:
    def __init__(self, cloud=False):
        self.timeout = 60.0 if cloud else LOCAL
""",
    ),
)
