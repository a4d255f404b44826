"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.domain.errors import UsageProblem

State = Annotated[Path, typer.Option("--state", help="The folder with the records.", show_default=True)]
Config = Annotated[Path | None, typer.Option("--config", help="Another file than ./bot.toml.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output, nothing else.")]
Wait = Annotated[float, typer.Option("--wait", help="Seconds to wait for another process on this state.", min=0)]
Until = Annotated[str | None, typer.Option("--until", help="Pause after this step.")]
PublishTo = Annotated[
    Path | None, typer.Option("--publish-to", help="Keep what is to be published in this file, for `bot publish`.",
                              metavar="FILE")
]
Demo = Annotated[bool, typer.Option("--demo", help="Use the bundled incident, service and scripted model.")]


def format_of(form: str, json: bool) -> str:
    """The format that `--format` and `--json` ask for together. Raises UsageProblem where they contradict."""
    if json and form not in {"text", "json"}:
        raise UsageProblem(f"--json and --format {form} do not go together.", "Give one of them.")
    return "json" if json else form
