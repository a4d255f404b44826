"""Commands that set whybot up."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.options import Config, Demo, Json, State
from bot.cli.top import cli


@cli.command()
def init(
    show: Annotated[bool, typer.Option("--print", help="Print it instead of writing it.")] = False,
    github: Annotated[
        bool, typer.Option("--github", help="Also the workflows for GitHub Actions; says what is left to do.")
    ] = False,
    workflows: Annotated[
        str | None,
        typer.Option("--workflows", help="With --github, from where Actions takes whybot.",
                     metavar="OWNER/NAME@COMMIT"),
    ] = None,
    json: Json = False,
) -> None:
    """Write a commented bot.toml for this repository. Never overwrites a file."""
    from bot.setting_up import init_config

    if github:
        from bot.init_github import init_github

        raise typer.Exit(init_github(show, workflows, json))
    raise typer.Exit(init_config(Path("bot.toml"), show, json))


@cli.command()
def doctor(demo: Demo = False, state: State = Path(".bot"), config: Config = None, json: Json = False) -> None:
    """Say what is configured, reachable and missing, and what to do about it."""
    from bot.setting_up import run_doctor

    raise typer.Exit(run_doctor(demo, state, config, json))


@cli.command()
def notify(
    test: Annotated[
        str | None, typer.Option("--test", help="Send a test notice to this destination.", metavar="NAME")
    ] = None,
    state: State = Path(".bot"), config: Config = None, json: Json = False,
) -> None:
    """Say who is told of what, by the [notify] tables of bot.toml; or send a test notice."""
    from bot.notify_command import run_notify

    raise typer.Exit(run_notify(test, state, config, json=json))
