"""What the tests of forges share: accounts, texts, and each forge over a real repository."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot.adapters.git_workspace import GitWorkspace
from bot.adapters.github_forge import GitHubForge
from bot.ports import Forge
from tests.fakes.github_api import GitHub, Token
from tests.fakes.instant_clock import InstantClock

WHEN = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
SECRET = "ghs_0123456789abcdefSECRET"
APP = Token("whybot-for-acme[bot]", 41, app="whybot-for-acme")
ACTIONS = Token("github-actions[bot]", 41_898_282, app="github-actions")
PERSON = Token("ada", 7)
STRANGER = Token("mallory", 66)
OTHER_APP = Token("whybot[bot]", 67, app="whybot")
BODY = (
    "First line\n\n```\n---\nnumber: 3\n---\n```\n<!-- whybot:issue acme/shop v1-0123456789abcdef -->\nünïcødé \t ✓\n"
)
FORGES = ("folder", "app", "person", "actions")
TOKENS = {"app": APP, "person": PERSON, "actions": ACTIONS}


@dataclass
class Bench:
    """A forge of one kind. `again` opens the same one anew, as another process would; `github` is its server."""

    kind: str
    forge: Forge
    workspace: GitWorkspace
    base: str
    commit: str
    again: Callable[[], Forge]
    folder: Path
    github: GitHub | None

    def close_by_hand(self, number: int) -> None:
        """What a person does in the browser, or in the file."""
        if self.github is not None:
            self.github.issues[number]["state"] = "closed"
            return
        path = self.folder / f"issues/{number:04d}.md"
        path.write_text(path.read_text().replace("open: true", "open: false"))

    def delete_comment(self, comment: int) -> None:
        """Delete a comment by hand."""
        if self.github is not None:
            del self.github.comments[comment]
            return
        (found,) = self.folder.glob(f"*/*.comments/{comment:04d}.md")
        found.unlink()

    def reactions(self, comment: int) -> list[str]:
        """What stands below a comment."""
        if self.github is not None:
            return [one["content"] for one in self.github.comments[comment]["reactions"].values()]
        (found,) = self.folder.glob(f"*/*.comments/{comment:04d}.md")
        return re.findall(r'"([^"]+)"', "".join(re.findall(r"^reactions: (.*)$", found.read_text(), re.MULTILINE)))


def hub(
    github: GitHub, workspace: GitWorkspace, clock: InstantClock, token: Token = APP, *, ci: bool = True
) -> GitHubForge:
    """The forge with a token of that account, on the local GitHub."""
    github.tokens[SECRET] = token
    return GitHubForge(github.full_name, SECRET, github.url, workspace, clock, ci_on_unreviewed_code=ci)


