"""What the bot remembers in the repository itself: files on a branch without ancestors, by the Git Data API.

Not by the contents API, which gives no content above a megabyte, nor by a push, which needs a clone.
"""

from __future__ import annotations

import base64
from http import HTTPStatus
from typing import Final

from bot.adapters.github_answers import BlobAnswer, CommitAnswer, RefAnswer, TreeAnswer
from bot.adapters.github_place import GitHubPlace
from bot.adapters.github_refusals import Refused
from bot.adapters.state_files import changed_meanwhile, check_state_name, version_of
from bot.domain.errors import ConfigProblem, ForgeProblem, NotOffered
from bot.ports import ForgeFile

_TRIES: Final = 3
"""How often a write begins anew because another moved the branch between two of its requests."""


class GitHubState:
    """The files of one branch."""

    def __init__(self, place: GitHubPlace, branch: str) -> None:
        self._place = place
        self._branch = branch

    def read(self, name: str) -> ForgeFile | None:
        """A file; None when there is none, or no branch. Raises ForgeProblem."""
        check_state_name(name)
        if not self._branch:
            return None
        head = self._head()
        blob = None if head is None else self._blob(self._tree(head), name)
        if blob is None:
            return None
        found = self._place.api.one("GET", f"{self._git}/blobs/{blob}", BlobAnswer, doing=f"read {name}")
        try:
            content = base64.b64decode(found.content)
        except ValueError as bad:
            raise ForgeProblem(f"GitHub's answer with {name} was not understood: {bad}.", "Run it again.") from bad
        if version_of(content) != blob:
            raise ForgeProblem(f"GitHub's answer with {name} was damaged on its way.", "Run it again.")
        return ForgeFile(content=content, version=blob)

    def write(self, name: str, content: bytes, version: str | None) -> str:
        """Write a file over a version of it; return the new version.

        Raises ForgeConflict when it is another by now, NotOffered where no branch is meant to be, and ConfigProblem
        where that branch is people's own.
        """
        check_state_name(name)
        if not self._branch:
            raise NotOffered("No state branch is configured.", "Set `state_branch` under [forge].")
        if self._branch == self._place.repository.default_branch:
            raise ConfigProblem(
                f"`state_branch` in [forge] is {self._branch}, the default branch, on which the bot writes nothing.",
                "Give it a branch of its own, such as whybot-state.",
            )
        wanted = version_of(content)
        for _ in range(_TRIES):
            head = self._head()
            tree = None if head is None else self._tree(head)
            found = None if tree is None else self._blob(tree, name)
            if found == wanted:
                return wanted
            if found != version:
                break
            commit = self._commit(name, content, head, tree)
            if self._moved_to(commit, head):
                return wanted
        raise changed_meanwhile(name, f"the branch {self._branch}")

    # How

    @property
    def _git(self) -> str:
        return f"{self._place.root}/git"

    def _head(self) -> str | None:
        # 409 is what a repository without any commit answers.
        found = self._place.api.find(
            f"{self._git}/ref/heads/{self._branch}", RefAnswer, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT,
            doing=f"look up the branch {self._branch}",
        )
        return None if found is None else found.object.sha

    def _tree(self, commit: str) -> TreeAnswer:
        doing = f"read the branch {self._branch}"
        found = self._place.api.one("GET", f"{self._git}/commits/{commit}", CommitAnswer, doing=doing)
        return self._place.api.one("GET", f"{self._git}/trees/{found.tree.sha}", TreeAnswer, doing=doing)

    @staticmethod
    def _blob(tree: TreeAnswer, name: str) -> str | None:
        return next((entry.sha for entry in tree.tree if entry.path == name and entry.type == "blob"), None)

    def _commit(self, name: str, content: bytes, head: str | None, tree: TreeAnswer | None) -> str:
        """Make a commit. What it is made of has an id by its content, so every request may be repeated."""
        doing = f"write {name} to the branch {self._branch}"
        api = self._place.api
        encoded = {"content": base64.b64encode(content).decode(), "encoding": "base64"}
        blob = api.one("POST", f"{self._git}/blobs", BlobAnswer, encoded, doing=doing, repeatable=True).sha
        entries: dict[str, object] = {"tree": [{"path": name, "mode": "100644", "type": "blob", "sha": blob}]}
        if tree is not None:
            entries["base_tree"] = tree.sha
        made = api.one("POST", f"{self._git}/trees", TreeAnswer, entries, doing=doing, repeatable=True).sha
        # The branch holds no workflow, so nothing starts by it; the words are for CI from elsewhere.
        parts = {"message": f"{name}\n\n[skip ci]", "tree": made, "parents": [] if head is None else [head]}
        return api.one("POST", f"{self._git}/commits", CommitAnswer, parts, doing=doing, repeatable=True).sha

    def _moved_to(self, commit: str, head: str | None) -> bool:
        """Bring the branch to a commit; False when another was there first."""
        doing = f"move the branch {self._branch}"
        ref = f"refs/heads/{self._branch}"
        try:
            if head is None:
                self._place.api.one(
                    "POST", f"{self._git}/refs", RefAnswer, {"ref": ref, "sha": commit}, doing=doing, repeatable=True
                )
            else:
                self._place.api.one(
                    "PATCH", f"{self._git}/{ref}", RefAnswer, {"sha": commit, "force": False}, doing=doing
                )
        except Refused as refused:
            status = refused.refusal.status
            if status in {HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.CONFLICT} and self._head() != head:
                return False
            raise
        return True

