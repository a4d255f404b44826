"""Renders the prompts in `prompts/`. Whatever others wrote goes through the `fence` or `evidence` filter."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from bot.domain.visible import visible
from bot.evidence.fence import fence
from bot.evidence.shown import show
from bot.resources import resource_folder

if TYPE_CHECKING:
    from jinja2 import Environment


def render(name: str, **values: object) -> str:
    """Return the prompt `prompts/<name>.j2` with these values.

    A missing value raises jinja2.UndefinedError: a prompt with a hole is a bug. The same values always give
    the same text. Filters: `fence` (text of others), `evidence` (an EvidencePack), `shown` (one line of others).
    """
    return _environment().get_template(f"{name}.j2").render(**values).strip() + "\n"


def _one_line(text: object) -> str:
    return " ".join(visible(str(text)).split())


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(resource_folder("prompts")), undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - prompts are no HTML; the fence is what keeps text in its place
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=False,
    )
    environment.filters.update(fence=fence, evidence=show, shown=_one_line)
    return environment
