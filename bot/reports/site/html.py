"""A page as one HTML file: the template, its styles and scripts with their hashes, its data as JSON."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Undefined
from markupsafe import Markup, escape

from bot.domain.base import counted
from bot.domain.visible import visible
from bot.logs.redact import redact
from bot.reports.site.patch import dedented
from bot.reports.site.words import cost, iso, length, tokens, when

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jinja2 import Environment

    from bot.reports.site.charts import Chart

_DARK = """@media (prefers-color-scheme: dark) {{
  :root:not([data-theme="light"]) {{
{dark}  }}
}}
:root[data-theme="dark"] {{
{dark}}}
"""
_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' "
    "rx='4' fill='%23175e72'/%3E%3Cpath d='M5 6a3 3 0 1 1 4 2.8V10M9 12.2v.1' stroke='white' stroke-width='1.8' "
    "fill='none' stroke-linecap='round'/%3E%3C/svg%3E"
)


@dataclass(frozen=True)
class Page:
    """A file of the site: its path there, with `/`, and its content."""

    path: str
    content: bytes


def rendered(template: str, view: Mapping[str, object], charts: Sequence[Chart] = ()) -> str:
    """A page. `charts` are given to the template by their names, and their data stand at the end of the page."""
    scripts = ["head.js"]
    if charts:
        scripts += ["uplot", "charts.js"]
    scripts.append("page.js")
    styles = ["site.css", "parts.css", "print.css", *(["uplot.css"] if charts else [])]
    made = {
        **view,
        "icon": Markup(_ICON),  # noqa: S704 - ours
        "policy": Markup(_policy(tuple(scripts), tuple(styles))),  # noqa: S704 - ours
        "head_script": _script("head.js"),
        "styles": [_style(name) for name in styles],
        "scripts": [_script(name) for name in scripts[1:]],
        "charts": {chart.name: chart for chart in charts},
    }
    return _environment().get_template(template).render(made)


def shown(text: str) -> str:
    """Text of anybody's as a page may show it: without secrets, and with nothing in it that cannot be seen."""
    return visible(redact(text))


def prose(text: str) -> Markup:
    """A sentence that may quote between backticks, as all sentences of the reports do: the quotes become code."""
    whole = shown(text)
    if whole.count("`") % 2 or "``" in whole:
        return escape(whole)
    parts = (Markup("<code>{}</code>").format(part) if at % 2 else escape(part)
             for at, part in enumerate(whole.split("`")))
    return Markup("").join(parts)


def data_block(value: object) -> Markup:
    """JSON for a script element: nothing in it can end the element or, in older engines, a line of code."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - escaped above


@cache
def _asset(name: str) -> str:
    here = files("bot.reports.site")
    vendored = {"uplot": "uPlot.iife.min.js", "uplot.css": "uPlot.min.css"}
    found = here / "vendor" / "uplot" / vendored[name] if name in vendored else here / "assets" / name
    text = found.read_text("utf-8")
    if name == "site.css":
        # For those whose system is dark, unless they chose light here; and for those who chose dark. CSS has no way to
        # say the colours once for both that scripts can read, too.
        dark = (here / "assets" / "dark.css").read_text("utf-8")
        text = _DARK.format(dark=dark) + text
    if any(end in text.lower() for end in ("</script", "</style", "<!--")):
        raise ValueError(f"{name} could end the element that holds it")
    return text


def _script(name: str) -> Markup:
    return Markup(f"<script>{_asset(name)}</script>")  # noqa: S704 - ours, and vendored


def _style(name: str) -> Markup:
    return Markup(f"<style>{_asset(name)}</style>")  # noqa: S704 - ours, and vendored


@cache
def _policy(scripts: tuple[str, ...], styles: tuple[str, ...]) -> str:
    """What the page may do: run and apply what stands in it, show its own icon, and nothing else."""
    return "; ".join((
        "default-src 'none'",
        f"script-src {' '.join(map(_hash, scripts))}", f"style-src {' '.join(map(_hash, styles))}",
        "img-src data:", "base-uri 'none'", "form-action 'none'",
    ))


def _hash(name: str) -> str:
    digest = hashlib.sha256(_asset(name).encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("bot.reports.site"), undefined=StrictUndefined, autoescape=True, finalize=_finalized,
        trim_blocks=True, lstrip_blocks=True,
    )
    environment.filters.update({
        "cost": cost, "count": counted, "dedented": dedented, "iso": iso, "json": data_block, "length_of_time": length,
        "prose": prose, "tokens": tokens, "when": when,
    })
    return environment


def _finalized(value: object) -> object:
    """What a template puts out: every text that is not markup of our own is shown as `shown` does it."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, Undefined):
        return str(value)  # raises, but for an `if` without an `else`
    if value is None or not isinstance(value, int | float | Decimal):
        raise TypeError(f"a template prints {value!r}, which is no text and no number")
    return value
