"""The places of the product that carry a feature which a test's title names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.audit.interpret.features import Kind
from bot.audit.interpret.frames import Code, Function
from bot.audit.interpret.removals import Place, places
from bot.audit.reading.definitions import last_name
from bot.audit.vacuity.phrases import meaning, words
from bot.audit.vacuity.titles import ABBREVIATED, Claim, Feature, claim_words, features, subject, telling, verbs_of
from bot.audit.view import View

EVERYWHERE = telling("id name value key data item result object type len list dict user self none str int time now")
"""Words that stand in any code."""
_PREVENTING: frozenset[Kind] = frozenset({"skips", "rejects", "answers", "decides", "guards", "limits"})
_CARRIED_BY: dict[Feature, frozenset[Kind]] = {
    Feature.PREVENTS: _PREVENTING,
    Feature.COUNTS_THESE: _PREVENTING,
    Feature.TURNS_AWAY: _PREVENTING,
    Feature.SINGLE: frozenset({"rejects", "answers", "skips"}),
    Feature.PREFERS: frozenset({"answers", "does", "decides"}),
    Feature.USES: frozenset({"does"}),
    Feature.GROWS: frozenset({"counts"}),
}
_SURELY = {Feature.COUNTS_THESE, Feature.TURNS_AWAY}
"""Features that any code may carry, so that a place has to be meant for certain."""
_BY_KIND: dict[Feature, Kind] = {
    Feature.RECENCY: "recency", Feature.BYTES: "measures", Feature.BESIDE: "beside", Feature.STALLS: "waits",
}
"""Features that one kind of code alone carries, whatever its names are."""
_RUNS_BESIDE = {"gather", "create_task", "TaskGroup", "create_task_group", "Thread", "ThreadPoolExecutor",
                "ensure_future"}
_CONTAINED = re.compile(
    r"\b(failures?|errors?|exceptions?|crash\w*|raising|broken)\b.*\b(not|never) (reach|propagat|leak|stop|break|kill|"
    r"abort|affect|block|bubble)")
SURE = 2
"""Words of a title that a place has to have to be certainly meant."""


@dataclass(frozen=True, eq=False)
class Suspects:
    """The places that carry a feature, others that may carry it where the words do not say enough, and more like them.

    One of `more` may do the same as a place, so that only without all of them the feature is gone.
    """

    feature: Feature
    places: tuple[Place, ...]
    others: tuple[Place, ...] = ()
    more: tuple[Place, ...] = ()


def suspects(view: View, functions: Sequence[Function]) -> Iterator[Suspects]:
    """What would have to be missed by a test if the features in its name were taken away."""
    asked = features(view.node.name)
    if not asked:
        return
    found = {function.node: places(function.node) for function in functions}
    every = [place for each in found.values() for place in each]
    for feature, kind in _BY_KIND.items():
        taken = tuple(place for place in every if place.kind == kind)
        if feature in asked and taken and not _is_staged(view, feature):
            yield Suspects(feature, taken)
    names = {function.node: function.name for function in functions}
    for feature, kinds in _CARRIED_BY.items():
        if feature in asked:
            yield from _by_words(view, feature, kinds, every, names)
    if Feature.EFFECT in asked:
        yield from _effects(view, every, names)


def _is_staged(view: View, feature: Feature) -> bool:
    names = {last_name(call.func) for call in view.calls}
    if feature is Feature.BESIDE:
        return bool(names & _RUNS_BESIDE)
    return feature is Feature.STALLS and any("Timeout" in last_name(node) for node in view.nodes
                                             if isinstance(node, ast.Name | ast.Attribute))


def _by_words(view: View, feature: Feature, kinds: frozenset[Kind], every: list[Place],
              names: dict[Code, str]) -> Iterator[Suspects]:
    title = _meanings(view.node.name)
    wanted = title - EVERYWHERE - _meanings(" ".join(claim_words(view.node.name, Claim.REJECTS, Claim.EXCLUDES)))
    if feature is Feature.PREVENTS and _CONTAINED.search(" ".join(words(view.node.name))):
        kinds = frozenset({"survives"})
    named = _meanings(" ".join(claim_words(view.node.name, Claim.EXPIRES)))
    scored: list[tuple[int, Place]] = []
    for place in every:
        if place.kind in kinds and not (place.kind == "does" and not isinstance(place.node, ast.If)) \
                and not names[place.function].rpartition(".")[2].startswith("__"):
            own = _meanings(names[place.function].replace(".", " "))
            last = _meanings(names[place.function].rpartition(".")[2])
            met = about(place) & (wanted - own)
            scored.append((len(met) + bool(met & named) + (last <= title) if met else 0, place))
    best = max((score for score, _ in scored), default=0)
    if best == 0 or (feature in _SURELY and best < SURE):
        return
    if feature is Feature.PREVENTS and best < SURE and not any(
            score == best and about(place) & subject(view.node.name) & wanted for score, place in scored):
        return
    certain = tuple(place for score, place in scored if score == best)
    parted = {place.node for place in certain if place.part}
    certain = tuple(place for place in certain if place.part or place.node not in parted)
    rest = [(score, place) for score, place in scored if score < best and place.node not in parted and not place.part]
    if best >= SURE:
        yield Suspects(feature, certain, more=tuple(place for score, place in rest if score))
    else:
        yield Suspects(feature, certain, others=tuple(place for _, place in rest))


def _effects(view: View, every: list[Place], names: dict[Code, str]) -> Iterator[Suspects]:
    """What a function named in the title leaves behind, and calls that are named by the title's verb."""
    verbs = verbs_of(view.node.name)
    wanted = _meanings(view.node.name)
    around = _meanings(" ".join(node.name for node in view.case.classes))
    for place in every:
        own = _meanings(names[place.function].rpartition(".")[2])
        if place.kind == "effects" and own and (own <= wanted or own <= around) and verbs - own:
            yield Suspects(Feature.EFFECT, (place,))
        elif place.kind == "does" and isinstance(place.node, ast.Expr):
            call = place.node.value.value if isinstance(place.node.value, ast.Await) else place.node.value
            said = telling(last_name(call.func)) if isinstance(call, ast.Call) else frozenset()
            if len(said) == 1 and said <= verbs - own and len(about(place) & wanted - own) >= SURE:
                yield Suspects(Feature.EFFECT, (place,))


def _meanings(text: str) -> frozenset[str]:
    short = frozenset(meaning(ABBREVIATED[word]) for word in words(text) if word in ABBREVIATED)
    return telling(text) | short


def about(place: Place) -> frozenset[str]:
    """The meanings of the names, texts and numbers in what a place is about."""
    return _meanings(" ".join(_names(place)))


def _names(place: Place) -> Iterator[str]:
    for node in place.about if place.kind != "effects" else ():
        for item in ast.walk(node):
            if isinstance(item, ast.Name):
                yield item.id
            elif isinstance(item, ast.Attribute):
                yield item.attr
            elif isinstance(item, ast.keyword):
                yield item.arg or ""
            elif isinstance(item, ast.Constant) and isinstance(item.value, str | int):
                yield str(item.value)
