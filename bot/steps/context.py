"""What a step is given, what it returns, and how it is declared."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from bot.domain.asking import Charge, Usage
from bot.domain.base import Fingerprint, Frozen, RepoPath
from bot.domain.config import AskingStep, BotConfig, TargetConfig
from bot.domain.earlier import EarlierFinding
from bot.domain.effects import Artifact, Effect
from bot.domain.errors import ConfigProblem, RecordDamaged, no_repository
from bot.domain.logs import Incident, Standing
from bot.domain.patch import StoredFile
from bot.domain.record import CycleEnd, CycleRecord, Decision, R
from bot.domain.results import Retrieved, StepResult
from bot.domain.workflow import Workflow
from bot.logs.redact import Redactor
from bot.ports import Clock, LogSource, Model, Progress, Sandbox, Store, Workspace


@dataclass
class StepContext:
    """Everything a step may use. What it keeps and asks is collected here and goes into its record.

    `scratch` is an empty folder for this step attempt alone; nothing in it outlives the step.
    `open_model` gives the model that a step asks; it is opened when it is first needed, so that reading logs takes
    no key.
    `environments` is where the targets' environments are made, once per base commit; `setup_env` is what
    their set-up commands find in the environment.
    `spent` is what this cycle paid a model for so far, `spent_today_usd` what all cycles of this state did since
    midnight UTC. `history` says how incidents stand that earlier records know, by fingerprint; `findings` what earlier
    cycles on an incident of these fingerprints came to.
    """

    record: CycleRecord
    attempt: int
    config: BotConfig
    logs: LogSource
    open_model: Callable[[AskingStep], Model]
    workspace: Workspace | None
    sandbox: Sandbox
    store: Store
    clock: Clock
    progress: Progress
    workflow: Workflow
    scratch: Path
    environments: Path
    setup_env: Mapping[str, str]
    history: Callable[[], Mapping[str, Standing]]
    findings: Callable[[tuple[Fingerprint, ...]], tuple[EarlierFinding, ...]]
    spent: Callable[[], Usage]
    spent_today_usd: Callable[[], Decimal]
    kept: list[Artifact] = field(default_factory=list)
    charges: list[Charge] = field(default_factory=list)

    @property
    def redactor(self) -> Redactor:
        """What takes secrets out of whatever is stored, shown to a model or published."""
        return Redactor.of(self.config.redaction)

    def need(self, kind: type[R]) -> R:
        """The newest result of a type. The workflow's order guarantees that there is one."""
        found = self.record.latest(kind)
        if found is None:
            raise LookupError(f"no {kind.__name__} in {self.record.ref}: the workflow's order is wrong")
        return found

    def keep(self, name: str, content: bytes) -> Artifact:
        """Write a file beside the record and note it in the step's record."""
        artifact = self.store.put_artifact(self.record.ref, name, content)
        self.kept = [item for item in self.kept if item.name != name] + [artifact]
        return artifact

    def kept_before(self, name: str) -> bytes | None:
        """A file that this step kept before it was interrupted; None when it is not there, or was set aside."""
        try:
            content = self.store.get_artifact(self.record.ref, name)
        except RecordDamaged:
            return None
        aside = {file.sha256 for retry in self.record.retries for file in retry.dropped if file.name == name}
        return None if hashlib.sha256(content).hexdigest() in aside else content

    def keep_file(self, path: RepoPath, name: str, content: bytes) -> StoredFile:
        """Keep a file of the repository, or for it, under the name `name`."""
        kept = self.keep(name, content)
        return StoredFile(path=path, sha256=kept.sha256, artifact=name, lines=len(content.splitlines()))

    @property
    def incident(self) -> Incident:
        """The incident that the cycle works on. The workflow's order guarantees that there is one."""
        if self.record.incident is None:
            raise LookupError(f"no incident is selected in {self.record.ref}: the workflow's order is wrong")
        return self.record.incident

    def read(self, name: str) -> bytes:
        """Read a file beside the record. Raises RecordDamaged when it is not what the record says."""
        content = self.store.get_artifact(self.record.ref, name)
        kept = (artifact for step in reversed(self.record.steps) for artifact in step.artifacts)
        noted = next((artifact for artifact in kept if artifact.name == name), None)
        if noted is None or noted.sha256 != hashlib.sha256(content).hexdigest():
            raise RecordDamaged(
                f"The file {name} of {self.record.ref} is not the one that the record was made with.",
                "It was left as it is. Restore it from a copy, or start a new run with --new.",
            )
        return content

    @property
    def repository(self) -> Workspace:
        """The repository. Raises ConfigProblem when there is none here."""
        if self.workspace is None:
            raise no_repository(self.config.repository.path)
        return self.workspace

    @property
    def target(self) -> TargetConfig:
        """The service that the incident is about. Raises ConfigProblem when bot.toml does not describe it."""
        name = self.need(Retrieved).target
        if name not in self.config.target:
            known = ", ".join(sorted(self.config.target)) or "none"
            raise ConfigProblem(
                f"The incident is in the service {name or 'without a name'}, which bot.toml does not describe "
                f"(described: {known}).",
                f"Add [target.{name or 'NAME'}] with root, python, code and tests to bot.toml; `bot init` shows how.",
            )
        return self.config.target[name]


@dataclass(frozen=True)
class StepOutcome:
    """What a step decided. `end` goes with the decision END; `said` is one line for people."""

    result: StepResult
    said: str
    decision: Decision = Decision.GO
    end: CycleEnd | None = None
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True)
class Step:
    """A step's declaration. `takes` are result types that must exist before it; `gives` is its own."""

    name: str
    takes: tuple[type[Frozen], ...]
    gives: type[Frozen]
    run: Callable[[StepContext], StepOutcome]
