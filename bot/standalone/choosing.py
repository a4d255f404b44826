"""Which small changes of the code a green test is to be tried with: those of what it claims to check. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bot.proof.mutants import Defined, Mutant, Weight
from bot.standalone.claims import Claims, segments_of, words

MOST_HOLLOW = 4
MOST_DEEPER = 2
MOST_FINE = 8
_FUNCTIONS = 8
_ENOUGH = 3


@dataclass(frozen=True, eq=False)
class GreenTest:
    """A test that passed: a function of the test code, all its parameters in one, with what it ran of the product.

    `lines` maps a file to those of its lines that ran; empty where nobody watched.
    """

    id: str
    path: str
    reached: frozenset[str]
    lines: Mapping[str, frozenset[int]] = field(default_factory=dict)


def chosen(test: GreenTest, claims: Claims, functions: Iterable[Defined]) -> tuple[Mutant, ...]:
    """The changes to try with a test, the most telling first. At most 4 + 2 + 8.

    First that the functions it calls do nothing, then finer ones of theirs and of the functions behind them: on the
    lines that the test ran, those first that speak of what it claims, and not all at one place.
    """
    reached = [one for one in functions if one.key in test.reached and _ran(test, one)]
    ranked = sorted(reached, key=lambda one: (_distance(claims, one), -_shared(claims, one), one.key, one.first))
    direct = [one for one in ranked if _distance(claims, one) == 0] or ranked[:2]
    hollow = [mutant for one in direct for mutant in one.mutants if mutant.weight is Weight.HOLLOW][:MOST_HOLLOW]
    deeper = [mutant for one in ranked if one not in direct for mutant in one.mutants if mutant.weight is Weight.HOLLOW]
    fine = _fine(test, claims, ranked, len(hollow) + len(deeper[:MOST_DEEPER]))
    return (*hollow, *fine[:MOST_FINE // 2], *deeper[:MOST_DEEPER], *fine[MOST_FINE // 2:])


def _ran(test: GreenTest, function: Defined) -> bool:
    """Whether the test ran this definition; several may have one name."""
    lines = _lines(test, function.key.partition("::")[0])
    return lines is None or any(function.first < line <= function.last or line == function.last for line in lines)


def _lines(test: GreenTest, path: str) -> frozenset[int] | None:
    return test.lines.get(path, frozenset()) if test.lines else None


def _distance(claims: Claims, function: Defined) -> int:
    """How far a function is from the test's own code: 0 called there, 1 in a helper or fixture of it, 2 elsewhere."""
    name = function.owner if function.name in {"__init__", "__post_init__", "__new__", "__call__"} else function.name
    if name in claims.called or any(_answers(route, url) for route in function.routes for url in claims.urls):
        return 0
    return 1 if name in claims.around else 2


def _answers(route: str, url: tuple[str, ...]) -> bool:
    """Whether a request goes to a route; what stands before it may come from a router."""
    parts = segments_of(route)
    return 0 < len(parts) <= len(url) and all(
        ours == theirs or "{" in ours or "<" in ours or "{" in theirs
        for ours, theirs in zip(parts, url[-len(parts):], strict=True)
    )


def _shared(claims: Claims, function: Defined) -> int:
    own = words(f"{function.owner} {function.name} {' '.join(function.routes)}")
    return 4 * len(own & claims.title) + 2 * len(own & claims.asserted) + len(own & claims.text)


def _fine(test: GreenTest, claims: Claims, functions: list[Defined], besides: int) -> list[Mutant]:
    """The finer changes in turn: two of the first function for one of each other, no two at one place at first.

    Those that break whatever comes there are among them only where there are too few others, `besides` counted.
    """
    waiting = []
    for function in functions[:_FUNCTIONS]:
        lines = _lines(test, function.key.partition("::")[0])
        mutants = sorted(
            (one for one in function.mutants if one.weight is not Weight.HOLLOW and one.runs_in(lines)),
            key=lambda one: (_rank(claims, one), one.start, one.end, one.replacement),
        )
        waiting.append(_spread(mutants))
    found: list[Mutant] = []
    if claims.asserted and besides + sum(map(_telling, itertools.chain(*waiting))) >= _ENOUGH:
        waiting = [list(filter(_telling, mutants)) for mutants in waiting]
    while any(waiting):
        for at, mutants in enumerate(waiting):
            take = 2 if at == 0 else 1
            found.extend(mutants[:take])
            del mutants[:take]
    return found


def _rank(claims: Claims, mutant: Mutant) -> int:
    own = words(mutant.statement)
    # A test without an assertion can but claim that nothing is raised.
    weight = mutant.weight if _telling(mutant) or claims.asserted else Weight.OUTCOME
    told = min(len(own & claims.title), 2) + min(len(own & claims.asserted), 2)
    return 3 * weight - 2 * told


def _telling(mutant: Mutant) -> bool:
    """Whether noticing a change says something of the assertions: others break whatever comes there."""
    return mutant.weight is not Weight.RARE


def _spread(mutants: list[Mutant]) -> list[Mutant]:
    seen: dict[int, int] = {}
    turns = []
    for mutant in mutants:
        seen[mutant.line] = seen.get(mutant.line, 0) + 1
        turns.append(seen[mutant.line])
    return [mutant for _, mutant in sorted(zip(turns, mutants, strict=True), key=lambda pair: pair[0])]
