"""The wrong outcome itself is asserted, so that the test is green only while the defect is there."""

from __future__ import annotations

import ast
import inspect
import io
import re
import tokenize
from collections.abc import Iterator

from bot.audit.dataflow.flow import Asserted, Kind, asserted, kinds, resolve
from bot.audit.reading.checks import raises_names
from bot.audit.reading.definitions import ClassInfo, FunctionInfo, last_name
from bot.audit.reading.flat import every, walk
from bot.audit.reading.program import Missing, ModuleInfo
from bot.audit.reading.references import Bound, Instance, is_product
from bot.audit.reading.signatures import why_not
from bot.audit.rule import WARNING, Context, Example, Found, Rule, per_test, said
from bot.audit.view import View
from bot.domain.suite import FailureKind

_NOT_YET = (
    r"(?:fix(?:ed|es)?|implement(?:ed|s)?|support(?:ed|s)?|add(?:ed|s)?|exists?|resolved?|introduced?|available|there|"
    r"repaired|corrected)"
)
_PUT_RIGHT = r"(?:fix(?:ed|es)?|implemented|supported|resolved|introduced|repaired|corrected|added)"
_PLAIN = r"(?:(?!\b(?:no|not|never|without|isn't|doesn't|aren't|don't)\b)[^.])"
_RED_AFTER_FIX = re.compile(
    rf"(?<!not )(?<!never )\b(?:fails?|breaks?|(?:turns?|goes?|becomes?)\s+red|red)\b[^.]{{0,40}}?"
    rf"(?:\b(?:once|as soon as|after)\b{_PLAIN}{{0,60}}?\b{_NOT_YET}\b"
    rf"|\b(?:when|if)\b{_PLAIN}{{0,60}}?\b(?:is|are|was|gets?|has been|have been|someone|somebody)\b"
    rf"{_PLAIN}{{0,20}}?\b{_PUT_RIGHT}\b)"
    rf"|\b{_NOT_YET}\b[^.]{{0,20}}?[?!,;:.-]+\s*(?:then\s+)?(?:please\s+)?(?:delete|remove|update|drop|adapt)\b"
    r"(?! it (?:if|when|unless)\b)[^.]*\btest\b"
    rf"|\bpass(?:es)?\s+(?:now|today|until|only while|as long as)\b[^.]*",
    re.IGNORECASE,
)
"""Words by which a test says that putting the defect right makes it fail."""

_OF_A_DEFECT = re.compile(
    r"\b(?:bugs?|defects?|gaps?|known (?:issue|problem)|missing|lacks?|not (?:yet )?(?:implemented|supported)|no way to"
    r"|"
    r"does(?:n't| not) (?:exist|support|accept|have)|expected to fail|should fail|until (?:it is |it's )?fixed|"
    r"before (?:the )?fix|reproduc\w*|demonstrat\w*|broken|should (?:accept|have|exist|support)|unsupported)\b",
    re.IGNORECASE,
)
"""Words by which a test says that it is about something that is wrong or missing at present."""

_CALL_ERRORS = frozenset({"TypeError", "AttributeError"})


def _told(view: View) -> str:
    """What a test says of itself: name, documentation, messages and comments."""
    first = min([view.node.lineno, *(item.lineno for item in view.node.decorator_list)])
    lines = view.source.lines[first - 1 : view.node.end_lineno]
    parts = [view.node.name.replace("_", " "), inspect.cleandoc(ast.get_docstring(view.node) or "")]
    parts += [
        item.value
        for item in view.nodes
        if isinstance(item, ast.Constant) and isinstance(item.value, str) and " " in item.value
    ]
    text = "\n".join(lines)
    if "#" in text:
        try:
            tokens = tokenize.generate_tokens(io.StringIO(inspect.cleandoc(text) + "\n").readline)
            parts += [item.string.lstrip("# ") for item in tokens if item.type == tokenize.COMMENT]
        except (tokenize.TokenError, SyntaxError):
            pass
    return "\n".join(re.sub(r"\s+", " ", part) for part in parts)


def _marked_xfail(view: View) -> bool:
    decorators = [*view.node.decorator_list, *(item for cls in view.case.classes for item in cls.decorator_list)]
    return any(last_name(item) in {"xfail", "expectedFailure"} for item in decorators)


def _lacks(view: View, owner: ast.expr, name: ast.expr) -> str:
    """The name of a product class or module without such an attribute; empty where it has one or may have."""
    if not isinstance(name, ast.Constant) or not isinstance(name.value, str):
        return ""
    found = resolve(view, owner)
    if isinstance(found, ModuleInfo) and found.product:
        missing = isinstance(view.program.member(found, name.value), Missing)
        return found.name if missing else ""
    cls = found.cls if isinstance(found, Instance) else found
    if isinstance(cls, ClassInfo) and cls.module.product and cls.closed and not cls.has(name.value):
        return cls.node.name
    return ""


def _negated(node: ast.AST) -> ast.expr | None:
    """What an assertion says is false."""
    if isinstance(node, ast.Assert) and isinstance(node.test, ast.UnaryOp) and isinstance(node.test.op, ast.Not):
        return node.test.operand
    if isinstance(node, ast.Call) and last_name(node.func) == "assertFalse" and node.args:
        return node.args[0]
    if isinstance(node, ast.Assert) and isinstance(node.test, ast.Compare) and len(node.test.ops) == 1:
        last = node.test.comparators[0]
        if isinstance(node.test.ops[0], ast.Is | ast.Eq) and isinstance(last, ast.Constant) and last.value is False:
            return node.test.left
    return None


def _absent_attribute(view: View, item: Asserted) -> str:
    """How an assertion says that a product class or module lacks something, where that is so."""
    asked = _negated(item.node)
    if isinstance(asked, ast.Call) and last_name(asked.func) == "hasattr" and len(asked.args) == 2:
        lacking = _lacks(view, asked.args[0], asked.args[1])
        return f"`{lacking}` has no {said(asked.args[1])}" if lacking else ""
    return _absent_parameter(view, item.node)


def _absent_parameter(view: View, node: ast.AST) -> str:
    """How an assertion says that a product function does not take a parameter, where that is so."""
    parts: list[ast.expr] = []
    if isinstance(node, ast.Assert) and isinstance(test := node.test, ast.Compare) and len(test.ops) == 1:
        parts = [test.left, test.comparators[0]] if isinstance(test.ops[0], ast.NotIn) else []
    elif isinstance(node, ast.Call) and last_name(node.func) == "assertNotIn":
        parts = node.args[:2]
    if len(parts) != 2 or not isinstance(name := parts[0], ast.Constant) or not isinstance(name.value, str):
        return ""
    listed = parts[1]
    if isinstance(listed, ast.Name):  # parameters = inspect.signature(f).parameters
        values = [value for kind, value in view.bare_scope.bound(view.node).get(listed.id, []) if kind == "value"]
        listed = values[0] if len(values) == 1 and isinstance(values[0], ast.expr) else listed
    for item in walk(listed):
        if isinstance(item, ast.Call) and last_name(item.func) in {"signature", "getfullargspec"} and item.args:
            found = resolve(view, item.args[0])
            function = found.function if isinstance(found, Bound) else found
            if isinstance(found, ClassInfo) and found.constructor is not None and is_product(found):
                names = {parameter.name for parameter in found.constructor.all}
                return f"`{found.node.name}` takes no `{name.value}`" if name.value not in names else ""
            if isinstance(function, FunctionInfo) and function.module.product and not function.opaque:
                names = {parameter.name for parameter in function.parameters.all}
                return f"`{function.qualname}` takes no `{name.value}`" if name.value not in names else ""
    return ""


def _refused_call(view: View, item: Asserted) -> str:
    """How a block expects the error of a call that the product does not offer, where it does not."""
    if not isinstance(item.node, ast.With | ast.AsyncWith):
        return ""
    names = frozenset[str]().union(*(raises_names(manager.context_expr) for manager in item.node.items))
    if not names & _CALL_ERRORS:
        return ""
    for node in (part for statement in item.node.body for part in walk(statement)):
        if isinstance(node, ast.Attribute) and "AttributeError" in names:
            lacking = _lacks(view, node.value, ast.Constant(node.attr))
            if lacking:
                return f"`{lacking}` has no `{node.attr}`"
        if isinstance(node, ast.Call) and "TypeError" in names:
            found = resolve(view, node.func)
            takes = None
            if isinstance(found, ClassInfo):
                takes = found.constructor
            elif isinstance(found, Bound):
                takes = found.function.parameters if found.function.is_static else (
                    found.function.parameters.without_first())
            elif isinstance(found, FunctionInfo) and not found.opaque and found.owner is None:
                takes = found.parameters
            if takes is not None and is_product(found) and (reason := why_not(node, takes)):
                return f"`{said(node.func)}` {reason}"
    return ""


def _compares_itself(view: View, test: ast.expr) -> bool:
    """Whether a comparison asks an object of the product, which says itself what it equals: a matcher."""
    if not (isinstance(test, ast.Compare) and all(isinstance(op, ast.Eq | ast.NotEq) for op in test.ops)):
        return False
    key = "the product says what is equal"
    if key not in view.program.memo:
        view.program.memo[key] = any("__eq__" in cls.members for cls in view.program.classes if cls.module.product)
    if not view.program.memo[key]:
        return False
    return any(_is_matcher(view, side) for side in (test.left, *test.comparators))


def _is_matcher(view: View, side: ast.expr) -> bool:
    """Whether an expression is an object, or class, of the product that was made to be compared with."""
    found = resolve(view, side)
    if isinstance(found, Instance | ClassInfo):
        cls = found.cls if isinstance(found, Instance) else found
        return is_product(found) and (not cls.closed or any("__eq__" in item.members for item in cls.order))
    plain = isinstance(side, ast.Name | ast.BinOp | ast.UnaryOp) or (
        isinstance(side, ast.Call) and isinstance(side.func, ast.Name)
    )
    return plain and Kind.PRODUCT in kinds(view, side) and not _is_computed(view, side)


def _is_computed(view: View, side: ast.expr) -> bool:
    """Whether a name holds what a function or method of the product gave, which is a plain value as a rule."""
    bound = view.bare_scope.bound(view.node).get(side.id, []) if isinstance(side, ast.Name) else []
    values = [value for _, value in bound if isinstance(value, ast.expr)] if bound else [side]
    if any(True for value in values for _ in every(value, ast.Await)):
        return True
    calls = [call.func for value in values for call in every(value, ast.Call)]
    return any(
        isinstance(func, ast.Attribute) or not isinstance(resolve(view, func), ClassInfo | None) for func in calls
    )


def _inverted(view: View, item: Asserted) -> bool:
    """Whether a block expects the failure of an assertion that it makes itself on the product."""
    if not isinstance(item.node, ast.With | ast.AsyncWith):
        return False
    if not any("AssertionError" in raises_names(manager.context_expr) for manager in item.node.items):
        return False
    inner = {
        part
        for statement in item.node.body
        for part in walk(statement)
        if isinstance(part, ast.Assert) and not _compares_itself(view, part.test)
    }
    return any(other.node in inner and Kind.PRODUCT in other.kinds for other in asserted(view))


def _look(context: Context, view: View) -> Iterator[Found]:
    if not context.program.product_modules or _marked_xfail(view):
        return
    outcomes = context.outcomes_of(view.case.id)
    if any(item.kind is not FailureKind.PASSED for item in outcomes):
        return  # red: whatever it says, it does not hold on the present code
    told = _told(view)
    red = _RED_AFTER_FIX.search(told)
    of_a_defect = red or _OF_A_DEFECT.search(told)
    own = [item for item in asserted(view) if item.own]
    for item in own:
        if _inverted(view, item):
            yield item.node, "it expects its own assertion to fail: it is green only while the code is wrong"
            return
        absent = _absent_attribute(view, item) or (_refused_call(view, item) if of_a_defect else "")
        if absent and of_a_defect:
            yield item.node, f"it holds only as long as {absent}, which the test itself calls a defect"
            return
        if " takes no " in absent:
            yield item.node, f"it holds only as long as {absent}", WARNING
    if red is None or any(item.holds is False for item in view.judged):
        return
    on_product = [item for item in own if item.kinds & {Kind.PRODUCT, Kind.UNKNOWN}]
    if on_product:
        words = re.sub(r"\s+", " ", red[0]).strip()[:80]
        yield on_product[0].node, f"by its own words it fails once the code is put right (“{words}”)"


RULE = Rule(
    id="bug-enshrined",
    defect_class="bug-enshrined",
    title="The test holds the defect in place",
    rationale=(
        "A test that asserts the wrong outcome is green while the code is wrong and red when it is put right: it "
        "proves no reproduction, and it stands in the way of the fix."
    ),
    hint="Assert the right outcome: the test is red now and green after the fix. Mark it xfail until then.",
    check=per_test(_look),
    good=Example(
        test='''\
from product.service import Validator


def test_waits_until_stable():
    """Reproduces the missing stability check: fails until it is implemented."""
    assert Validator().stable() is True
''',
        implementation="""\
class Validator:
    def __init__(self, probe=object):
        self.probe = probe

    def stable(self):
        return self.probe.stable()
""",
    ),
    bad=Example(
        test='''\
from product.service import Validator


def test_no_stability_check():
    """Documents the bug: it should FAIL once `wait_until_stable` is implemented."""
    assert not hasattr(Validator(), "wait_until_stable")
''',
        implementation="""\
class Validator:
    def stable(self):
        return False
""",
    ),
)
