"""`bot audit`: what is wrong with the tests of a project, and whether they may be believed."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast, get_args

from bot.config import FILE, load_config, nearest
from bot.domain.audit import AuditReport, Depth, Recommendation, Tried
from bot.domain.base import counted
from bot.domain.config import BotConfig, SandboxKind
from bot.domain.errors import EXIT_ANSWER_IS_NO, ConfigProblem, UsageProblem
from bot.domain.plan import ServiceNeed, TestPlan
from bot.domain.suite import Observation, Outcome
from bot.domain.visible import visible
from bot.progress import harmless, harmless_lines, json_text, make_progress, say, say_json, say_table, say_text

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.table import Table
    from rich.text import Text

    from bot.reports.audit_text import Line
    from bot.standalone.project import Project

Format = Literal["text", "json", "sarif", "github", "markdown"]
FailOn = Literal["hold", "finding"]
_MOST_DISAGREEMENTS = 10
_MOST_SUMMARY_BYTES = 900_000
"""GitHub takes 1 MiB of summary from one step."""


@dataclass(frozen=True)
class AuditOptions:
    """What the command line asks for; the words are checked by `checked`. `mutants`: the most runs with changes."""

    paths: tuple[str, ...]
    implementation: tuple[str, ...] = ()
    junit: tuple[Path, ...] = ()
    run: bool = False
    mutate: bool = False
    mutants: int = 40
    plan: Path | None = None
    format: str = "text"
    fail_on: str = "hold"
    sandbox: str | None = None
    config: Path | None = None
    output: Path | None = None

    def checked(self) -> AuditOptions:
        """These options. Raises UsageProblem for a word that is none of those there are, and for what does not fit."""
        _one_of("--format", self.format, get_args(Format))
        _one_of("--fail-on", self.fail_on, get_args(FailOn))
        if self.mutants < 1:
            raise UsageProblem(f"--mutants {self.mutants} leaves no run.", "Give it the most runs, 1 or more.")
        if self.sandbox is not None:
            _one_of("--sandbox", self.sandbox, get_args(SandboxKind))
        if self.output is not None and self.format == "github":
            raise UsageProblem("--output does not go with --format github.", "Its lines are for the runner's log.")
        if self.output is not None and (self.output.is_dir() or not self.output.parent.is_dir()):
            kind = "a folder" if self.output.is_dir() else "in no folder that there is"
            raise ConfigProblem(f"{self.output} cannot be written: it is {kind}.", "Give --output another file.")
        return self


@dataclass(frozen=True)
class Ran:
    """What is known of a run of the tests, and of runs with small changes of the code."""

    depth: Depth = "static"
    observations: tuple[Observation, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    tried: tuple[Tried, ...] = ()
    notes: tuple[str, ...] = ()


def run_audit(options: AuditOptions) -> int:
    """Audit the tests and show what was found; return the exit code.

    Raises UsageProblem for paths that are not there, options that do not fit, and where there are no tests.
    """
    options = options.checked()
    report, notes = audited(options, *_configuration(options.config))
    _show(options, report, notes)
    if report.recommendation is Recommendation.HOLD:
        return EXIT_ANSWER_IS_NO
    from bot.reports.audit_view import unsuppressed

    return EXIT_ANSWER_IS_NO if options.fail_on == "finding" and unsuppressed(report) else 0


def audited(
    options: AuditOptions, config: BotConfig, repository: Path | None
) -> tuple[AuditReport, tuple[str, ...]]:
    """The report on the tests that the options name, and what a reader has to know beside it.

    `repository` is the folder that the configuration speaks of; paths are relative to the current folder. Raises
    UsageProblem for paths that are not there, and where there are no tests.
    """
    from bot.standalone.project import find_project

    targets = [(repository, target) for target in config.target.values()] if repository is not None else []
    project = find_project(options.paths, options.implementation, targets)
    plan = None
    if options.plan is not None:
        from bot.standalone.plan_file import load_plan

        plan = load_plan(options.plan)
    material = Material(project, config, repository, plan)
    ran = _ran(options, material)
    off = (f"Not asked, as bot.toml says: {', '.join(config.audit.ignore)}.",) if config.audit.ignore else ()
    return _examined(material, ran), (*project.notes, *off, *ran.notes)


def _one_of(option: str, given: str, words: tuple[str, ...]) -> None:
    if given not in words:
        raise UsageProblem(f"{option} is {given!r}.", f"It may be {', '.join(words[:-1])} or {words[-1]}.")


# what it goes by

def _configuration(path: Path | None) -> tuple[BotConfig, Path | None]:
    """What bot.toml says (the one that was named, else the nearest) and the folder that its paths are relative to."""
    found = path if path is not None else nearest(FILE)
    config = load_config(found)
    if config.audit.ignore:
        from bot.audit.examine import refuse_unknown_rules

        refuse_unknown_rules(config.audit)
    # Links stay as they are, so that paths are shown as they were given.
    return config, None if found is None else Path(os.path.abspath(config.repository.path))  # noqa: PTH100


@dataclass(frozen=True)
class Material:
    """What a run goes by. `repository` is the folder that the configuration speaks of, None without a bot.toml."""

    project: Project
    config: BotConfig
    repository: Path | None
    plan: TestPlan | None

    @property
    def root(self) -> Path:
        """The folder that the paths of the plan are relative to."""
        return self.repository or self.project.root


def _ran(options: AuditOptions, material: Material) -> Ran:
    """What a run shows, as deep as it was asked for. Where results are given, too, the run decides."""
    if options.mutate or options.run:
        if options.junit:
            from bot.standalone.results import read_file

            for file in options.junit:
                read_file(file, ())  # what is wrong with it is told before the run
        ran = _mutated(options, material) if options.mutate else _run(options, material)
        return replace(ran, notes=(*ran.notes, *_disagreements(options.junit, ran.observations)))
    return _from_junit(options, material) if options.junit else Ran()


def _disagreements(files: tuple[Path, ...], ran: tuple[Observation, ...]) -> tuple[str, ...]:
    """Where results say another thing than a run, for the first few tests."""
    if not files:
        return ()
    from bot.standalone.results import disagreements, read_file

    known = tuple(dict.fromkeys(one.test.partition("[")[0] for one in ran))
    said = disagreements([one for file in files for one in read_file(file, known)], ran)
    rest = len(said) - _MOST_DISAGREEMENTS
    return (*said[:_MOST_DISAGREEMENTS], *([f"So it is with {counted(rest, 'more test')}."] if rest > 0 else []))


def _run(options: AuditOptions, material: Material) -> Ran:
    from bot.standalone.observed import ground_of, observe
    from bot.standalone.plan_file import plan_from

    ground = ground_of(material.project, material.config, material.repository, options.implementation)
    started = time.monotonic()
    with make_progress() as progress:
        progress.step_began("run", "Run the tests", 1)
        kind = cast("SandboxKind | None", options.sandbox)
        plan = plan_from(material.plan, material.root, ground.root) if material.plan is not None else None
        seen = observe(ground, sandbox=kind, plan=plan, note=progress.note)
        said = counted(len(seen.outcomes), "outcome")
        progress.step_ended("run", said, time.monotonic() - started, "go")
    return Ran("run", seen.observations, seen.outcomes, notes=seen.notes)


def _mutated(options: AuditOptions, material: Material) -> Ran:
    from bot.standalone.mutating import mutate, table_of
    from bot.standalone.observed import Observed, ground_of
    from bot.standalone.plan_file import plan_from

    def defects(seen: Observed) -> frozenset[str]:
        return frozenset(_examined(material, Ran("run", seen.observations, seen.outcomes)).defects)

    ground = ground_of(material.project, material.config, material.repository, options.implementation)
    started = time.monotonic()
    with make_progress() as progress:
        progress.step_began("mutate", "Run the tests, then with small changes of the code", 1)
        kind = cast("SandboxKind | None", options.sandbox)
        plan = plan_from(material.plan, material.root, ground.root) if material.plan is not None else None
        done = mutate(ground, sandbox=kind, plan=plan, note=progress.note, skip=defects, most=options.mutants)
        seen = done.observed
        said = f"{counted(len(seen.outcomes), 'outcome')}, {counted(len(done.tried), 'change')} tried"
        progress.step_ended("mutate", f"{said} in {counted(done.runs, 'run')}", time.monotonic() - started, "go")
    if done.tried and options.format == "text" and options.output is None:
        say_table(_table(("test", "tried", "noticed"), table_of(done.tried), numbers=(1,)))
        say("")
    return Ran("mutate", seen.observations, seen.outcomes, done.tried, (*seen.notes, *done.notes))


def _from_junit(options: AuditOptions, material: Material) -> Ran:
    from bot.standalone.plan_file import plan_from_here
    from bot.standalone.results import results_for

    project, config = material.project, material.config
    plan = plan_from_here(material.plan, material.root) if material.plan is not None else None
    services = tuple(ServiceNeed(name=name, address=one.address) for name, one in config.service.items())
    outcomes, notes = results_for(
        options.junit, project.tests, tuple(project.implementation), plan, services, project.named)
    return Ran("run", outcomes=outcomes, notes=notes)


# the verdict

def _examined(material: Material, ran: Ran) -> AuditReport:
    from bot.audit.examine import examine
    from bot.standalone.narrowing import narrowed
    from bot.standalone.plan_file import plan_from_here

    project, config = material.project, material.config
    plan = plan_from_here(material.plan, material.root) if material.plan is not None else None
    report = examine(
        project.tests, project.implementation, plan, ran.observations, ran.outcomes, ran.depth,
        pytest_args=tuple(arg for target in config.target.values() for arg in target.pytest_args),
        named=project.named, conventions=config.audit,
        services=tuple(ServiceNeed(name=name, address=one.address) for name, one in config.service.items()),
        tried=ran.tried,
    )
    return narrowed(report, project)


# showing it

def _show(options: AuditOptions, report: AuditReport, notes: tuple[str, ...]) -> None:
    match options.format:
        case "json":
            from bot.reports.json.audit import audit_document

            _document(options, audit_document(report, notes))
        case "sarif":
            from bot.reports.sarif import sarif_log

            _document(options, sarif_log(report))
        case "markdown":
            from bot.reports.audit_markdown import audit_markdown

            _text(options, audit_markdown(report, notes))
        case "github":
            _annotate(report, notes)
        case _:
            _show_text(options, report, notes)


def _document(options: AuditOptions, document: BaseModel | dict[str, object]) -> None:
    if options.output is None:
        say_json(document)
    else:
        _write(options.output, json_text(document) + "\n")


def _text(options: AuditOptions, text: str) -> None:
    if options.output is None:
        say(text.rstrip("\n"))
    else:
        _write(options.output, text)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigProblem(f"{path} cannot be written: {error.strerror}.", "Give --output another file.") from error


def _annotate(report: AuditReport, notes: tuple[str, ...]) -> None:
    from bot.annotating import say_annotation
    from bot.reports.annotations import marks

    for mark in marks(report):
        say_annotation(mark.level, mark.title, mark.message, mark.path, mark.line)
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if not summary:
        return
    from bot.reports.audit_markdown import audit_markdown
    from bot.reports.markdown import cut, neutralise

    # Four bytes are the most that a character takes.
    text = cut(neutralise(audit_markdown(report, notes)), _MOST_SUMMARY_BYTES // 4)
    try:
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(f"{text.rstrip()}\n\n")
    except OSError as error:
        say(f"bot: the summary of this step cannot be written: {error.strerror}.", sys.stderr)


def _show_text(options: AuditOptions, report: AuditReport, notes: tuple[str, ...]) -> None:
    from bot.reports.audit_text import finding_lines, verdict_lines

    if options.output is not None:
        lines = [*finding_lines(report), *verdict_lines(report, notes)]
        _write(options.output, "\n".join(harmless_lines(_plain(line)) for line in lines) + "\n")
        return
    _say_lines(finding_lines(report))
    _say_lines(verdict_lines(report, notes))


def _say_lines(lines: Iterable[Line]) -> None:
    if sys.stdout.isatty():
        say_text(_styled(lines))
    else:
        text = "\n".join(map(_plain, lines))
        if text:
            say(text)


def _plain(line: Line) -> str:
    # A part is one line, whatever it says; its spaces stay, since code begins with some.
    return "".join(part.text.replace("\n", " ") for part in line)


_STYLES = {"bold": "bold", "error": "bold red", "warning": "yellow", "good": "bold green", "dim": "dim"}


def _styled(lines: Iterable[Line]) -> Text:
    from rich.text import Text

    text = Text()
    for line in lines:
        for part in line:
            text.append(visible(part.text.replace("\n", " ")), _STYLES.get(part.style, ""))
        text.append("\n")
    return text


def _table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]], numbers: tuple[int, ...] = ()) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for at, heading in enumerate(headings):
        table.add_column(heading, justify="right" if at in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(harmless, row))
    return table


# the rules

def show_rules(ids: tuple[str, ...], form: str) -> int:
    """List the rules, or say all about those that were named. Raises UsageProblem for a rule that there is not."""
    from bot.audit.examine import nearest_rule
    from bot.audit.rules import RULES

    _one_of("--format", form, ("text", "json"))
    for name in ids:
        if name not in RULES:
            near = nearest_rule(name)
            raise UsageProblem(
                f"There is no rule {harmless(name)!r}.",
                f"Did you mean {near!r}?" if near else "`bot audit --rules` lists those there are.",
            )
    chosen = [RULES[name] for name in ids] or list(RULES.values())
    if form == "json":
        from bot.reports.json.audit import rules_document

        say_json(rules_document(chosen))
    elif ids:
        from bot.reports.audit_text import rule_lines

        for at, rule in enumerate(chosen):
            _say_lines([(), *rule_lines(rule)] if at else rule_lines(rule))
    else:
        say_table(_table(
            ("rule", "class", "severity", "title"),
            [(rule.id, rule.defect_class, rule.severity.value, rule.title) for rule in chosen],
        ))
        say("\n`bot audit --rules RULE` says why, and shows what is wrong and what is right.")
    return 0
