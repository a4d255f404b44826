"""What a failing test has to do with the incident's log and code: by text and place, and not by a model's word."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bot.domain.evidence import CodeCitation, LogCitation
from bot.domain.logs import Incident
from bot.domain.plan import Expectation
from bot.domain.results import FiveWhys
from bot.domain.suite import Outcome

_LEAST_QUOTE = 8
"""Characters that a quote must have to be looked for in a message: a word may stand anywhere."""


@dataclass(frozen=True)
class Echo:
    """One thing of the incident that a failure agrees with. `words` say what it is, in our own words; `quote` and
    `entry` (the insertId of a log entry, or empty) are text of others.
    """

    words: str
    quote: str
    entry: str = ""


def echoes_of(
    outcome: Outcome, expectation: Expectation, incident: Incident | None, whys: FiveWhys | None
) -> tuple[Echo, ...]:
    """What of the incident a failure agrees with: the logged error, the quotes of the whys, the suspect functions."""
    logged = _logged(outcome, expectation, incident) if incident is not None else ()
    cited = _cited(outcome, expectation, whys) if whys is not None else ()
    return tuple(dict.fromkeys((*logged, *cited)))


def _logged(outcome: Outcome, expectation: Expectation, incident: Incident) -> Iterator[Echo]:
    root = incident.root
    said = f"{root.type}: {root.message}"
    if expectation.matches(root.message):
        same_type = _last(expectation.exception) == _last(root.type) and expectation.failure == "exception"
        yield Echo("The error that the incident was logged with" if same_type else
                   "The message that the incident was logged with", said)
    if outcome.frame is not None and root.location:
        place = f"{outcome.frame.path}:{outcome.frame.line}"
        if place == root.location.partition(" in ")[0]:
            yield Echo("Raised where the incident was logged from", root.location)


def _cited(outcome: Outcome, expectation: Expectation, whys: FiveWhys) -> Iterator[Echo]:
    for number, why in enumerate(whys.whys, 1):
        for item in why.citations:
            cited = item.citation
            if not item.holds:
                continue
            if isinstance(cited, LogCitation) and _said(cited.quote, outcome, expectation):
                yield Echo(f"Why {number} quotes it from the log", cited.quote, cited.insert_id)
            elif isinstance(cited, CodeCitation) and _at(cited, outcome):
                yield Echo(f"Why {number} quotes the line that decided", f"{cited.path}:{cited.line}")
            elif isinstance(cited, CodeCitation) and cited.path == expectation.reaches.path:
                yield Echo(f"Why {number} quotes the file of the function that it had to reach",
                           f"{cited.path}:{cited.line}")
    if whys.root_cause is not None:
        for suspect in whys.root_cause.suspects:
            if suspect.key == expectation.reaches.key:
                yield Echo("The root cause names the function that it had to reach", suspect.key)


def _said(quote: str, outcome: Outcome, expectation: Expectation) -> bool:
    return expectation.matches(quote) or (len(quote.strip()) >= _LEAST_QUOTE and quote in outcome.reason)


def _at(cited: CodeCitation, outcome: Outcome) -> bool:
    frame = outcome.frame
    return frame is not None and (frame.path, frame.line) == (cited.path, cited.line)


def _last(name: str) -> str:
    return name.rpartition(".")[2]
