"""Checks that what steps say they were given is what the model answered."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TypeVar

from pydantic import BaseModel

from bot.domain.asking import Exchange, StopReason
from bot.domain.errors import AnswerUnfounded
from bot.domain.evidence import Investigation
from bot.domain.plan import TestPlan
from bot.domain.proposals import ProposedFix, ProposedTests
from bot.domain.record import StepRecord
from bot.domain.results import FiveWhys, Fixed, Planned, TestsWritten
from bot.logs.redact import redact
from bot.model.replies import parse
from bot.recheck.comparing import compared
from bot.recheck.material import Material
from bot.recheck.statement import Statement, judged, noted, same
from bot.steps.asking import without_secrets

T = TypeVar("T", bound=BaseModel)
NOT_KEPT = "the record keeps no exchange of this step"
AGAIN = "its answer gives"


def investigations(material: Material) -> Iterator[Statement]:
    """Hold what is said of looking for evidence against the replies that asked for tools, and what they were given."""
    for number, step in enumerate(material.record.steps, 1):
        if not isinstance(step.result, FiveWhys | Planned | Fixed) or step.result.investigation is None:
            continue
        what = f"step {number} ({step.step})"
        asked = material.exchanges_of(step)
        if not asked:
            yield noted(what, NOT_KEPT)
            continue
        yield from _looked(what, step.result.investigation, asked)


def others(material: Material) -> Iterator[Statement]:
    """Hold plan, test files and edits against the answers that they came from."""
    for number, step in enumerate(material.record.steps, 1):
        what = f"step {number} ({step.step})"
        asked = material.exchanges_of(step)
        if not isinstance(step.result, Planned | TestsWritten | Fixed):
            continue
        if not asked:
            yield noted(what, NOT_KEPT)
        elif isinstance(step.result, Planned):
            plan = last(asked, TestPlan, material.keeps_emails)
            if plan is None:
                yield no_answer(what)
            elif material.older:
                yield noted(what, f"plans of schema {material.schema} were others")
            else:
                yield from compared(what, step.result.plan, plan, AGAIN)
        elif isinstance(step.result, TestsWritten):
            yield from _tests(material, what, step.result, asked)
        else:
            yield from _fix(material, step, what, step.result, asked)


def _looked(what: str, found: Investigation, asked: tuple[Exchange, ...]) -> Iterator[Statement]:
    source = "its exchanges give"
    # A last reply that calls tools all the same ends the conversation: its calls are not made.
    turns = [one for one in asked[:-1] if one.request.tools and one.reply.stop is StopReason.TOOLS and one.reply.calls]
    yield same(f"{what}, turns", found.turns, sum(not one.request.tools_closed for one in turns), source)
    yield same(f"{what}, calls", [one.tool for one in found.lookups],
               [call.name for one in turns for call in one.reply.calls], source)
    refused = {result.id for message in asked[-1].request.messages for result in message.results if result.refused}
    yield same(f"{what}, calls refused", sum(one.refused for one in found.lookups), len(refused), source)
    closed = asked[-1].request.tools_closed or not asked[-1].request.tools
    stopped = found.stopped_by is not None
    state = "closed" if closed else "open"
    yield judged(f"{what}, whether it was stopped", "" if closed == stopped else
                 f"it says {found.stopped_by or 'no'}, and in its last question the tools are {state}")


# Steps 3 and 6

def _tests(material: Material, what: str, result: TestsWritten, asked: tuple[Exchange, ...]) -> Iterator[Statement]:
    answer = last(asked, ProposedTests)
    if answer is None:
        yield no_answer(what)
        return
    yield same(f"{what}, its files", [file.path for file in result.files], [file.path for file in answer.files], AGAIN)
    given = {file.path: file.content for file in answer.files}
    for file in result.files:
        content = material.files.get(file.artifact)
        wanted = given.get(file.path)
        if content is not None and wanted is not None:
            yield judged(f"{what}, {file.path}", "" if content == wanted.encode("utf-8", "surrogatepass") else
                         f"it is not the file that was answered: {_first_line(content, wanted)}")


def _first_line(content: bytes, wanted: str) -> str:
    lines = content.decode("utf-8", "replace").split("\n")
    for number, (one, other) in enumerate(zip(lines, wanted.split("\n"), strict=False), 1):
        if one != other:
            return f"line {number} reads {one.strip()[:120]!r}, and was answered as {other.strip()[:120]!r}"
    return "one has more lines than the other"


def _fix(material: Material, step: StepRecord, what: str, result: Fixed, asked: tuple[Exchange, ...]
         ) -> Iterator[Statement]:
    answer = last(asked, ProposedFix)
    if answer is None:
        yield no_answer(what)
        return
    if result.patch is None:
        return
    yield from compared(f"{what}, its edits", result.patch.edits, answer.edits, AGAIN)
    yield same(f"{what}, its summary", result.patch.summary, redact(answer.summary), AGAIN)
    kept = material.text(f"fix/attempt-{step.attempt}.patch")
    if kept is not None:
        yield judged(f"{what}, its diff", "" if kept == result.patch.diff else
                     f"it is not the one in fix/attempt-{step.attempt}.patch")


# Answers

def no_answer(what: str) -> Statement:
    """That no reply is an answer."""
    return judged(f"{what}, its answer", "none of its exchanges holds an answer of its kind")


def last(asked: tuple[Exchange, ...], kind: type[T], keeps_emails: bool = False) -> T | None:
    """The last answer, None when there is none."""
    return next(reversed(list(answers(asked, kind, keeps_emails))), None)


def answers(asked: tuple[Exchange, ...], kind: type[T], keeps_emails: bool = False) -> Iterator[T]:
    """The answers among the replies, in order, as the steps take them: those in prose without secrets."""
    for exchange in asked:
        value, _, _ = parse(exchange.reply, kind)
        if value is None:
            continue
        with contextlib.suppress(AnswerUnfounded):
            yield value if isinstance(value, ProposedTests | ProposedFix) else without_secrets(value, keeps_emails)
