"""The command line: parses, builds, delegates. Heavy imports wait until a command needs them."""

from __future__ import annotations

import io
import sys
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Protocol, cast

import typer

from bot import __version__
from bot.domain.errors import EXIT_INTERRUPTED, BotError, Interrupted, UsageProblem
from bot.output import Output

_HELP = """A debugging bot for services on Cloud Run. The model proposes, code decides.

It reads the staging logs for one focus, picks the most important incident, finds out why, opens an issue,
writes tests that reproduce it, audits and runs them, fixes, proves and commits. No telemetry.

Exit codes: 0 ended well ("not reproduced" and "no actionable incident" included), 1 the answer is no,
2 usage, 3 configuration, 4 retrieval failed, 5 budget spent, 6 locked by another process, 7 damaged record,
8 model, 9 forge, 10 sandbox, 11 the target's own set-up failed, 70 a bug, 130 interrupted.
"""

cli = typer.Typer(
    name="bot", help=_HELP, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]},
)

_RESUME = "`bot resume` goes on where it was."
_GOES_ON = "The same command goes on where it was."
# What Typer raises of a command line that does not fit. Which module has the class depends on Typer's version.
_MISUSE: type[Exception] = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")


class _Misuse(Protocol):
    """What such an error can do."""

    ctx: Any

    def show(self, file: io.StringIO) -> None: ...

    def format_message(self) -> str: ...


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


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"whybot {__version__}")
        raise typer.Exit


@cli.callback()
def _top(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass


@cli.command()
def cycle(
    focus: Annotated[str, typer.Option("--focus", help="What to look for: a preset or a [focus.NAME] of bot.toml.")],
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

    options = Options(
        focus=focus, demo=demo, logs=logs, forge=forge, model=model, sandbox=sandbox, cycles=cycles, until=until,
        dry_run=dry_run, publish_to=publish_to, state=state, config=config, wait_s=wait, fresh=new,
    )
    raise typer.Exit(run_cycle(App.open(options), options, json))


@cli.command()
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


@cli.command()
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


@cli.command()
def status(
    ledger: Annotated[
        str | None,
        typer.Option("--ledger", help="Also list the cycles of a ledger: a file, or `forge` for the state branch."),
    ] = None,
    state: State = Path(".bot"),
    config: Config = None,
    json: Json = False,
) -> None:
    """List the cycles of this state and where each stands."""
    from bot.status_command import show_status

    raise typer.Exit(show_status(state, json, config, ledger))


@cli.command()
def recheck(
    # Not readable here: what cannot be read is no misuse of the command.
    folder: Annotated[
        Path, typer.Argument(help="A cycle's folder, with its record.json.", metavar="DIR", readable=False)
    ],
    json: Json = False,
) -> None:
    """Check a record again: citations, numbers, verdicts, reports, checksums. Needs no keys and no repository."""
    from bot.recheck_command import show_recheck

    raise typer.Exit(show_recheck(folder, json=json))


@cli.command()
def audit(
    # Not checked here: a path may be a node id, `file::test`.
    paths: Annotated[
        list[str] | None,
        typer.Argument(help="Test files, folders, or tests as FILE::TEST; with --rules, rules.", metavar="PATH..."),
    ] = None,
    implementation: Annotated[
        list[str] | None,
        typer.Option("--implementation", help="A file or folder of the code under test; may be repeated."),
    ] = None,
    junit: Annotated[
        list[Path] | None,
        typer.Option("--junit", help="Results of a run, as JUnit XML; may be repeated. With --run, the run decides."),
    ] = None,
    run: Annotated[bool, typer.Option("--run", help="Also run the tests in a sandbox; judge what happened.")] = False,
    mutate: Annotated[
        bool, typer.Option("--mutate", help="Also see whether they notice small changes of the code; runs them.")
    ] = False,
    mutants: Annotated[
        int, typer.Option("--mutants", help="With --mutate, the most runs with changes.", metavar="N")
    ] = 40,
    plan: Annotated[
        Path | None, typer.Option("--plan", help="A test plan (JSON or TOML) that the tests are held to.")
    ] = None,
    form: Annotated[
        str, typer.Option("--format", help="text, json, sarif, github or markdown.", metavar="FORMAT")
    ] = "text",
    fail_on: Annotated[
        str, typer.Option("--fail-on", help="hold: exit 1 on HOLD; finding: on any finding.", metavar="WHAT")
    ] = "hold",
    sandbox: Annotated[str | None, typer.Option("--sandbox", help="auto, bubblewrap, container or process.")] = None,
    rules: Annotated[bool, typer.Option("--rules", help="List the rules, or explain those that are named.")] = False,
    output: Annotated[Path | None, typer.Option("--output", help="Write to this file.", metavar="FILE")] = None,
    config: Config = None,
) -> None:
    """Say which tests are fake: what is wrong with each, and GO or HOLD. Needs no configuration, git or network.

    Without a PATH, the tests that pytest would collect here. Exit code 1 on HOLD.
    """
    from bot.audit_command import AuditOptions, run_audit, show_rules

    if rules:
        raise typer.Exit(show_rules(tuple(paths or ()), form))
    options = AuditOptions(
        paths=tuple(paths or ()), implementation=tuple(implementation or ()), junit=tuple(junit or ()), run=run,
        mutate=mutate, mutants=mutants, plan=plan, format=form, fail_on=fail_on, sandbox=sandbox, config=config,
        output=output,
    )
    raise typer.Exit(run_audit(options))


@cli.command("audit-report")
def audit_report(
    # Not readable here: what cannot be read is told in our words.
    reports: Annotated[
        list[Path], typer.Argument(help="Markdown reports of test runs.", metavar="REPORT...", readable=False)
    ],
    junit: Annotated[
        list[Path] | None, typer.Option("--junit", help="Results of a run, as JUnit XML; may be repeated.")
    ] = None,
    form: Annotated[
        str, typer.Option("--format", help="text, json, markdown or github.", metavar="FORMAT")
    ] = "text",
) -> None:
    """Say which claims of a report about tests the results support, and which they contradict.

    Without --junit, reports are only held against themselves and each other. Exit code 1 when a claim is contradicted.
    """
    from bot.audit_report_command import ReportOptions, audit_report

    raise typer.Exit(audit_report(ReportOptions(tuple(reports), tuple(junit or ()), form)))


@cli.command()
def prove(
    base: Annotated[str, typer.Option("--base", help="The revision before the fix.", metavar="REV")],
    fix: Annotated[str, typer.Option("--fix", help="The revision with the fix and its tests.", metavar="REV")],
    # Not checked here: a path may be a node id, and what counts is whether the commit has it.
    tests: Annotated[
        list[str],
        typer.Option("--tests", help="A test file, folder or FILE::TEST that shows the fix; may be repeated.",
                     metavar="PATH"),
    ],
    more: Annotated[list[str] | None, typer.Argument(help="More of --tests.", metavar="[PATH]...")] = None,
    plan: Annotated[
        Path | None, typer.Option("--plan", help="A test plan (JSON or TOML) that says how the tests must fail.")
    ] = None,
    suite: Annotated[
        list[str] | None,
        typer.Option("--suite", help="The project's own tests, if not all; may be repeated.", metavar="PATH"),
    ] = None,
    no_suite: Annotated[bool, typer.Option("--no-suite", help="Do not run the project's own tests.")] = False,
    reruns: Annotated[int | None, typer.Option("--reruns", help="Rounds of red, green, red.", min=1, max=50)] = None,
    mutants: Annotated[
        int | None, typer.Option("--mutants", help="Small changes of the fix to try at most.", min=0, max=500)
    ] = None,
    workers: Annotated[int | None, typer.Option("--workers", help="Runs at a time.", min=1, max=64)] = None,
    sandbox: Annotated[str | None, typer.Option("--sandbox", help="auto, bubblewrap, container or process.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Repeat runs that were complete before, too.")] = False,
    state: State = Path(".bot"),
    config: Config = None,
    json: Json = False,
) -> None:
    """Prove a fix: red before it, green with it, red without it, all of it needed, nothing broken.

    In any git repository; neither its files nor its history are touched. Interrupted, it goes on where it was. Exit
    code 0 when it is proven, 1 when it is not.
    """
    from bot.prove_command import ProveOptions, run_prove

    raise typer.Exit(run_prove(ProveOptions(
        base=base, fix=fix, tests=(*tests, *(more or ())), suite=tuple(suite or ()), no_suite=no_suite, plan=plan,
        reruns=reruns, mutants=mutants, workers=workers, sandbox=sandbox, config=config, state=state, again=again,
        json=json,
    )))


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
) -> None:
    """Write a commented bot.toml for this repository. Never overwrites a file."""
    from bot.setting_up import init_config

    if github:
        from bot.init_github import init_github

        raise typer.Exit(init_github(show, workflows))
    raise typer.Exit(init_config(Path("bot.toml"), show))


@cli.command()
def doctor(demo: Demo = False, state: State = Path(".bot"), config: Config = None, json: Json = False) -> None:
    """Say what is configured, reachable and missing, and what to do about it."""
    from bot.setting_up import run_doctor

    raise typer.Exit(run_doctor(demo, state, config, json))


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


def main() -> None:
    """Run the command line. Every error a user can cause ends in two sentences and its own exit code."""
    with Output() as output:
        sys.exit(_run(output))


def _run(output: Output) -> int:
    """Run the command, and say what went wrong; with --json, also as a document if none was begun. Return the code."""
    error: BotError
    try:
        code = _invoke()
        output.finish()
        if code != EXIT_INTERRUPTED:
            return code
        error = _interrupted()
    except BotError as problem:
        error = problem
        _say(f"bot: {error.what}\n     {error.remedy}")
    except KeyboardInterrupt:
        error = _interrupted()
        _say("bot: interrupted." + (f" {error.remedy}" if error.remedy in {_RESUME, _GOES_ON} else ""))
    except _MISUSE as problem:
        error = _usage(cast("_Misuse", problem))
    except Exception as problem:  # noqa: BLE001 - the last resort: a bug, reported as one
        from bot.crash import write_report

        error = BotError(f"This is a bug in whybot: {type(problem).__name__}.", write_report(problem))
        _say(f"bot: this is a bug in whybot: {type(problem).__name__}.\n     {error.remedy}")
    if _wants_json(sys.argv[1:]) and not output.wrote:
        _print_error(error)
    return error.exit_code


def _wants_json(arguments: list[str]) -> bool:
    """Whether standard output is to hold one JSON document, whatever happens."""
    return bool({"--json", "--format=json"} & {*arguments}) or ("--format", "json") in pairwise(arguments)


def _invoke() -> int:
    """Parse and run; return the exit code. Raises whatever the command does.

    Not by calling `cli`, which would end by itself for a closed pipe or Ctrl-C, and in silence.
    """
    command = typer.main.get_command(cli)
    try:
        with command.make_context("bot", sys.argv[1:]) as context:
            command.invoke(context)
    except typer.Exit as ended:
        return ended.exit_code
    return 0


def _interrupted() -> BotError:
    resumes = {"cycle", "resume", "retry"} & {*sys.argv[1:]}
    remedy = _RESUME if resumes else _GOES_ON if sys.argv[1:2] == ["prove"] else "Start it again."
    return Interrupted("It was interrupted.", remedy)


def _usage(misuse: _Misuse) -> UsageProblem:
    """Say what Typer does, and how the command is used; return it as an error of ours."""
    said = io.StringIO()
    misuse.show(file=said)
    _say(said.getvalue().rstrip("\n"))
    command = misuse.ctx.command_path if misuse.ctx is not None else "bot"
    what = " ".join(misuse.format_message().split()).rstrip(".")
    return UsageProblem(f"{what}.", f"`{command} --help` shows how it is used.")


def _print_error(error: BotError) -> None:
    """With --json, an error that came before any record is the one document on standard output."""
    from bot.progress import say_json

    document = {
        "schema": "whybot/error/1", "family": error.family, "exit_code": error.exit_code, "what": error.what,
        "remedy": error.remedy,
    }
    try:
        say_json(document)
    except BotError as unwritten:
        _say(f"bot: {unwritten.what}\n     {unwritten.remedy}")


def _say(text: str) -> None:
    from bot.progress import say

    say(text, sys.stderr)


if __name__ == "__main__":
    main()
