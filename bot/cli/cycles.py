"""Commands that run cycles, or a part of one, and that publish what they came to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.options import Config, Demo, Json, PublishTo, State, Until, Wait
from bot.cli.top import cli, examples
from bot.domain.errors import UsageProblem


@cli.command(epilog=examples(
    "bot cycle --demo",
    "bot cycle --focus startup --logs file:export.ndjson --dry-run",
    "bot cycle --focus errors --logs gcp --cycles 3",
))
def cycle(
    focus: Annotated[
        str | None,
        typer.Option("--focus", help="What to look for: a preset or a [focus.NAME] of bot.toml. --demo has its own."),
    ] = None,
    demo: Demo = False,
    logs: Annotated[str | None, typer.Option("--logs", help="file:PATH (a file or a folder), file:- or gcp.")] = None,
    forge: Annotated[str | None, typer.Option("--forge", help="local or github.")] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="A Claude model's id, vertex:ID, bedrock:ID, script:DIR, replay:DIR.")
    ] = None,
    sandbox: Annotated[str | None, typer.Option("--sandbox", help="auto, bubblewrap, container or process.")] = None,
    cycles: Annotated[int, typer.Option("--cycles", help="At most so many cycles.", min=1, max=10)] = 1,
    until: Until = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Publish nothing, print what would be. Spends model money all the same.")
    ] = False,
    publish_to: PublishTo = None,
    new: Annotated[bool, typer.Option("--new", help="Start anew even if such a run was interrupted.")] = False,
    state: State = Path(".bot"),
    config: Config = None,
    wait: Wait = 0.0,
    json: Json = False,
) -> None:
    """Run a cycle on one focus: from the logs to a proven fix. An interrupted one is taken up again."""
    from bot.app import App, Options
    from bot.commands import run_cycle

    if focus is None:
        if not demo:
            raise UsageProblem("Missing option '--focus'.", "`bot cycle --help` shows how it is used.")
        from bot.demo import FOCUS

        focus = FOCUS
    options = Options(
        focus=focus, demo=demo, logs=logs, forge=forge, model=model, sandbox=sandbox, cycles=cycles, until=until,
        dry_run=dry_run, publish_to=publish_to, state=state, config=config, wait_s=wait, fresh=new,
    )
    raise typer.Exit(run_cycle(App.open(options), options, json))


@cli.command(epilog=examples(
    "bot logs --focus message-routing --logs demo",
    "bot logs --focus http-5xx --logs file:export.ndjson --explain",
))
def logs(
    focus: Annotated[str, typer.Option("--focus", help="What to look for: a preset or a [focus.NAME] of bot.toml.")],
    logs: Annotated[str | None, typer.Option("--logs", help="file:PATH (a file or a folder), file:- or gcp.")] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show what the first incident is made of, and what was asked of the log.")
    ] = False,
    top: Annotated[int, typer.Option("--top", help="Show at most so many incidents.", min=1)] = 10,
    state: State = Path(".bot"),
    config: Config = None,
    json: Json = False,
) -> None:
    """Rank the incidents of a log and say why. What earlier records know is taken into account.

    Leaves nothing behind, but for the redacted pages of a reading of gcp that broke off: for an hour it goes on there.
    """
    from bot.app import App, Options
    from bot.logs_command import show_logs

    options = Options(focus=focus, logs=logs, state=state, config=config)
    raise typer.Exit(show_logs(App.open(options), options, json=json, explain=explain, top=top))


@cli.command()
def resume(
    run: Annotated[str | None, typer.Argument(help="The run's id; the newest that has not ended by default.")] = None,
    until: Until = None,
    publish_to: PublishTo = None,
    state: State = Path(".bot"),
    config: Config = None,
    wait: Wait = 0.0,
    json: Json = False,
) -> None:
    """Go on with a paused, failed or interrupted cycle. Nothing that is done is done again."""
    from bot.app import Options
    from bot.commands import resume_cycle

    options = Options(until=until, publish_to=publish_to, state=state, config=config, wait_s=wait)
    raise typer.Exit(resume_cycle(options, run, json))


@cli.command(epilog=examples("bot retry --from write_tests"))
def retry(
    step: Annotated[str, typer.Option("--from", help="The step to go back to.", metavar="STEP")],
    run: Annotated[str | None, typer.Argument(help="The run's id; the newest by default.")] = None,
    until: Until = None,
    publish_to: PublishTo = None,
    state: State = Path(".bot"),
    config: Config = None,
    wait: Wait = 0.0,
    json: Json = False,
) -> None:
    """Set the last cycle of a run back to a step, and go on from there anew.

    What the step and those after it did is kept beside the record. What they published is changed, never doubled.
    """
    from bot.app import Options
    from bot.commands import retry_cycle

    options = Options(until=until, publish_to=publish_to, state=state, config=config, wait_s=wait)
    raise typer.Exit(retry_cycle(options, step, run, json))


@cli.command()
def publish(
    # Not readable here: what cannot be read is told in our words.
    file: Annotated[
        Path, typer.Argument(help="The file that --publish-to wrote.", metavar="FILE", readable=False)
    ],
    forge: Annotated[str | None, typer.Option("--forge", help="local or github.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Publish what `bot cycle --demo` kept.")] = False,
    only_reply: Annotated[
        bool, typer.Option("--only-reply", help="Refuse a file with more than the answer to a command.")
    ] = False,
    state: State = Path(".bot"),
    config: Config = None,
    wait: Wait = 0.0,
    json: Json = False,
) -> None:
    """Publish what a cycle kept for later, as the policy of bot.toml allows. Run again, it changes nothing."""
    from bot.publish_command import PublishOptions, run_publish

    raise typer.Exit(run_publish(PublishOptions(
        file=file, forge=forge, demo=demo, only_reply=only_reply, state=state, config=config, wait_s=wait, json=json,
    )))
