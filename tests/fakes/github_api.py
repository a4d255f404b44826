"""A GitHub on this machine: one repository over a bare git repository, with real SHAs and real differences.

It answers as GitHub does: whole objects, pages with Link headers, permissions by kind of token, rate limits, redirects
from an old name, numbers that issues and pull requests share, and git over HTTP. Faults can be switched on for any
request. Where GitHub's own OpenAPI description is at hand, every request and answer is held against it: `violations`
are what does not fit, and `close()` fails with them.
"""

from __future__ import annotations

import shutil
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from tests.fakes.github import accounts, comments, issues, pulls, runs
from tests.fakes.github.accounts import App, Person
from tests.fakes.github.base import Json, Token, actions_token
from tests.fakes.github.faults import Fault, Limits, every_kind
from tests.fakes.github.handler import Server
from tests.fakes.github.serving import Serving, starts_ci
from tests.fakes.github.store import Store

__all__ = ["App", "Fault", "GitHub", "Person", "Token", "actions_token", "every_kind"]


class _Clock(Protocol):
    def now(self) -> datetime: ...


class GitHub:
    """Serve `owner/name` from the moment it is made to `close()`. With a clock, stamps and limits go by it."""

    def __init__(
        self, folder: Path, full_name: str = "acme/shop", moved_from: str = "", *, clock: _Clock | None = None,
        private: bool = False, check: bool = True,
    ) -> None:
        self.full_name = full_name
        self.moved_from = moved_from
        self.repository_id = 1
        self.default_branch = "main"
        self.root = folder
        self.bare = folder / f"{full_name}.git"
        folder.mkdir(parents=True, exist_ok=True)
        self.bare.mkdir(parents=True)
        self.store = Store(self.bare)
        self.store.run("init", "--quiet", "--bare", "--template=", f"--initial-branch={self.default_branch}", ".")
        # Who and what
        self.tokens: dict[str, Token] = {}
        self.people: dict[str, Person] = {}
        self.apps: list[App] = []
        self.issues: dict[int, Json] = {}
        self.gone: dict[int, str] = {}
        self.labels: dict[str, Json] = {}
        self.comments: dict[int, Json] = {}
        self.pulls: dict[int, Json] = {}
        self.checks: dict[int, Json] = {}
        self.runs: dict[int, Json] = {}
        self.workflows: dict[str, int] = {}
        self.pinned: list[int] = []
        self.ci: list[str] = []
        """What would have started the repository's CI: `push BRANCH`, `pull_request BRANCH`."""
        # How the repository is set up
        self.private = private
        self.archived = False
        self.has_issues = True
        self.drafts = True
        self.actions_open_pulls = True
        self.state_reasons = issues.REASONS
        # How the server behaves, and what it saw
        self.faults: list[Fault] = []
        self.latency = 0.0
        self.requests: list[str] = []
        self.strayed: list[str] = []
        """Writes to issues that are in another repository by now."""
        self.violations: list[str] = []
        self.checked = 0
        self.differences: dict[tuple[str, str], Json] = {}
        self.elsewhere: dict[str, Json] = {}
        """Issues in other repositories, by their paths."""
        self.lock = threading.RLock()
        self._clock = clock
        self._ids = 0
        self.limits = Limits(self.now)
        self.began = self.stamp()
        self.serving = Serving(self, check=check)
        self._server = Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.api = self.url
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop. Raises AssertionError when something did not fit GitHub's description."""
        self.serving.closing.set()
        self._server.end()
        self._thread.join()
        with self.lock:
            self.store.close()
        assert not self.violations, "not as GitHub describes it:\n" + "\n".join(dict.fromkeys(self.violations))

    # For tests: what people do, and what is there

    def git(self, *arguments: str) -> str:
        """Run git in the bare repository."""
        return self.store.run(*arguments)

    def head(self, branch: str) -> str | None:
        """The commit a branch is at."""
        with self.lock:
            return self.store.head(branch)

    def upcoming(self, count: int = 1) -> int:
        """The number of the next request (or of the one `count` from now), for a fault."""
        return len(self.requests) + count

    def add_issue(self, author: Token, title: str, body: str | None, labels: list[str]) -> Json:
        """Open an issue."""
        return issues.add(self, author, title, body, labels)

    def add_comment(self, author: Token, number: int, body: str) -> Json:
        """Write a comment."""
        return comments.add(self, author, number, body)

    def add_pull(self, author: Token, title: str, body: str | None, branch: str, draft: bool) -> Json:
        """Open a pull request."""
        return pulls.add(self, author, title, body, branch, draft)

    def merge_pull(self, number: int, by: Token) -> str:
        """Merge a pull request; return the merge commit."""
        return pulls.merge(self, number, by)

    def add_run(self, file: str, by: Token, **more: Any) -> Json:
        """Start a run of a workflow."""
        return runs.add(self, file, by, **more)

    def delete_issue(self, number: int) -> None:
        """Delete an issue for good; its number is not used again."""
        del self.issues[number]
        self.gone[number] = ""

    def transfer_issue(self, number: int, to: str = "acme/other", as_number: int = 9) -> None:
        """Move an issue to another repository."""
        kept = self.issues.pop(number)
        self.gone[number] = f"{self.api}/repositories/2/issues/{as_number}"
        moved = {**kept, "number": as_number, "repository": to, "html_url": f"{self.url}/{to}/issues/{as_number}"}
        for path in (f"/repositories/2/issues/{as_number}", f"/repos/{to}/issues/{as_number}"):
            self.elsewhere[path] = moved

    def rename(self, full_name: str) -> None:
        """Give the repository another name; the old one redirects."""
        with self.lock:
            self.store.close()
            self.moved_from, self.full_name = self.full_name, full_name
            self.bare = self.root / f"{full_name}.git"
            self.bare.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(self.store.bare, self.bare)
            self.store = Store(self.bare)
            for kept in (*self.issues.values(), *self.comments.values(), *self.pulls.values(), *self.checks.values()):
                kept["html_url"] = kept["html_url"].replace(f"/{self.moved_from}/", f"/{full_name}/", 1)

    def protect(self, pattern: str) -> None:
        """Refuse pushes to branches that a shell pattern matches."""
        hook = self.bare / "hooks/update"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(
            f'#!/bin/sh\ncase "$1" in refs/heads/{pattern}) '
            'echo "error: GH006: Protected branch update failed for $1." >&2; exit 1;; esac\n'
        )
        hook.chmod(0o755)

    # What the parts need

    @property
    def html(self) -> str:
        """The repository's page."""
        return f"{self.url}/{self.full_name}"

    def now(self) -> datetime:
        """The time here."""
        return self._clock.now() if self._clock is not None else datetime.now(UTC)

    def stamp(self) -> str:
        """The time, as answers have it."""
        return self.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def new_id(self) -> int:
        """A number that nothing else has."""
        with self.lock:
            self._ids += 1
            return 1_000_000 + self._ids

    def app_id(self, slug: str) -> int:
        """The number of an App, registered or only seen by its token."""
        if slug == "github-actions":
            return accounts.ACTIONS_APP_ID
        return next((app.id for app in self.apps if app.slug == slug), 200_000 + sum(slug.encode()))

    def pushed(self, token: Token, ref: str, sha: str) -> None:
        """Note the CI that a moved branch starts: none by the token of Actions, none where the commit says so."""
        commit = self.store.commit(sha)
        if ref.startswith("refs/heads/") and commit is not None and starts_ci(token, commit.message):
            self.ci.append(f"push {ref.removeprefix('refs/heads/')}")
