"""What a run leaves for other jobs, and takes from them: its publication and the ledger."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.adapters.atomic import write_atomically
from bot.domain.errors import BotError, ConfigProblem, UsageProblem
from bot.domain.past import NO_LEDGER, Ledger, PastCycle
from bot.domain.publication import Publication
from bot.domain.record import CycleRecord, Settings
from bot.domain.workflow import Workflow
from bot.engine.ledger import past_cycle, read_ledger, remember
from bot.engine.publication import publication_bytes, publication_of
from bot.engine.telling import paused_effect
from bot.ports import Clock, Forge, Store, Workspace


@dataclass
class Keeping:
    """Keeps a run's publication in the file `publish_to`, and knows the ledger on the branch `state_branch`.

    The ledger is for runs whose state folder is not all there is: those whose effects another job publishes, and those
    on GitHub from within GitHub Actions, where each begins with an empty folder. On a laptop the folder knows all, and
    the first steps of a cycle need no token. A demo and a dry run are rehearsals and have none.
    """

    store: Store
    clock: Clock
    state_branch: str
    environ: Mapping[str, str]
    publish_to: Path | None = None
    ledger: Ledger = NO_LEDGER
    _private: bool = field(default=False, repr=False)

    @property
    def workflow_run(self) -> int | None:
        """The run of GitHub Actions that this process is part of."""
        return workflow_run(self.environ)

    def has_ledger(self, settings: Settings) -> bool:
        """Whether a run needs to know what others left."""
        elsewhere = settings.publish == "later" or (settings.forge != "local" and in_actions(self.environ))
        return bool(self.state_branch) and elsewhere and not settings.demo and not settings.dry_run

    def check(self, settings: Settings) -> None:
        """Raise UsageProblem when what a run was begun with does not fit where effects are to go now."""
        if settings.publish == "later" and self.publish_to is None:
            raise UsageProblem("The run keeps what it publishes for later.", "Name a file for it with --publish-to.")
        if settings.publish != "later" and self.publish_to is not None:
            what = "publishes nothing" if settings.dry_run else "publishes at once"
            raise UsageProblem(f"The run {what}, as it was begun.", "Leave --publish-to out, or start a new run.")

    def recall(self, settings: Settings, open_forge: Callable[[], Forge]) -> None:
        """Read the ledger, if the run needs it. Raises RecordDamaged when it cannot be believed, ForgeProblem."""
        if self.has_ledger(settings):
            forge = open_forge()
            self._private = not forge.public
            self.ledger = read_ledger(forge, self.state_branch)

    def remember(self, run: str, settings: Settings, open_forge: Callable[[], Forge]) -> None:
        """Put a run's cycles into the ledger, unless another job publishes them and does it then."""
        if settings.publish == "now" and self.has_ledger(settings):
            remember(open_forge(), self.state_branch, [self._past(record) for record in self._records(run)])

    def remember_anyway(self, run: str, settings: Settings, open_forge: Callable[[], Forge]) -> None:
        """As `remember`, for a run that failed: what it failed of is said, and nothing else."""
        with contextlib.suppress(BotError):
            self.remember(run, settings, open_forge)

    def keep(self, run: str, workspace: Workspace | None, workflow: Workflow) -> None:
        """Write the publication of a run, as far as it has come. Raises ConfigProblem when that is impossible."""
        if self.publish_to is None:
            return
        made = [
            publication_of(record, self._past(record), workspace, self.clock.now(), paused_effect(record, workflow))
            for record in self._records(run)
        ]
        if made:
            *earlier, last = made
            write_publication(self.publish_to, last.model_copy(update={"earlier": tuple(earlier)}))

    def _records(self, run: str) -> list[CycleRecord]:
        return [self.store.load(ref) for ref in self.store.cycles() if ref.run == run]

    def _past(self, record: CycleRecord) -> PastCycle:
        charges = self.store.charges(record.ref)
        return past_cycle(record, charges, private=self._private, workflow_run=self.workflow_run)


def write_publication(path: Path, publication: Publication) -> None:
    """Write a publication, whole or not at all. Raises ConfigProblem."""
    try:
        write_atomically(path, publication_bytes(publication))
    except OSError as error:
        raise ConfigProblem(
            f"{path} cannot be written: {error.strerror or error}.", "Name another file, or mend the permissions."
        ) from error


def in_actions(environ: Mapping[str, str]) -> bool:
    """Whether this process runs in GitHub Actions."""
    return environ.get("GITHUB_ACTIONS") == "true"


def workflow_run(environ: Mapping[str, str]) -> int | None:
    """The number of the run of GitHub Actions that this process is part of."""
    number = re.fullmatch(r"[1-9][0-9]{0,17}", environ.get("GITHUB_RUN_ID", "")) if in_actions(environ) else None
    return None if number is None else int(number[0])


def record_url(environ: Mapping[str, str]) -> str:
    """Where the records of a job of GitHub Actions are kept; empty elsewhere."""
    server, repository, run = (environ.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    return f"{server}/{repository}/actions/runs/{run}" if in_actions(environ) and server and repository and run else ""
