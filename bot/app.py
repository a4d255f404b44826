"""The composition root: the only module that wires adapters to ports."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from bot.adapters.directory_store import DirectoryStore
from bot.adapters.system_clock import SystemClock
from bot.config import FILE, focus_named, load_config
from bot.domain.config import BotConfig
from bot.domain.errors import BotError, ConfigProblem, ForgeProblem, UsageProblem
from bot.domain.logs import Novelty
from bot.domain.record import (
    CycleEnd,
    CycleRecord,
    CycleRef,
    CycleStatus,
    Settings,
    focus_slug,
    run_id,
)
from bot.domain.workflow import Workflow
from bot.engine.publisher import Publisher
from bot.engine.runner import Machinery, Runner
from bot.engine.workflow import load_workflow
from bot.ports import Clock, Forge, LogSource, Model, Progress, Sandbox, Store, Workspace
from bot.resources import resource_folder
from bot.steps import STEPS

DEFAULT_STATE = Path(".bot")
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

    @classmethod
    def open(cls, options: Options) -> App:
        """Read the configuration and the workflow, and open the state."""
        config = load_config(config_path(options.config))
        if options.demo:
            from bot.demo import demo_config

            config = demo_config(config, options.state)
        workflow = load_workflow(resource_folder("workflows") / "remediation.toml", STEPS)
        return cls(config, workflow, DirectoryStore(options.state), SystemClock(), options.state)

    # Settings of a run

    def settings(self, options: Options) -> Settings:
        """What a new run is asked to do, all choices resolved. Raises UsageProblem or ConfigProblem."""
        if options.until is not None and options.until not in STEPS:
            known = ", ".join(step.name for step in self.workflow.steps)
            raise UsageProblem(f"There is no step {options.until!r}; there are {known}.", "Name one with --until.")
        focus = focus_named(self.config, options.focus)
        logs = options.logs or self.config.logs.source
        if not logs:
            raise UsageProblem(
                "It is not said where the logs are.",
                "Give --logs file:PATH or --logs gcp, or set `source` under [logs] in bot.toml.",
            )
        model = options.model or self.config.model.name
        since = self.clock.now() - timedelta(hours=focus.window_hours) if logs == "gcp" else None
        return Settings(
            demo=options.demo, logs=logs, model=model, scripted=model.startswith("script:"),
            forge=options.forge or self.config.forge.kind, sandbox=self.sandbox(options.sandbox, options.demo).name,
            repository=self.config.repository.name, dry_run=options.dry_run, until=options.until, focus=focus,
            since=since, cycles=options.cycles,
        )

    # Cycles

    def begin(self, settings: Settings, number: int = 1, run: str | None = None) -> CycleRef:
        """Create the record of a new cycle; a new run, or the next cycle of `run`."""
        now = self.clock.now()
        slug = focus_slug(settings.focus.name)
        if run is None:
            taken = {ref.run for ref in self.store.cycles()}
            candidates = (
                run_id(now, hashlib.sha256(f"{settings.model_dump_json()}{attempt}".encode()).hexdigest())
                for attempt in range(1000)
            )
            run = next(name for name in candidates if name not in taken)
        ref = CycleRef(focus=slug, run=run, number=number)
        self.store.create(CycleRecord(ref=ref, settings=settings, created_at=now))
        return ref

    def interrupted(self, settings: Settings) -> CycleRef | None:
        """A cycle with the same settings that was running when its process died, newest first."""
        wanted = settings.model_copy(update={"since": None})
        for ref in reversed(self.store.cycles(focus_slug(settings.focus.name))):
            record = self.store.load(ref)
            same = record.settings.model_copy(update={"since": None}) == wanted
            if same and record.status is CycleStatus.RUNNING:
                return ref
        return None

    def resumable(self, run: str | None) -> CycleRef:
        """The newest cycle that has not ended, of a run if one is named. Raises UsageProblem."""
        for ref in reversed(self.store.cycles()):
            if run is not None and ref.run != run:
                continue
            if self.store.load(ref).status is not CycleStatus.ENDED:
                return ref
        what = f"the run {run}" if run else str(self.state)
        raise UsageProblem(f"There is no cycle to go on with in {what}.", "`bot status` lists what there is.")

    def reopen(self, ref: CycleRef, until: str | None) -> CycleRecord:
        """Make a paused or interrupted cycle ready to run on."""
        record = self.store.load(ref)
        settings = record.settings.model_copy(update={"until": until})
        return self.store.save(
            record.model_copy(update={"status": CycleStatus.RUNNING, "paused_because": "", "settings": settings}),
            record.version,
        )

    def run(self, ref: CycleRef, progress: Progress) -> CycleRecord:
        """Run a cycle and those that its run still asks for; return the last one's record."""
        record = self.runner(self.store.load(ref).settings, progress).run(ref)
        while (
            record.status is CycleStatus.ENDED
            and record.end not in {CycleEnd.LOG_CLEAN, CycleEnd.EMPTY_LOG}
            and record.ref.number < record.settings.cycles
        ):
            following = record.ref.model_copy(update={"number": record.ref.number + 1})
            if following not in self.store.cycles(following.focus):
                self.begin(record.settings, following.number, following.run)
            record = self.runner(record.settings, progress).run(following)
        return record

    def lock(self, what: str, wait_s: float) -> AbstractContextManager[None]:
        """Hold the state alone."""
        return self.store.lock(what, wait_s)

    # Wiring

    def runner(self, settings: Settings, progress: Progress) -> Runner:
        """A runner for a run's settings."""
        workspace = self.workspace(settings.demo)
        scratch = self.state / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True, exist_ok=True)
        return Runner(Machinery(
            workflow=self.workflow, steps=STEPS, config=self.config, logs=self.logs(settings.logs),
            model=self.model(settings.model), workspace=workspace,
            sandbox=self.sandbox(settings.sandbox, settings.demo),
            publisher=Publisher(self.forge(settings, workspace), self.config.policy, workspace),
            store=self.store, clock=self.clock, progress=progress, scratch=scratch.resolve(),
            environments=(self.state / "environments").resolve(),
            setup_env={name: value for name, value in self.environ.items() if name.startswith(SETUP_ENV)},
            history=self.history(settings),
        ))

    def logs(self, source: str) -> LogSource:
        """The log source of that name: `file:PATH` (`-` for standard input) or `gcp`."""
        kind, _, rest = source.partition(":")
        if kind not in LOG_SOURCES or (kind == "file" and not rest):
            raise UsageProblem(
                f"There is no log source {source!r}.", f"Take one of: {', '.join(LOG_SOURCES_IN_WORDS)}."
            )
        return LOG_SOURCES[kind](self, rest)

    def model(self, name: str) -> Model:
        """The model of that name: `script:DIR`, or an id of Claude's."""
        kind = name.partition(":")[0] if ":" in name else "claude"
        if kind not in MODELS:
            raise UsageProblem(
                f"There is no model provider {kind!r} (in {name!r}).",
                "Give --model script:DIR or the id of a Claude model.",
            )
        return MODELS[kind](self, name)

    def sandbox(self, kind: str | None, demo: bool) -> Sandbox:
        """The sandbox for generated code."""
        from bot.adapters.sandboxes import choose_sandbox

        return choose_sandbox(kind or self.config.sandbox.kind, demo, self.environ)

    def workspace(self, demo: bool) -> Workspace | None:
        """The repository; None where there is no git repository."""
        from bot.adapters.git_workspace import GitWorkspace

        path = Path(self.config.repository.path)
        if demo:
            from bot.demo.repository import ensure_repository

            ensure_repository(path)
        try:
            return GitWorkspace(path)
        except (ForgeProblem, ConfigProblem):
            return None

    def forge(self, settings: Settings, workspace: Workspace | None) -> Forge:
        """The forge that effects are published to."""
        if settings.forge not in FORGES:
            raise UsageProblem(f"There is no forge {settings.forge!r}.", f"Take one of: {', '.join(FORGES)}.")
        return FORGES[settings.forge](self, settings, workspace)

    def history(self, settings: Settings) -> Callable[[CycleRef], Mapping[str, Novelty]]:
        """How incidents stand that other records of this repository know.

        A demo run is a rehearsal and sees only its own run. A record that cannot be read stops the command:
        deciding without it could open a second front on what is in work.
        """

        def standing(current: CycleRef) -> Mapping[str, Novelty]:
            known: dict[str, Novelty] = {}
            for ref in self.store.cycles():
                if ref == current or (settings.demo and ref.run != current.run):
                    continue
                record = self.store.load(ref)
                if record.fingerprint is None or record.settings.repository != settings.repository:
                    continue
                at_work = record.status is not CycleStatus.ENDED or record.end is CycleEnd.FIX_PROPOSED
                if at_work or ref.run == current.run:
                    known[record.fingerprint] = Novelty.IN_WORK
                else:
                    known.setdefault(record.fingerprint, Novelty.KNOWN)
            return known

        return standing


def config_path(given: Path | None) -> Path | None:
    """The configuration file to read: the one named, else `bot.toml` here if there is one."""
    if given is not None:
        return given
    return Path(FILE) if Path(FILE).exists() else None


def exit_code(record: CycleRecord) -> int:
    """0 when the cycle ended well or was paused on request, 1 when its answer is no."""
    if record.status is CycleStatus.ENDED and record.end in {CycleEnd.TESTS_REJECTED, CycleEnd.FIX_REJECTED}:
        return 1
    return 0


# The registries of what the command line can name. Adding one: a file in adapters/ and a line here.


def _file_logs(app: App, rest: str) -> LogSource:
    from bot.adapters.file_logs import FileLogs

    return FileLogs(None if rest == "-" else Path(rest))


def _gcp_logs(app: App, rest: str) -> LogSource:
    from bot.adapters.gcp_logs import GcpLogs

    project = rest or app.config.logs.project
    if not project:
        raise ConfigProblem("The Google Cloud project is not set.", "Set `project` under [logs] in bot.toml.")
    return GcpLogs(project, app.clock)


LOG_SOURCES: Mapping[str, Callable[[App, str], LogSource]] = {"file": _file_logs, "gcp": _gcp_logs}
LOG_SOURCES_IN_WORDS = ("file:PATH", "file:- (standard input)", "gcp")


def _scripted_model(app: App, name: str) -> Model:
    from bot.adapters.scripted_model import ScriptedModel

    if name == "script:demo":
        from bot.demo import script_path

        return ScriptedModel(script_path())
    return ScriptedModel(Path(name.partition(":")[2]))


def _claude(app: App, name: str) -> Model:
    from bot.adapters.claude import ClaudeModel

    return ClaudeModel(app.config.model.model_copy(update={"name": name}), app.clock)


MODELS: Mapping[str, Callable[[App, str], Model]] = {"script": _scripted_model, "claude": _claude}


def _local_forge(app: App, settings: Settings, workspace: Workspace | None) -> Forge:
    from bot.adapters.local_forge import LocalForge

    return LocalForge(app.state / "forge", workspace)


def _github_forge(app: App, settings: Settings, workspace: Workspace | None) -> Forge:
    from bot.adapters.github_forge import GitHubForge

    name = app.config.forge.token_env
    token = app.environ.get(name, "")
    if not token:
        raise ConfigProblem(
            f"The forge is GitHub, but {name} is not set.", f"Set {name}, or take --forge local or --dry-run."
        )
    return GitHubForge(settings.repository, token, app.config.forge.api_url, workspace, app.clock)


FORGES: Mapping[str, Callable[[App, Settings, Workspace | None], Forge]] = {
    "local": _local_forge, "github": _github_forge,
}

__all__ = ["App", "BotError", "Options", "Store", "config_path", "exit_code"]
