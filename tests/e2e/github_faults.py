"""A whole cycle published to a GitHub that fails once: what became of it, for each kind of fault and each request.

`python -m tests.e2e.github_faults [MADE]` prints the table: each kind at each request. MADE is the folder of a cycle
that was done (`github_cycle.live`); without it one is done now.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from unittest import mock

from bot.adapters import github_api
from bot.adapters.git_workspace import GitWorkspace
from bot.demo import PYTEST_ARGS
from bot.domain.effects import KEPT, Annotation, CheckReport, CommentUpsert, IssueUpsert, Receipt, RecordedEffect
from bot.domain.errors import BotError
from bot.domain.publication import Publication
from bot.domain.record import CycleRecord
from bot.engine.ledger import past_cycle
from bot.engine.publication import parse_publication, publication_bytes, publication_of
from bot.publish_command import PublishOptions, run_publish
from tests.e2e.github_cycle import REPOSITORY, everything, live
from tests.engine.github_driver import recorded
from tests.fakes.github_api import GitHub, actions_token, every_kind
from tests.fakes.instant_clock import InstantClock

TOKEN = "a-workflows-token"
PUBLISHES = actions_token(contents="write", issues="write", pull_requests="write", checks="write")
ENVIRON = {"GITHUB_TOKEN": TOKEN, "GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": REPOSITORY, "GITHUB_RUN_ID": "77",
           "GITHUB_SERVER_URL": "https://github.example.org"}
TIMEOUT = 1
"""Seconds that the client waits for an answer that does not come."""

KINDS = tuple(every_kind())
ENDING = ("401", "403", "404", "409", "410", "422")
"""Kinds that no waiting helps against, so that each mostly ends the run that meets it."""

REMARKS = 60
"""Annotations that the check is given, since the demo's audit has nothing to remark: more than one request takes."""

EARLIER = "20251106T081500Z-0a1b2c"
"""A run before the one that was done."""

_CONFIG = f"""
[repository]
name = "{REPOSITORY}"

[target.message-router]
python = "{sys.executable}"
code = ["router/**"]
tests = ["tests/unit", "tests/integration"]
suite = ["tests"]
pytest_args = {json.dumps(PYTEST_ARGS)}

[forge]
kind = "github"
"""


@dataclass
class Told:
    """One run of the command: its error, what stood in the receipts, and the whole of GitHub afterwards."""

    error: BotError | None
    receipts: tuple[Receipt, ...]
    github: dict[str, object]
    requests: list[str]

    @property
    def missing(self) -> list[str]:
        """What receipts say was not published, and why."""
        return [receipt.note for receipt in self.receipts if receipt.did == "not published"]


@dataclass
class Storm:
    """What became of the command while each request, or each nth, failed once in one way.

    `runs` are its runs, the last of them without a fault; `met` says how many faults each met.
    """

    kind: str
    runs: list[Told]
    met: list[int]

    @property
    def faults(self) -> int:
        return sum(self.met)

    @property
    def said(self) -> int:
        """Faults that ended a run, with words."""
        return sum(1 for run in self.runs if run.error is not None)

    @property
    def left_out(self) -> int:
        """Faults for which a receipt says that something was not published."""
        return sum(len(set(run.missing)) for run in self.runs)

    @property
    def healed(self) -> int:
        """Faults after which the same run went on as if nothing had been."""
        return self.faults - self.said - self.left_out


@dataclass
class Office:
    """A clone where `bot publish` runs, and the publication of the cycle in `made`."""

    made: Path
    folder: Path
    back: bool = False
    count: int = field(default=0)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        git = ("git", "clone", "--quiet", "--branch", "main", str(self.made / "clone"), str(self.home))
        subprocess.run(git, check=True, capture_output=True)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @cached_property
    def record(self) -> CycleRecord:
        """The record, as if its effects had been kept for later."""
        record = recorded(self.made)
        steps = tuple(
            step.model_copy(update={"effects": tuple(_kept(item) for item in step.effects)}) for step in record.steps
        )
        settings = record.settings.model_copy(update={"publish": "later"})
        return record.model_copy(update={"steps": steps, "settings": settings})

    @cached_property
    def publication(self) -> Publication:
        past = past_cycle(self.record, (), private=True, workflow_run=12)
        workspace = GitWorkspace(self.made / ".bot" / "demo" / "message-router")
        return publication_of(self.record, past, workspace, InstantClock().now())

    @contextlib.contextmanager
    def hub(self) -> Iterator[GitHub]:
        """A GitHub with the service and nothing else; if it is `back`, with the closed issue of an earlier cycle."""
        self.count += 1
        hub = GitHub(self.folder / f"hub-{self.count}", REPOSITORY, clock=InstantClock())
        hub.tokens[TOKEN] = PUBLISHES
        git = ("git", "push", "--quiet", str(hub.bare), "main")
        subprocess.run(git, cwd=self.made / "clone", check=True)
        try:
            if self.back:
                assert self.publish(hub, self.fresh(EARLIER)).error is None
                hub.issues[1] |= {"state": "closed", "state_reason": "completed"}
            yield hub
        finally:
            hub.close()

    def configure(self, hub: GitHub) -> None:
        """Let the clone's bot.toml name the GitHub."""
        (self.home / "bot.toml").write_text(f'{_CONFIG}api_url = "{hub.url}"\n')

    def publish(self, hub: GitHub, file: Path, timeout: int = 20) -> Told:
        """`bot publish FILE`."""
        self.configure(hub)
        options = PublishOptions(file, None, self.home / ".bot", self.home / "bot.toml")
        before, error = len(hub.requests), None
        with (
            contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()),
            contextlib.chdir(self.home), mock.patch.object(github_api, "_TIMEOUT_SECONDS", timeout),
        ):
            try:
                run_publish(options, ENVIRON, InstantClock(self.record.created_at + timedelta(hours=1)))
            except BotError as problem:
                error = problem
        done = parse_publication(file.read_bytes(), "it")
        receipts = tuple(item.receipt for item in done.effects if item.receipt is not None)
        return Told(error, receipts, everything(hub), hub.requests[before:])

    def fresh(self, run: str = "", name: str = "publication") -> Path:
        """The publication as it was written; or what another run had to say of the incident, which fixed nothing."""
        file, made = self.folder / f"{name}.json", self.publication
        if run:
            said = tuple(item for item in made.effects if isinstance(item.effect, IssueUpsert | CommentUpsert))
            made = made.model_copy(update={"effects": said, "commits": ()})
        assert made.scope.run is not None
        file.write_bytes(publication_bytes(made).replace(made.scope.run.encode(), (run or made.scope.run).encode()))
        return file

    def undisturbed(self) -> tuple[Told, Told]:
        """The command twice, with nothing in its way."""
        with self.hub() as hub:
            file = self.fresh()
            return self.publish(hub, file), self.publish(hub, file)

    def requests(self) -> tuple[dict[str, object], list[str]]:
        """What is on GitHub after the command, and patterns of all different requests of two runs of it."""
        first, again = self.undisturbed()
        assert (first.error, again.error, first.missing) == (None, None, [])
        assert again.github == first.github
        return first.github, list(dict.fromkeys(map(pattern_of, (*first.requests, *again.requests))))

    def storm(self, kind: str, patterns: list[str]) -> Storm:
        """The command, again and again until nothing fails any more; each request fails the first time it is made."""
        with self.hub() as hub:
            file, storm, left = self.fresh(), Storm(kind, [], []), len(patterns)
            for pattern in patterns:
                fault = every_kind(hang=TIMEOUT * 1.3)[kind]
                fault.method, fault.path = pattern.split(" ", 1)
                hub.faults.append(fault)
            timeout = TIMEOUT if kind.startswith("time-out") else 20
            while not storm.runs or storm.met[-1] or storm.runs[-1].error is not None:
                storm.runs.append(self.publish(hub, file, timeout))
                now = sum(fault.times for fault in hub.faults)
                storm.met.append(left - now)
                left = now
                assert len(storm.runs) <= len(patterns) + 2, storm.runs[-1].error
            return storm


def pattern_of(request: str) -> str:
    """What finds a request again, on another server, too."""
    verb, path = request.split(" ", 1)
    path = re.sub(r"\b1[0-9]{6}\b", "[0-9]+", re.escape(path))
    return f"{verb} ^" + re.sub(r"[0-9a-f]{40}", "[0-9a-f]{40}", path) + "$"


def portion(kind: str, patterns: list[str]) -> list[str]:
    """The requests that a kind of fault is for: all; where each ends a run, every third; where each waits, every sixth.

    They take turns.
    """
    if kind.startswith("time-out"):
        return patterns["after" in kind :: 6]
    if kind not in ENDING:
        return patterns
    return patterns[ENDING.index(kind) % 3 :: 3]


def _kept(item: RecordedEffect) -> RecordedEffect:
    effect = item.effect
    if isinstance(effect, CheckReport):
        remark = Annotation(path="router/broker.py", start_line=1, end_line=1, level="notice", title="t", message="m")
        remarks = tuple(remark.model_copy(update={"start_line": line, "end_line": line}) for line in range(1, REMARKS))
        effect = effect.model_copy(update={"annotations": remarks})
    return RecordedEffect(effect=effect, receipt=KEPT)


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        made = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(folder) / "made"
        if not made.exists():
            made.mkdir()
            live(made)
        office = Office(made, Path(folder))
        wanted, patterns = office.requests()
        heads = ("faults", "healed in the run", "left out, said", "run ended, said", "runs", "right in the end")
        sys.stdout.write(f"{'':34}{' '.join(f'{head:>17}' for head in heads)}\n")
        right = True
        for kind in KINDS:
            storm = office.storm(kind, patterns)
            same = storm.runs[-1].github == wanted
            right = right and same
            row = (storm.faults, storm.healed, storm.left_out, storm.said, len(storm.runs), "yes" if same else "NO")
            sys.stdout.write(f"{kind:34}{' '.join(f'{one:>17}' for one in row)}\n")
            sys.stdout.flush()
    return int(not right)


if __name__ == "__main__":
    sys.exit(main())
