"""The composition root: the only module that wires adapters to ports."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import get_args

from bot.adapters import FORGES, LOG_SOURCES, MODELS
from bot.adapters.directory_store import DirectoryStore
from bot.adapters.git_workspace import GitWorkspace
from bot.adapters.sandboxes import choose_sandbox
from bot.adapters.sandboxes.absent import AbsentSandbox
from bot.adapters.surroundings import Surroundings, opener
from bot.adapters.system_clock import SystemClock
from bot.adapters.webhook_notifier import WebhookNotifier
from bot.config import (
    DEMO_MODEL,
    FILE,
    absolute_model,
    absolute_source,
    focus_named,
    load_config,
    nearest,
)
from bot.domain.config import AskingStep, BotConfig, SandboxKind
from bot.domain.errors import BotError, ConfigProblem, ForgeProblem, SandboxProblem, UsageProblem, ci_not_meant
from bot.domain.logs import Focus
from bot.domain.model_names import SCRIPTED, model_name
from bot.domain.record import (
    CycleEnd,
    CycleRecord,
    CycleRef,
    CycleStatus,
    Publishing,
    Settings,
)
from bot.domain.workflow import Workflow
from bot.engine.keeping import Keeping, record_url
from bot.engine.machinery import Machinery
from bot.engine.moves import Pause, Publish, RunStep, move_after, next_move
from bot.engine.publisher import Publisher
from bot.engine.publishing.notices import NoticeDesk
from bot.engine.runner import Runner
from bot.engine.runs import Runs, wants_another
from bot.engine.workflow import load_workflow
from bot.ports import Clock, Forge, LogSource, Model, Progress, Sandbox, Workspace
from bot.progress import JobSummary
from bot.resources import resource_folder
from bot.steps import STEPS

DEFAULT_STATE = Path(".bot")
DEMO_LOGS = "demo"
_PROVIDERS = f"Give the id of a Claude model, or one of {', '.join(f'{kind}:…' for kind in MODELS)}."
SANDBOX_KINDS: tuple[SandboxKind, ...] = get_args(SandboxKind)
SETUP_ENV = ("PIP_", "UV_", "SSL_CERT_", "REQUESTS_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy",
             "https_proxy", "no_proxy")
"""Variables, by prefix, that a target's set-up commands get from the environment: where packages come from."""


@dataclass(frozen=True)
class Options:
    """What the command line asks for. None means: as bot.toml says."""

    focus: str = ""
    demo: bool = False
    logs: str | None = None
    forge: str | None = None
    model: str | None = None
    sandbox: str | None = None
    cycles: int = 1
    until: str | None = None
    dry_run: bool = False
    publish_to: Path | None = None
    state: Path = DEFAULT_STATE
    config: Path | None = None
    wait_s: float = 0.0
    fresh: bool = False


@dataclass
class App:
    """Everything wired for one command."""

    config: BotConfig
    workflow: Workflow
    store: DirectoryStore
    clock: Clock
    state: Path
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    publish_to: Path | None = None
    _models: dict[str, Model] = field(default_factory=dict, repr=False)

    @classmethod
    def open(cls, options: Options) -> App:
        """Read the configuration and the workflow, and open the state. Raises ConfigProblem."""
        store = DirectoryStore(options.state)
        store.check()
        config = load_config(config_path(options.config))
        if options.demo:
            from bot.demo.settings import demo_config

            config = demo_config(config, options.state)
        if options.publish_to is not None and not os.environ.get(config.forge.private_key_env):
            # What another job publishes as the App is prepared with this job's own token, which only reads.
            config = config.model_copy(update={"forge": config.forge.model_copy(update={"app_id": ""})})
        workflow = load_workflow(resource_folder("workflows") / "remediation.toml", STEPS)
        return cls(config, workflow, store, SystemClock(), options.state, publish_to=options.publish_to)

    @property
    def runs(self) -> Runs:
        """The runs of this state, and of the ledger once it was read."""
        return Runs(self.store, self.clock, self.workflow, self.keeping.ledger)

    @cached_property
    def keeping(self) -> Keeping:
        """What a run leaves for other jobs, and takes from them."""
        return Keeping(self.store, self.clock, self.config.forge.state_branch, self.environ, self.publish_to)

    @cached_property
    def notifier(self) -> WebhookNotifier:
        """What tells the destinations of bot.toml."""
        return WebhookNotifier(self.config.notify, self.environ, self.clock)

    @cached_property
    def notices(self) -> NoticeDesk:
        """What holds notices against bot.toml and sends them."""
        return NoticeDesk(self.config.notify, self.notifier, record_url(self.environ))

    @cached_property
    def job_summary(self) -> JobSummary:
        """The page of a job of GitHub Actions on which the cycles can be followed."""
        return JobSummary(self.environ.get("GITHUB_STEP_SUMMARY"))

    def _keep(self, record: CycleRecord, workspace: Workspace | None) -> None:
        from bot.reports.job_summary import run_summary_markdown, summary_markdown

        self.keeping.keep(record.ref.run, workspace, self.workflow)
        if record.settings.cycles > 1:
            # First shown before any cycle, it stands above them all.
            self.job_summary.show("run", lambda: run_summary_markdown(
                self.runs.records_of(record.ref.run), self.workflow))
        self.job_summary.show(str(record.ref), lambda: summary_markdown(record, self.workflow))

    def recall(self, settings: Settings) -> None:
        """Read what cycles elsewhere left, where this state is not all there is.

        Raises UsageProblem when the run cannot publish as it is asked to, RecordDamaged, ForgeProblem.
        """
        self.keeping.check(settings)
        self.keeping.recall(settings, self._forge_of(settings))

    def _forge_of(self, settings: Settings) -> Callable[[], Forge]:
        return self.forge_named(settings.forge, self.workspace(settings.demo))

    # Settings of a run

    def settings(self, options: Options) -> Settings:
        """What a new run is asked to do, all choices resolved. Raises UsageProblem or ConfigProblem."""
        if options.until is not None and options.until not in STEPS:
            known = ", ".join(step.name for step in self.workflow.steps)
            raise UsageProblem(f"There is no step {options.until!r}; there are {known}.", "Name one with --until.")
        focus = focus_named(self.config, options.focus)
        if options.dry_run and options.publish_to is not None:
            raise UsageProblem("--dry-run and --publish-to do not go together.", "Give one of them.")
        if options.demo and options.cycles > 1:
            raise UsageProblem("The demo's script knows one incident only.", "Leave --cycles out.")
        logs = self.source_named(options.logs)
        asked = self.config.model.name if options.model is None else _asked_for(options.model)
        model = absolute_model(asked, Path.cwd())
        scripted = self._is_scripted(model)
        forge = options.forge or self.config.forge.kind
        if forge not in FORGES:
            raise UsageProblem(f"There is no forge {forge!r}.", f"Take one of: {', '.join(FORGES)}.")
        sandbox = self.sandbox(options.sandbox, options.demo).name
        self._check_models(asked)
        self._open_models(asked, self._asking(self.workflow.steps[0].name, options.until))
        return Settings(
            demo=options.demo, logs=logs, model=model, scripted=scripted, forge=forge, sandbox=sandbox,
            repository=self.config.repository.name, publish=_publish(options), until=options.until, focus=focus,
            since=self.since(focus, logs), cycles=options.cycles,
        )

    def _asking(self, first: str, until: str | None) -> tuple[AskingStep, ...]:
        """The steps from `first` to `until`, both included, that ask a model."""
        names = [step.name for step in self.workflow.steps]
        ahead = names[names.index(first):]
        if until in ahead:
            ahead = ahead[:ahead.index(until) + 1]
        return tuple(step for step in get_args(AskingStep) if step in ahead)

    def _check_models(self, asked: str) -> None:
        """Raise UsageProblem or ConfigProblem for a script that is not there or a model whose price is not known."""
        from bot.model.prices import price_of

        for step in get_args(AskingStep):
            config = self.config.model.of_step(step, asked)
            kind, rest = _model_kind(config.name)
            if kind in SCRIPTED:
                self._opened(config.name)
            else:
                price_of(config.model_copy(update={"name": rest}) if kind == "claude" else config)

    def _open_models(self, asked: str, steps: Iterable[AskingStep]) -> None:
        """Open what the steps will ask, without a request, so that what is missing is said before anything is done.

        Raises what opening them raises: ConfigProblem without a key, credentials, a region, a package.
        """
        for step in steps:
            self._opened(self.config.model.of_step(step, asked).name)

    def _opened(self, name: str) -> Model:
        if name not in self._models:
            self._models[name] = self.model(name)
        return self._models[name]

    def _is_scripted(self, asked: str) -> bool:
        """Whether answers of the run come from files, and be it of one step: every report then says so."""
        names = (self.config.model.of_step(step, asked).name for step in get_args(AskingStep))
        return any(_model_kind(name)[0] in SCRIPTED for name in names)

    def source_named(self, given: str | None) -> str:
        """The log source to read, found from everywhere. Raises UsageProblem or ConfigProblem."""
        source = (absolute_source(given, Path.cwd()) if given else "") or self.config.logs.source
        if not source:
            raise UsageProblem(
                "It is not said where the logs are.",
                "Give --logs file:PATH or --logs gcp, or set `source` under [logs] in bot.toml.",
            )
        self.logs(source)
        return source

    def since(self, focus: Focus, source: str) -> datetime | None:
        """Where the window of a live source begins; None for a file, which is read whole."""
        return self.clock.now() - timedelta(hours=focus.window_hours) if source.partition(":")[0] == "gcp" else None

    def reopen(self, record: CycleRecord, until: str | None) -> None:
        """Make a cycle ready to run on, in the sandbox that works now where none did before.

        Raises what opening a model raises, for those that surely will be asked.
        """
        self._open_models(record.settings.model, self._asking_still(record, until))
        sandbox = record.settings.sandbox
        if sandbox == AbsentSandbox.name:
            sandbox = self.sandbox(None, record.settings.demo).name
        self.runs.reopen(record, until, sandbox)

    def _asking_still(self, record: CycleRecord, until: str | None) -> tuple[AskingStep, ...]:
        """The steps ahead of a cycle that ask a model, if no step is held back."""
        if record.status is CycleStatus.ENDED:
            return ()
        move = next_move(record, self.workflow)
        if isinstance(move, Publish):
            move = move_after(record, record.steps[-1], self.workflow)
        following = move.place if isinstance(move, RunStep) else None
        if isinstance(move, Pause):
            following = self.workflow.after(record.steps[-1].step)
        return () if following is None else self._asking(following.name, until)

    def run(self, ref: CycleRef, progress: Progress) -> None:
        """Run a cycle and those that its run still asks for; keep what other jobs take from it, also when it fails."""
        settings = self.store.load(ref).settings
        self.keeping.keep(ref.run, self.workspace(settings.demo), self.workflow)
        try:
            record = self.runner(settings, progress).run(ref)
            while wants_another(record):
                following = record.ref.model_copy(update={"number": record.ref.number + 1})
                if following not in self.store.cycles(following.focus):
                    self.runs.begin(record.settings, following.number, following.run)
                record = self.runner(record.settings, progress).run(following)
        except BotError:
            self.keeping.remember_anyway(ref.run, settings, self._forge_of(settings))
            raise
        self.keeping.remember(ref.run, settings, self._forge_of(settings))

    def lock(self, what: str, wait_s: float) -> AbstractContextManager[None]:
        """Hold the state alone."""
        return self.store.lock(what, wait_s)

    # Wiring

    def runner(self, settings: Settings, progress: Progress) -> Runner:
        """A runner for a run's settings."""
        workspace = self.workspace(settings.demo)
        open_forge = self.forge_named(settings.forge, workspace)
        scratch = self.state / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True, exist_ok=True)
        return Runner(Machinery(
            workflow=self.workflow, steps=STEPS, config=self.config, logs=self.logs(settings.logs),
            open_model=self._model_behind_forge(settings, open_forge), workspace=workspace,
            sandbox=self.sandbox(None if settings.sandbox == AbsentSandbox.name else settings.sandbox, settings.demo),
            publisher=Publisher(open_forge, self.config.policy, workspace, record_url(self.environ), self.notices),
            store=self.store, clock=self.clock, progress=progress, scratch=scratch.resolve(),
            environments=(self.state / "environments").resolve(),
            setup_env={name: value for name, value in self.environ.items() if name.startswith(SETUP_ENV)},
            history=self.runs.history(settings, self.config.mute), findings=self.runs.findings(settings),
            spent=self.runs.spent, spent_today_usd=self.runs.spent_today_usd,
            keep=lambda record: self._keep(record, workspace),
        ))

    def _model_behind_forge(self, settings: Settings, open_forge: Callable[[], Forge]) -> Callable[[AskingStep], Model]:
        """What opens a step's model, the forge first: no money is spent on what could not be published."""
        def open_model(step: AskingStep) -> Model:
            if settings.publish == "now":
                account = open_forge().account
                pushes = settings.until in {None, STEPS["commit"].name}
                if pushes and account.starts_ci and not self.config.forge.ci_on_unreviewed_code:
                    raise ci_not_meant(account.login)
            return self._opened(self.config.model.of_step(step, settings.model).name)

        return open_model

    def surroundings(self, workspace: Workspace | None = None) -> Surroundings:
        """What adapters are built from."""
        return Surroundings(self.config, self.clock, self.environ, self.state, workspace)

    def logs(self, source: str) -> LogSource:
        """The log source of that name: `file:PATH` (`-` for standard input), `gcp`, or the demo's own."""
        if source == DEMO_LOGS:
            from bot.adapters.file_logs import FileLogs
            from bot.demo import logs_path

            return FileLogs(logs_path(), name="the demo's captured log")
        kind, _, rest = source.partition(":")
        if kind not in LOG_SOURCES:
            raise UsageProblem(
                f"There is no log source {source!r}.",
                "Give file:PATH (a file or a folder), file:- for standard input, or gcp.",
            )
        build: Callable[[str, Surroundings], LogSource] = opener(LOG_SOURCES[kind], "open_log_source")
        return build(rest, self.surroundings())

    def model(self, name: str) -> Model:
        """The model of that name: an id of Claude's, or `vertex:`, `bedrock:`, `script:` or `replay:` and the rest."""
        kind, rest = _model_kind(name)
        if name == DEMO_MODEL:
            from bot.demo import script_path

            rest = str(script_path())
        build: Callable[[str, Surroundings], Model] = opener(MODELS[kind], "open_model")
        return build(rest, self.surroundings())

    def sandbox(self, kind: str | None, demo: bool) -> Sandbox:
        """The sandbox for generated code; where none works, one that refuses every run, unless one was asked for."""
        wanted = kind or self.config.sandbox.kind
        if wanted not in SANDBOX_KINDS:
            raise UsageProblem(f"There is no sandbox {wanted!r}.", f"Take one of: {', '.join(SANDBOX_KINDS)}.")
        try:
            return choose_sandbox(wanted, demo, self.environ, self.config.sandbox.image)
        except SandboxProblem as problem:
            if kind is not None:
                raise
            return AbsentSandbox(problem)

    def workspace(self, demo: bool) -> Workspace | None:
        """The repository; None where there is none. Raises ConfigProblem or ForgeProblem when git refuses it."""
        path = Path(self.config.repository.path)
        if demo:
            from bot.demo.repository import ensure_repository

            self.store.prepare()
            ensure_repository(path)
        try:
            return GitWorkspace(path)
        except (ForgeProblem, ConfigProblem):
            if (path / ".git").exists():
                raise
            return None

    def forge_named(self, kind: str, workspace: Workspace | None) -> Callable[[], Forge]:
        """What opens the forge that effects are published to."""
        build: Callable[[str, Surroundings], Forge] = opener(FORGES[kind], "open_forge")
        return cache(lambda: build(self.config.repository.name, self.surroundings(workspace)))


def _publish(options: Options) -> Publishing:
    if options.dry_run:
        return "never"
    return "now" if options.publish_to is None else "later"


def _asked_for(name: str) -> str:
    """The model that the command line asks for. Raises UsageProblem for one that names none."""
    try:
        model_name(name)
    except ValueError as error:
        raise UsageProblem(f"--model: {error}.", _PROVIDERS) from error
    _model_kind(name, UsageProblem)
    return name


def _model_kind(name: str, problem: type[BotError] = ConfigProblem) -> tuple[str, str]:
    """The provider and the rest of a model's name; a name alone is Claude's. Raises `problem`."""
    kind, colon, rest = name.partition(":")
    if not colon:
        return "claude", name
    if kind not in MODELS:
        raise problem(f"There is no model provider {kind!r} (in {name!r}).", _PROVIDERS)
    return kind, rest


def config_path(given: Path | None) -> Path | None:
    """The configuration file to read: the one named, else the nearest `bot.toml` here or above."""
    if given is not None:
        return given
    return nearest(FILE)


def exit_code(records: Iterable[CycleRecord]) -> int:
    """0 when all cycles ended well or were paused on request, 1 when the answer of one is no."""
    return int(any(record.end in {CycleEnd.TESTS_REJECTED, CycleEnd.FIX_REJECTED} for record in records))
