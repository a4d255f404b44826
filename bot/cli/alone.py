"""Commands that work in any repository, without a record."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.options import Config, Json, State, format_of
from bot.cli.top import cli, examples


@cli.command(epilog=examples(
    "bot audit tests/",
    "bot audit tests/test_orders.py::test_total --run",
    "bot audit --rules swallowed-failure",
))
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
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Say which tests are fake: what is wrong with each, and GO or HOLD. Needs no configuration, git or network.

    Without a PATH, the tests that pytest would collect here. Exit code 1 on HOLD.
    """
    from bot.audit_command import AuditOptions, run_audit, show_rules

    form = format_of(form, json)
    if rules:
        raise typer.Exit(show_rules(tuple(paths or ()), form))
    options = AuditOptions(
        paths=tuple(paths or ()), implementation=tuple(implementation or ()), junit=tuple(junit or ()), run=run,
        mutate=mutate, mutants=mutants, plan=plan, format=form, fail_on=fail_on, sandbox=sandbox, config=config,
        output=output,
    )
    raise typer.Exit(run_audit(options))


@cli.command("audit-report", epilog=examples("bot audit-report REPORT.md --junit results.xml"))
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
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Say which claims of a report about tests the results support, and which they contradict.

    Without --junit, reports are only held against themselves and each other. Exit code 1 when a claim is contradicted.
    """
    from bot.audit_report_command import ReportOptions, audit_report

    raise typer.Exit(audit_report(ReportOptions(tuple(reports), tuple(junit or ()), format_of(form, json))))


@cli.command(epilog=examples("bot prove --base main --fix my-branch --tests tests/test_rooms.py"))
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
