"""The jobs of a workflow that answers commands in comments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.options import Config, State
from bot.cli.top import cli

actions = typer.Typer(
    help="The jobs of a workflow that answers commands in comments; each takes the gate's outputs as WHYBOT_... .",
    no_args_is_help=True, rich_markup_mode=None,
)
cli.add_typer(actions, name="actions")


@actions.command("gate")
def actions_gate(
    most_an_hour: Annotated[
        int, typer.Option("--most-an-hour", help="Commands that are accepted within an hour.", min=0, max=1_000)
    ] = 20,
) -> None:
    """Decide whether the comment that started the job runs anything, and react to it."""
    from bot.actions_command import run_gate

    raise typer.Exit(run_gate(most_an_hour))


@actions.command("locate")
def actions_locate() -> None:
    """For retry: say which run of Actions keeps the record of the conversation's cycle."""
    from bot.actions_command import run_locate

    raise typer.Exit(run_locate())


@actions.command("work")
def actions_work(
    publish_to: Annotated[
        Path, typer.Option("--publish-to", help="Keep the answer in this file, for `bot publish`.", metavar="FILE")
    ],
    state: State = Path(".bot"),
    config: Config = None,
) -> None:
    """Do what the gate accepted; publish nothing."""
    from bot.actions_work import WorkOptions, run_work

    raise typer.Exit(run_work(WorkOptions(publish_to, state, config)))


@actions.command("stop")
def actions_stop(
    workflow: Annotated[
        list[str],
        typer.Option("--workflow", help="A workflow's file, or FILE:JOB; may be repeated.", metavar="FILE"),
    ],
    publish_to: Annotated[
        Path, typer.Option("--publish-to", help="Keep the answer in this file, for `bot publish`.", metavar="FILE")
    ],
) -> None:
    """Cancel the runs of these workflows that have not ended."""
    from bot.actions_stop import run_stop

    raise typer.Exit(run_stop(tuple(workflow), publish_to))


@actions.command("react")
def actions_react() -> None:
    """React to a comment, as a job after the gate found out that it must."""
    from bot.actions_command import run_react

    raise typer.Exit(run_react())
