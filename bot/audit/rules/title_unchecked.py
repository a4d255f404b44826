"""A test that passes just so with the behaviour in its title taken out of the product."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.audit.interpret.features import Kind
from bot.audit.interpret.frames import Function
from bot.audit.interpret.interpretation import Interpretation, Run, interpreted
from bot.audit.interpret.removals import Place, places, reaching, without
from bot.audit.rule import Context, Example, Hit, Rule, said
from bot.audit.rules.fails_as_written import awaits_by_itself
from bot.audit.surroundings.titled import suspects
from bot.audit.vacuity.titles import Claim, claimed, features, telling
from bot.audit.view import View

_CARRIED_BY: dict[Claim, frozenset[Kind]] = {
    Claim.EXCLUDES: frozenset({"skips", "answers"}),
    Claim.REJECTS: frozenset({"rejects", "answers", "skips", "decides"}),
    Claim.LIMITS: frozenset({"limits", "rejects", "skips", "answers", "decides"}),
    Claim.ONCE: frozenset({"answers", "skips", "rejects"}),
    Claim.ORDERS: frozenset({"orders"}),
    Claim.SURVIVES: frozenset({"survives"}),
    Claim.EXPIRES: frozenset({"rejects", "answers", "skips", "does", "decides"}),
    Claim.ATOMIC: frozenset({"survives"}),
    Claim.ISOLATES: frozenset({"skips"}),
    Claim.APPLIES: frozenset({"does", "limits"}),
}
_NO_MATTER = re.compile(
    r"\b(regardless|no matter|irrespective|makes? no difference|independent(ly)? of)\b", re.IGNORECASE
)
_ASKED_FOR = frozenset({"guards", "effects", "recency", "measures", "beside", "waits", "counts"})
"""Kinds of places that a title has to ask for by a feature."""
_EVERYWHERE = telling("id name value key data item result object type len list dict user")
"""Words that stand in any code."""
_SURE = 2
"""Words of a title that a place has to have to be certainly meant."""
_MOST_PLACES = 30
_FILE_STEPS = 60_000
"""Steps of the interpreter that all tests of one file may take here together."""

_SPENT = "too many steps in this file"


@dataclass(frozen=True, eq=False)
class Linked:
    """The places that carry what a title claims: `certain` by its own words, `others` that may."""

    certain: tuple[Place, ...]
    others: tuple[Place, ...]


def linked(view: View, functions: Sequence[Function]) -> Linked:
    """The places of some product functions that carry what a test's name claims."""
    claims = claimed(view.node.name)
    kinds = frozenset(kind for claim in claims for kind in _CARRIED_BY.get(claim, frozenset()))
    wanted = telling(view.node.name) - _EVERYWHERE
    sure: list[Place] = []
    certain: list[Place] = []
    named: list[Place] = []
    others: list[Place] = []
    for function in functions:
        own = telling(function.name.replace(".", " "))
        for place in _plain_places(function):
            about = telling(" ".join(_names(place)))
            if place.kind not in kinds or function.name.rpartition(".")[2].startswith("__"):
                if place.kind in kinds or (about & wanted and place.kind != "does"):
                    others.append(place)
            elif about & (wanted - own):
                certain.append(place)
                if len(about & (wanted - own)) >= _SURE:
                    sure.append(place)
            elif own & wanted and place.kind != "does":
                named.append(place)
            elif place.kind != "does":
                others.append(place)
    if sure:
        return Linked(tuple(certain), ())  # what the title names so fully is nowhere else
    if not certain:
        return Linked(tuple(named), tuple(others))
    return Linked(tuple(certain), (*named, *others))


def _plain_places(function: Function) -> list[Place]:
    return [] if isinstance(function.node, ast.Lambda) else [
        place for place in places(function.node) if not place.part and place.kind not in _ASKED_FOR]


def _names(place: Place) -> Iterator[str]:
    for node in place.about:
        for item in ast.walk(node):
            if isinstance(item, ast.Name):
                yield item.id
            elif isinstance(item, ast.Attribute):
                yield item.attr
            elif isinstance(item, ast.keyword):
                yield item.arg or ""
            elif isinstance(item, ast.Constant) and isinstance(item.value, str):
                yield item.value


def _check(context: Context) -> Iterator[Hit]:
    auto = awaits_by_itself(context)
    for view in context.views:
        if _NO_MATTER.search(f"{view.node.name.replace('_', ' ')}\n{ast.get_docstring(view.node) or ''}"):
            continue  # that what is taken out makes no difference here is what such a test shows
        if context.planned(view.case) is None and (claimed(view.node.name) or features(view.node.name)):
            hit = next(_judged(view, auto), None) or next(_featured(view, auto), None)
            if hit is not None:
                yield hit


def _judged(view: View, auto: bool) -> Iterator[Hit]:
    found = interpreted(view, auto=auto)
    if found.outcome != "passed" or not any(run.met for run in found.runs):
        return
    called = {node: function for run in found.runs for node, function in run.called.items()}
    link = linked(view, list(called.values()))
    if not link.certain or len(link.certain) + len(link.others) > _MOST_PLACES:
        return
    if any(_with(view, [place], auto).outcome != "passed" for place in link.certain):
        return
    if len(link.certain) > 1 and _with(view, link.certain, auto).outcome != "passed":
        return
    if any(_with(view, [place], auto).outcome == "failed" for place in link.others):
        return
    if view.program.memo["steps without titled places"].get(view.source.path, 0) > _FILE_STEPS:
        return  # what was not tried may be noticed
    place = link.certain[0]
    name = called[place.function].name
    yield Hit(view.source.path, view.node.lineno, view.case.id,
              f"it passes just so when `{name}` is without what its name claims: `{said(place.node)}`",
              view.source.line(view.node.lineno))


def _featured(view: View, auto: bool) -> Iterator[Hit]:
    """A feature that the name asks for, which the test does not miss."""
    found = interpreted(view, auto=auto)
    if found.outcome != "passed" or not any(run.met for run in found.runs):
        return
    called = {node: function for run in found.runs for node, function in run.called.items()}
    for suspect in suspects(view, list(called.values())):
        if len(suspect.places) + len(suspect.others) > _MOST_PLACES:
            continue
        if any(_with(view, [place], auto).outcome != "passed" for place in suspect.places):
            continue
        every = (*suspect.places, *suspect.more)
        if len(every) > 1 and _with(view, every, auto).outcome != "passed":
            continue
        if any(_with(view, [place], auto).outcome != "passed" for place in suspect.others):
            continue
        place = next((each for each in suspect.places if each.kind == "effects" or _is_reached(view, each, auto)), None)
        if place is None:
            continue
        name, line = called[place.function].name, view.node.lineno
        text = f"what `{name}` leaves behind" if place.kind == "effects" else f"`{said(place.node)}` in `{name}`"
        yield Hit(view.source.path, line, view.case.id,
                  f"its name says that it {suspect.feature.value}, but it passes just so without {text}",
                  view.source.line(line))


def _is_reached(view: View, place: Place, auto: bool) -> bool:
    found = _ran(view, reaching(place), auto)
    return found.outcome != "passed" and not any(run.why == _SPENT for run in found.runs)


def _with(view: View, taken: Sequence[Place], auto: bool) -> Interpretation:
    """What the test does with some places taken away."""
    return _ran(view, without(taken), auto)


def _ran(view: View, changed: Mapping[ast.AST, ast.AST], auto: bool) -> Interpretation:
    """What the test does with changed functions; unknown when the tests of its file have used up their steps."""
    memo, path = view.program.memo, view.source.path
    used: dict[str, int] = memo.setdefault("steps without titled places", {})
    if used.get(path, 0) > _FILE_STEPS:
        return Interpretation((Run("unknown", _SPENT),))
    machine = memo["interpreter"]
    spent, machine.spent = machine.spent, {}
    try:
        return interpreted(view, changed, auto=auto)
    finally:
        used[path] = used.get(path, 0) + machine.spent.get(path, 0)
        machine.spent = spent


_PRODUCT = """\
class Room:
    def __init__(self):
        self.members = {}

    def join(self, name):
        self.members[name] = []

    def send(self, message, exclude=None):
        targets = [name for name in self.members if name != exclude]
        for name in targets:
            self.members[name].append(message)
        return len(targets)
"""
_TEST = """\
from product.service import Room


def test_send_excludes_the_sender():
    room = Room()
    for name in ("ada", "bob"):
        room.join(name)
    count = room.send("hello", exclude="ada")
    assert count == 1
    assert "hello" in room.members["bob"]
"""

RULE = Rule(
    id="title-unchecked",
    defect_class="non-discriminating",
    title="The test passes without the behaviour in its title",
    rationale="Followed step by step, the test passes just so when the condition, filter, limit or handler that does "
    "what its name claims is taken out of the product.",
    hint="Assert what only the named behaviour gives, in a state in which it matters.",
    check=_check,
    good=Example(test=_TEST, implementation=_PRODUCT),
    bad=Example(test=_TEST.replace("count == 1", "count > 0"), implementation=_PRODUCT),
)
