"""A cycle that kept its effects for later, over a real repository, and another clone where they are published."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bot.adapters.git_workspace import GitWorkspace
from bot.domain.effects import (
    KEPT,
    BranchPush,
    CheckKey,
    CheckReport,
    CommentUpsert,
    Effect,
    PullRequestUpsert,
    RecordedEffect,
)
from bot.domain.publication import Publication
from bot.domain.record import CycleEnd, CycleRecord, CycleStatus
from bot.engine.ledger import past_cycle
from bot.engine.publication import publication_bytes, publication_of
from bot.ports import FileChange
from bot.publish_command import PublishOptions, run_publish
from tests.fakes.instant_clock import InstantClock
from tests.fakes.repositories import git, make_repository
from tests.unit import records

CONFIG = """
[repository]
name = "acme/shop"

[target.shop]
code = ["shop/**"]
tests = ["tests"]
"""
BRANCH = "whybot/startup-20251107t081500z-0a1b2c-01"


class Scene:
    """`work` is the clone that the cycle worked in, `home` the one with the policy; `file` is the publication."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.base = make_repository(folder / "work", {"shop/app.py": b"READY = False\n", "shop/old.py": b"1\n"})
        git(folder, "clone", "--quiet", str(folder / "work"), str(folder / "home"))
        (folder / "home" / "bot.toml").write_text(CONFIG)
        self.work = GitWorkspace(folder / "work")
        self.home = GitWorkspace(folder / "home")
        self.file = folder / "publication.json"
        self._made = b""

    def commit(self, changes: Mapping[str, bytes | None], parent: str = "") -> str:
        """A commit of the bot's in the clone that the cycle works in."""
        made = tuple(FileChange(path=path, content=content) for path, content in changes.items())
        return self.work.commit(parent or self.base, made, "Fix it\n\nWhybot-Cycle: x\n", records.START)

    def record(self, changes: Mapping[str, bytes | None] | None = None) -> CycleRecord:
        """A cycle up to its proposed fix; `changes` are those of the fix."""
        incident = records.incident()
        made = records.record(records.step("retrieve", result=records.retrieved(incident, self.base)), publish="later")
        tests = self.commit({"tests/test_app.py": b"def test_ready() -> None: ...\n"})
        fixed = {"shop/app.py": b"READY = True\n"} if changes is None else changes
        head = self.commit(fixed, tests)
        issue = records.issue_effect().effect.key
        assert issue.of == "issue"
        branch = made.key("branch", issue)
        check = CheckKey(repository="acme/shop", fingerprint=incident.fingerprint, run=made.ref.run, cycle=1, head=head)
        comments = [CommentUpsert(key=made.key("comment", issue, "status"), on=issue, body=body)
                    for body in ("Step 3.", "Step 8: done.")]
        filed: tuple[Effect, ...] = (records.issue_effect().effect, comments[0])
        committed: tuple[Effect, ...] = (
            BranchPush(key=branch, branch=BRANCH, base=self.base, head=head,
                       paths=self.work.changed_paths(self.base, head)),
            PullRequestUpsert(key=made.key("pull_request", issue), branch=branch, fixes=issue, title="Fix", body="It."),
            CheckReport(key=check, name="whybot proof", conclusion="success", title="proven", summary="All hold."),
            comments[1],
        )
        steps = (
            *made.steps,
            *(records.step(name, effects=tuple(RecordedEffect(effect=one, receipt=KEPT) for one in effects))
              for name, effects in (("file_issue", filed), ("commit", committed))),
        )
        return made.model_copy(update={"steps": steps, "status": CycleStatus.ENDED, "end": CycleEnd.FIX_PROPOSED})

    def publication(self, record: CycleRecord | None = None) -> Publication:
        """What the cycle wants published."""
        record = record or self.record()
        past = past_cycle(record, (), private=True, workflow_run=12)
        return publication_of(record, past, self.work, records.START)

    def write(self, change: Callable[[Any], object] = lambda document: None, record: CycleRecord | None = None) -> None:
        """Write the file, after somebody changed it."""
        if record is None:
            self._made = self._made or publication_bytes(self.publication())
        document = json.loads(self._made if record is None else publication_bytes(self.publication(record)))
        change(document)
        self.file.write_text(json.dumps(document))

    def publish(
        self, environ: Mapping[str, str] | None = None, forge: str | None = "local", only_reply: bool = False
    ) -> int:
        """`bot publish` in the other clone."""
        home = self.folder / "home"
        options = PublishOptions(self.file, forge, home / ".bot", home / "bot.toml", only_reply=only_reply)
        return run_publish(options, environ or {}, InstantClock())

    @property
    def forge(self) -> Path:
        """Where the folder forge of the other clone keeps what was published."""
        return self.folder / "home" / ".bot" / "forge"

    def published(self) -> dict[str, str]:
        """Every file of the forge, and the bot's branches."""
        found = {str(path.relative_to(self.forge)): path.read_text() for path in sorted(self.forge.rglob("*"))
                 if path.is_file() and path.name != ".lock"}
        refs = git(self.folder / "home", "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads/whybot")
        return {**found, "refs": refs}
