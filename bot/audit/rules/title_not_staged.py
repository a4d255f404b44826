"""A test that never builds the state in which the behaviour in its title could show, or never looks at it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bot.audit.controlflow.asserting import predicate
from bot.audit.dataflow.flow import asserted
from bot.audit.reading.definitions import last_name
from bot.audit.reading.flat import walk
from bot.audit.rule import WARNING, Context, Example, Found, Rule, per_test
from bot.audit.surroundings.deciding import conditions, undoes
from bot.audit.surroundings.staging import Staging, staging
from bot.audit.vacuity.phrases import stem, words
from bot.audit.vacuity.titles import Claim, claimed
from bot.audit.view import View

_RECOVERS = re.compile(
    r"\bretr\w+ .*\b(recover\w*|succeeds?|resilien\w*|surviv\w*|until|errors?|failures?)\b|"
    r"\b(recover(s|ed|y)?|surviv(es|ed)|resilien\w*) .*\b(errors?|failures?|loss|lost|crash\w*|outages?|connections?|"
    r"restarts?|drops?|disconnect\w*)\b|\breconnects?\b .*\b(after|on|when|drop\w*|loss|disconnect\w*)\b|"
    r"\b(falls? ?back|fails? ?over)\b .*\b(on|when|if|after|down|fail\w*|error\w*|unavailable|outage)\b")
_ONCE = re.compile(
    r"\bidempoten\w*|\b(double|twice|duplicate)\b.*\b(charge|book\w*|spend\w*|payments?|submi\w*|process\w*)\b|"
    r"\bprevents? (double|duplicates?)\b")
_BOUND = re.compile(r"limit|max|concurren|burst|capacity|quota|per_|size|workers|bound|cap$", re.IGNORECASE)
_MOST_ITEMS = 100
"""A larger bound is seldom one for things that a test makes."""
_TURNED_AWAY = re.compile(
    r"reject|refus|den(y|ied)|error|fail|invalid|block|forbid|code|reason|status|exc|clos|except|raise|warn|problem|issue|"
    r"violat|unauth|bad|drop|missing|unchanged|kept|limit|log|output|msg|message|text|err", re.IGNORECASE)
_LIBRARY = re.compile(r"\bconcurrent futures?\b")
"""The name of a module of the language's own, by which a title says what it uses."""
_TOGETHER = re.compile(r"\bconcurrent(ly)?\b|\bsimultaneous(ly)?\b|\bin parallel\b|\bthread safe(ty)?\b")
_REJECTS = re.compile(r"\b(reject(s|ed)|refus(es|ed)|denie[sd]|forbidden|disallow(s|ed)|block(s|ed))\b")
_EXPIRES = re.compile(
    r"\bexpires\b|\bexpired (\w+ )?(is|are|was|were|gets?) |"
    r"\b(rejects|refuses|removes|evicts|drops|purges|deletes|denies) (\w+ )?expired\b")
_APART = re.compile(r"\bexclud(es|ed)\b|\bisolat(es|ed|ion)\b|\bleak(s|ed)?\b|\bcontaminat\w+\b")
_KEPT = r"(?<!when )(?<!if )\bonly (?:\w+ ){{0,2}}{} \w+"
_LEFT_OUT = (
    r"\b(?:in|un|dis|non){0} (?:\w+ ){{1,3}}(?:hidden|excluded|skipped|ignored|omitted|filtered|left out)\b|"
    r"\b(?:hides|excludes|skips|ignores|omits|filters(?: out)?) (?:\w+ )?(?:in|un|dis|non){0}\b")
"""What a title says of things that have a field, and of those that do not."""
_NAMING = {"limit", "max", "setting", "config", "default", "count"}


def _look(context: Context, view: View) -> Iterator[Found]:
    claims = claimed(view.node.name)
    if not claims or context.planned(view.case) is not None or not asserted(view):
        return
    if any(item.style in {"raises", "mock", "fail"} for item in asserted(view)):
        return
    stage = staging(view)
    text = " ".join(words(view.node.name))
    for claim, look in _LOOKS.items():
        if claim in claims:
            message = look(view, stage, text)
            if message:
                yield asserted(view)[-1].node if asserted(view)[-1].own else view.node, message
                return


def _atomic(view: View, stage: Staging, text: str) -> str:
    if not undoes(view.program) or stage.fails or stage.together or stage.peeks or stage.mentions(
            stem("atomic"), stem("transaction")):
        return ""
    return "the name claims that all or nothing is done, but nothing in the test fails halfway or runs beside it"


def _survives(view: View, stage: Staging, text: str) -> str:
    if not _RECOVERS.search(text) or stage.fails:
        return ""
    return "the name claims that it goes on after an error, but nothing in the test ever fails"


def _rejects(view: View, stage: Staging, text: str) -> str:
    if not _REJECTS.search(text) or view.reach.opaque:
        return ""
    for item in asserted(view):
        if not item.own or not _at_least(item.node):
            return ""
        names = {last_name(node) for node in walk(item.node) if isinstance(node, ast.Name | ast.Attribute)}
        texts = {str(node.value) for node in walk(item.node) if isinstance(node, ast.Constant)}
        if any(_TURNED_AWAY.search(name) for name in names | texts):
            return ""
    return "the name claims that something is turned away, but the assertions only say that something is there"


def _limits(view: View, stage: Staging, text: str) -> str:
    bounds = [word.value.value for node in stage.chosen if isinstance(node, ast.Call) for word in node.keywords
              if word.arg and _BOUND.search(word.arg) and isinstance(word.value, ast.Constant)
              and type(word.value.value) is int]
    most = max(stage.counts, default=0)
    if "cap" in text or len(set(bounds)) != 1 or not 1 < most <= bounds[0] <= _MOST_ITEMS or stage.fails:
        return ""
    checks = [item.node for item in asserted(view)]
    if not any(_at_most(check, bounds[0]) for check in checks):
        return ""
    return f"the name claims a limit, but the test gives at most {most} where {bounds[0]} are allowed"


def _at_most(check: ast.AST, bound: int) -> bool:
    test = predicate(check)
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.LtE | ast.Lt):
        last = test.comparators[0]
        return not isinstance(last, ast.Constant) or (isinstance(last.value, int) and last.value >= bound)
    return False


def _expires(view: View, stage: Staging, text: str) -> str:
    if not _EXPIRES.search(text) or stage.passes_time or stage.fails or view.reach.opaque:
        return ""
    return "the name claims that something expires, but no time passes in the test"


def _once(view: View, stage: Staging, text: str) -> str:
    if not _ONCE.search(text):
        return ""
    if not stage.repeats and not view.reach.opaque:
        return "the name claims what happens the second time, but the test does nothing twice"
    keys = [word.value for call in view.calls for word in call.keywords if word.arg and "idempot" in word.arg]
    values = [item.value for item in keys if isinstance(item, ast.Constant)]
    if len(values) == len(keys) > 1 and len(set(values)) == len(values) and "idempot" in text and not re.search(
            r"differ|distinct|other|several|key(s| is| are)", text) and not any(
            isinstance(node, ast.For | ast.AsyncFor | ast.While) for node in view.nodes):
        return "the name claims idempotency, but the test never uses one key twice"
    return ""


def _together(view: View, stage: Staging, text: str) -> str:
    claimed = _TOGETHER.search(_LIBRARY.sub("", text))
    if not claimed or stage.together or set(text.split()) & _NAMING or view.reach.opaque:
        return ""
    return "the name claims that much happens at the same time, but the test does one thing after another"


def _apart(view: View, stage: Staging, text: str) -> str:
    field = _never_other(view, stage, text)
    if field:
        return f"the name claims what becomes of things by their `{field}`, but the test makes none that differs in it"
    claimed_words = {stem(word) for word in text.split() if _APART.search(word)}
    if not claimed_words or stage.mentions(*(claimed_words - {stem("excludes")})):
        return ""
    if all(_at_least(item.node) for item in asserted(view)):
        return "the name claims that something is left out, but the assertions only say what is there"
    return ""


def _never_other(view: View, stage: Staging, text: str) -> str:
    """The field by which the product decides, that the title names, and that the test leaves true for all."""
    for field in sorted(conditions(view.program)):
        adjective = field.removeprefix("is_")
        if len(adjective) < 4 or not re.search(_KEPT.format(adjective) + "|" + _LEFT_OUT.format(adjective), text):
            continue
        if stage.mentions(*(stem(f"{un}{adjective}") for un in ("in", "un", "dis", "de"))):
            continue
        values = list(stage.settings(field))
        if all((isinstance(value, ast.Constant) and value.value is True) or (
                isinstance(value, ast.Name) and value.id == field and field in stage.fixtures) for value in values):
            return field
    return ""


def _at_least(check: ast.AST) -> bool:
    """Whether an assertion holds all the more when there is more than there should be."""
    if isinstance(check, ast.Call):
        return last_name(check.func) in {
            "assertIn", "assertTrue", "assertIsNotNone", "assertGreater", "assertGreaterEqual", "assertIsInstance",
        } and not any(isinstance(item, ast.Compare | ast.UnaryOp | ast.Call) for item in check.args[:1])
    test = predicate(check)
    if isinstance(test, ast.Compare):
        return len(test.ops) == 1 and (
            isinstance(test.ops[0], ast.In | ast.Gt | ast.GtE)
            or (isinstance(test.ops[0], ast.IsNot) and isinstance(test.comparators[0], ast.Constant)))
    return isinstance(test, ast.Name | ast.Attribute) or (
        isinstance(test, ast.Call) and last_name(test.func) in {"isinstance", "any", "hasattr"})


_LOOKS = {
    Claim.ATOMIC: _atomic,
    Claim.SURVIVES: _survives,
    Claim.ONCE: _once,
    Claim.TOGETHER: _together,
    Claim.REJECTS: _rejects,
    Claim.LIMITS: _limits,
    Claim.EXPIRES: _expires,
    Claim.EXCLUDES: _apart,
    Claim.ISOLATES: _apart,
}


_PRODUCT = """\
class Product:
    def __init__(self, name, active=True):
        self.name = name
        self.active = active


class Shop:
    def __init__(self, products):
        self.products = products

    def shown(self):
        return [product.name for product in self.products if product.active]
"""
_TEST = """\
from product.service import Product, Shop


def test_inactive_products_are_hidden():
    tea = Product("tea", active=True)
    cup = Product("cup", active=False)
    assert Shop([tea, cup]).shown() == ["tea"]
"""

RULE = Rule(
    id="title-not-staged",
    defect_class="non-discriminating",
    title="The test never builds the state that its title is about",
    rationale="Whether inactive things are hidden shows only where one is inactive, whether a failure is survived only "
    "where something fails, whether something is left out only to an assertion that would see it.",
    hint="Build the state in which the claim matters, and assert what would be otherwise without it.",
    check=per_test(_look),
    severity=WARNING,  # on tests by strangers it was wrong as often as right
    good=Example(test=_TEST, implementation=_PRODUCT),
    bad=Example(
        test=_TEST.replace("active=False", "active=True").replace('["tea"]', '["tea", "cup"]'),
        implementation=_PRODUCT,
    ),
)
