"""Checks a proposed root cause: suspects in the target's own code, at which a cited why points, and claims held."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import NamedTuple

from bot.domain.evidence import CodeCitation, RootCause, Support, Suspect
from bot.domain.globs import matches_any
from bot.domain.proposals import ProposedRootCause
from bot.evidence.claims import Evidence, unsupported
from bot.evidence.code import CodeAt, FunctionSpan
from bot.evidence.comments import running_lines
from bot.evidence.contradictions import CodeLine, misordered
from bot.evidence.ground import Ground
from bot.evidence.relevance import unrelated
from bot.evidence.statements import text_problem
from bot.evidence.supports import Cited, Earlier
from bot.evidence.words import terms

_VENDORED = frozenset({"site-packages", "dist-packages", "node_modules", "vendor", "third_party", ".venv", "venv",
                       "_vendor"})
_MOST_FILES = 20
_MOST_ENTRY = 20_000
_HEAD_OR_RAISE = re.compile(r"\s*(?:@|(?:async )?def\b|raise\b)")
_VALUE = re.compile(r"[\d'\"`:=<>{}\[\]()%]+|\n")
_LEAST_SAID = 12


class CheckedCause(NamedTuple):
    """The root cause as far as it is supported, and sentences on what is not."""

    cause: RootCause
    failures: tuple[str, ...]


def check_root_cause(proposed: ProposedRootCause, ground: Ground, supports: tuple[Cited, ...],
                     earlier: Earlier) -> CheckedCause:
    """Return the root cause with its support. `supports` and `earlier` are what the cited whys cite and rest on.

    Cited: a why is; every suspect is a function at the commit in product code (not a test, not vendored); a cited why
    points at one of them, and they are not just where the error was raised; statement, mechanism and trigger claim only
    what stands in cited quotes or in the suspects' own code, speak of it, and do not turn its order around.
    A `not_caught` that is not held, or names no test and no suspect, is left out, with a sentence, and changes nothing
    else: it is no part of the cause. Existing files that it names count as facts, the functions in them, and test code
    that a why cites.
    """
    used = tuple(support for support in supports if support.used)
    reason = _problem(proposed, ground, used, earlier)
    support = Support.UNPROVEN if reason else Support.CITED
    failures = [f"Root cause: {reason}"] if reason else []
    not_caught = proposed.not_caught
    missing = _not_caught_problem(proposed, ground, supports, earlier) if not_caught else ""
    if missing:
        not_caught = ""
        failures.append(f"Root cause, not_caught: {missing}")
    cause = RootCause(statement=proposed.statement, mechanism=proposed.mechanism, trigger=proposed.trigger,
                      suspects=proposed.suspects, support=support, not_caught=not_caught, reason=reason)
    return CheckedCause(cause, tuple(failures))


def files_named(text: str, code: CodeAt) -> tuple[str, ...]:
    """The files of the commit that a text names, by path or, where it is the only one, by name. At most 20."""
    found: dict[str, None] = {}
    for name in re.findall(r"[\w.-]+(?:/[\w.-]+)*\.\w+", text):
        for path in _meant(name, code):
            found[path] = None
    return tuple(found)[:_MOST_FILES]


def _meant(name: str, code: CodeAt) -> tuple[str, ...]:
    matches = tuple(path for path in code.files if path == name or path.endswith(f"/{name}"))
    return matches if len(matches) == 1 or name in matches else ()


def _problem(proposed: ProposedRootCause, ground: Ground, used: tuple[Cited, ...], earlier: Earlier) -> str:
    code = ground.code
    if not used:
        return "No why is cited, so nothing supports it."
    if code is None:
        return "The commit that was running is not known, so its suspects cannot be looked up."
    said = f"{proposed.statement}\n{proposed.mechanism}\n{proposed.trigger}"
    if unreadable := text_problem(said):
        return unreadable
    spans = []
    for suspect in proposed.suspects:
        foreign = _foreign(suspect, ground)
        if foreign:
            return foreign
        span = code.find(suspect)
        if span is None:
            return f"There is no function {suspect.function} in {suspect.path} at {code.commit[:12]}."
        spans.append(span)
    bodies = tuple(_body(code, suspect, span) for suspect, span in zip(proposed.suspects, spans, strict=True))
    if not any(_points(support, suspect, span, body.text) for support in used
               for suspect, span, body in zip(proposed.suspects, spans, bodies, strict=True)):
        return "No cited why points at any of its suspects."
    if all(_raised_there(suspect, span, ground, used)
           for suspect, span in zip(proposed.suspects, spans, strict=True)):
        return ("Its suspects are where the error was raised, and no why cites what they do besides: there it was "
                "noticed. Cite what made it happen.")
    missing = unsupported(said, earlier.held.plus(*bodies))
    if missing:
        return f"It claims what stands neither in the cited quotes nor in its suspects: {', '.join(missing)}."
    lines = [CodeLine(suspect.path, suspect.function, number, line)
             for suspect, span in zip(proposed.suspects, spans, strict=True)
             for number, line in running_lines(span.first, span.last, suspect.path, code.lines(suspect.path) or ())]
    if wrong := misordered(said, lines):
        return wrong
    own = frozenset().union(*(terms(f"{body.text}\n{body.facts}") for body in bodies))
    text = "\n".join(body.text for body in bodies)
    return unrelated(f"{proposed.statement}\n{proposed.mechanism}", earlier.held.plus(*bodies), text,
                     own | earlier.terms, earlier.terms)


def _foreign(suspect: Suspect, ground: Ground) -> str:
    """Why a suspect is not the target's own code; empty when it is."""
    path = PurePosixPath(suspect.path)
    if any(part in _VENDORED for part in path.parts):
        return f"{suspect.path} is a library's code, not this service's."
    if ground.is_test(suspect.path):
        return f"{suspect.path} is test code: a test is not what failed in the service."
    if matches_any(suspect.path, ground.product) is None:
        return f"{suspect.path} is not in this service's code ({', '.join(ground.product)})."
    return ""


def _points(support: Cited, suspect: Suspect, span: FunctionSpan, body: str) -> bool:
    """Whether what a why uses points at a suspect.

    A line in it does; a call, a frame or a qualified name of it; for an entry, a frame anywhere in its traceback, or
    that the suspect's own text holds what the quote says: then the suspect logged it.
    """
    citation = support.citation
    if (isinstance(citation, CodeCitation) and citation.path == suspect.path
            and span.first <= citation.line <= span.last):
        return bool(support.running)
    name = re.escape(suspect.function.rpartition(".")[2])
    as_function = rf"(?<!\w)(?:in {name}(?!\w)|{name}\(|\.{name}(?!\w)|['`\"]{name}['`\"])"
    if support.entry is None:
        return re.search(as_function, support.running) is not None
    if re.search(as_function, support.entry.text[:_MOST_ENTRY]) is not None:
        return True
    said = [part.strip() for part in _VALUE.split(support.running)]
    return any(len(part) >= _LEAST_SAID and part in body for part in said)


def _raised_there(suspect: Suspect, span: FunctionSpan, ground: Ground, used: tuple[Cited, ...]) -> bool:
    """Whether a suspect is where the incident's error was raised, and no more of it is cited than its head or that."""
    place, _, function = ground.incident.root.location.partition(" in ")
    path = place.rpartition(":")[0].lstrip("/")
    name = function.partition(" (")[0].rpartition(".")[2]
    same = suspect.path.endswith(path) or path.endswith(suspect.path)
    if not path or not same or name != suspect.function.rpartition(".")[2]:
        return False
    return not any(
        isinstance(support.citation, CodeCitation) and support.citation.path == suspect.path
        and span.first <= support.citation.line <= span.last and not _HEAD_OR_RAISE.match(support.running)
        for support in used)


def _body(code: CodeAt, suspect: Suspect, span: FunctionSpan) -> Evidence:
    lines = code.lines(suspect.path) or ()
    return Evidence("\n".join(lines[span.first - 1:span.last]), f"{suspect.path}\n{suspect.function}",
                    frozenset(range(span.first, span.last + 1)))


def _not_caught_problem(proposed: ProposedRootCause, ground: Ground, supports: tuple[Cited, ...],
                        earlier: Earlier) -> str:
    code, text = ground.code, proposed.not_caught
    if code is None:
        return "Without the code nothing can be said of its tests."
    if unreadable := text_problem(text):
        return unreadable
    functions = {path: tuple(span.name for span in code.functions(path)) for path in files_named(text, code)}
    facts = [Evidence(facts="\n".join((path, *names))) for path, names in functions.items()]
    tests = [support for support in supports
             if isinstance(support.citation, CodeCitation) and ground.is_test(support.citation.path)]
    facts += [support.evidence for support in tests]
    said = "\n".join((proposed.statement, proposed.mechanism, *(suspect.key for suspect in proposed.suspects)))
    missing = unsupported(text, earlier.held.plus(*facts, Evidence(facts=said)))
    if missing:
        return f"It names what is not there, and was left out: {', '.join(missing)}."
    names = {support.function for support in tests} | {suspect.function for suspect in proposed.suspects}
    names |= {name for path, inside in functions.items() if ground.is_test(path) for name in inside}
    if any(ground.is_test(path) for path in functions) or any(
            re.search(rf"(?<!\w){re.escape(name.rpartition('.')[2])}(?!\w)", text) for name in names if name):
        return ""
    return "It names no test and no suspect, so that nothing of it can be looked up, and was left out."
