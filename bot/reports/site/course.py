"""What a cycle did and published, and where its pages are: for the page of a cycle and for those above it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.domain.asking import total
from bot.domain.effects import CheckReport, IssueUpsert, PullRequestUpsert
from bot.domain.record import CycleRecord, CycleRef, Decision, StepRecord, StepStatus
from bot.domain.workflow import Workflow
from bot.reports.site.words import Badge, cost

_ISSUE = re.compile(r"(https?://[A-Za-z0-9.:-]+/[A-Za-z0-9._-]+/[A-Za-z0-9._-]+)/issues/\d+")
_URL = re.compile(r"https?://[A-Za-z0-9._~:/?#@!$&*+,;=%-]+")


@dataclass(frozen=True)
class Link:
    """Something of the bot's on the forge: `url` is empty where it has no page of its own."""

    words: str
    did: str
    url: str


@dataclass(frozen=True)
class Stop:
    """An attempt at a step, as the course shows it."""

    number: str
    title: str
    attempt: int
    state: Badge
    said: str
    seconds: float | None
    cost: str
    began: str


def cycle_path(ref: CycleRef) -> str:
    """Where the page of a cycle is in the site."""
    return f"{ref.focus}/{ref.run}/cycle-{ref.number:02d}.html"


def run_path(ref: CycleRef) -> str:
    """Where the page of a cycle's run is."""
    return f"{ref.focus}/{ref.run}/index.html"


def links_of(record: CycleRecord) -> tuple[Link, ...]:
    """The issue, the pull request and the check, as their receipts name them."""
    names = {IssueUpsert: "Issue", PullRequestUpsert: "Draft pull request", CheckReport: "Check"}
    found: dict[str, Link] = {}
    for item in record.effects():
        words = names.get(type(item.effect))
        if words is None or item.receipt is None:
            continue
        number = "" if item.receipt.number is None else f" {item.receipt.number}"
        url = item.receipt.url if _URL.fullmatch(item.receipt.url) else ""
        found[words] = Link(f"{words}{number}", item.receipt.did, url)
    return tuple(found.values())


def pages_of_repository(record: CycleRecord) -> str:
    """Where the forge shows the repository, as the address of the cycle's issue says; empty where it does not."""
    for item in record.effects():
        if isinstance(item.effect, IssueUpsert) and item.receipt is not None:
            match = _ISSUE.fullmatch(item.receipt.url)
            if match is not None:
                return match[1]
    return ""


def stops_of(record: CycleRecord, workflow: Workflow, held: bool) -> tuple[Stop, ...]:
    """Every attempt at a step, in order."""
    places = {place.name: place for place in workflow.steps}
    found: list[Stop] = []
    for step in record.steps:
        place = places.get(step.step)
        found.append(Stop(
            place.number if place else "?", place.title if place else step.step, step.attempt, decision_of(step, held),
            step.said or (step.failure.what if step.failure else ""), step.seconds,
            _step_cost(step), step.started_at.isoformat(),
        ))
    return tuple(found)


def decision_of(step: StepRecord, held: bool) -> Badge:
    """What an attempt came to."""
    if step.status is StepStatus.FAILED:
        return Badge("failed", "bad")
    if step.status is StepStatus.RUNNING:
        return Badge("running" if held else "interrupted", "held")
    return {Decision.HOLD: Badge("HOLD", "held"), Decision.END: Badge("end", "calm")}.get(
        step.decision or Decision.GO, Badge("go", "good"))


def _step_cost(step: StepRecord) -> str:
    return cost(total(step.charges)) if step.charges else ""
