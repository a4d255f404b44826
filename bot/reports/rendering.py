"""The templates of the documents, and how one is made to text."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from bot.domain.asking import Usage
from bot.domain.base import counted
from bot.domain.suite import ENDED_IN_WORDS, Ended
from bot.logs.ranking import named
from bot.reports.markdown import cell, fence, inline, prose, span

if TYPE_CHECKING:
    from jinja2 import Environment


def rendered(name: str, view: Mapping[str, object]) -> str:
    """A template's text: no space at the end of a line, never two empty lines, one line end at the end."""
    lines = _environment().get_template(name).render(view).split("\n")
    kept: list[str] = []
    for line in (line.rstrip() for line in lines):
        if line or (kept and kept[-1]):
            kept.append(line)
    return "\n".join(kept).strip("\n") + "\n"


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from bot.audit.rules import RULES

    environment = Environment(
        loader=PackageLoader("bot.reports"), undefined=StrictUndefined, autoescape=False,  # noqa: S701 - Markdown
        keep_trailing_newline=True,
    )
    environment.filters.update({
        "inline": inline,
        "prose": prose,
        "span": span,
        "cell": cell,
        "count": counted,
        "fence": fence,
        "number": lambda value: f"{value:,}",
        "seconds": lambda value: f"{value:,.2f} s",
        "took": lambda value: f"{value:,.2f} s" if value >= 1 else f"{value * 1_000:.0f} ms",
        "percent": lambda value: f"{value:.0%}",
        "day": _day,
        "ended": lambda value: ENDED_IN_WORDS[Ended(value)],
        "cost": cost_in_words,
        "scripted": scripted_in_words,
        "named": named,
    })
    environment.globals["titles"] = {name: rule.title for name, rule in RULES.items()}
    return environment


def _day(moment: datetime) -> str:
    return f"{moment:%B} {moment.day}, {moment.year}"


def cost_in_words(usage: Usage) -> str:
    """What a usage cost, as the reports say it."""
    return "at an unknown price" if usage.cost_usd is None else f"{usage.cost_usd:.4f} USD"


def scripted_in_words(model: str) -> str:
    """What kind of model answers from files, in a run with that model."""
    if model.startswith("replay:"):
        return "Replayed model"
    return "Scripted model" if model.startswith("script:") else "Scripted model for a part of the steps"
