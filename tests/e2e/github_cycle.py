"""One demo cycle on a GitHub on this machine, by the real command, and what was seen of it; made once for all tests."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bot.demo.repository import build_repository
from tests.e2e.command import Said, bot, environment
from tests.fakes.github_api import Fault, GitHub, Token

TOKEN = "an-apps-token"
APP = Token("whybot-demo[bot]", 41, app="whybot-demo")
REPOSITORY = "demo/message-router"
CYCLE = ("cycle", "--focus", "message-routing", "--demo", "--forge", "github")

_IDS = re.compile(r"\b1[0-9]{6}\b")


class Step(NamedTuple):
    """What the command said, how it ended, and the whole of GitHub then."""

    said: str
    code: int
    github: dict[str, object]


class Seen(NamedTuple):
    """The cycle up to its audit, to its end, and what two more commands came to.

    `moving` are all bodies that the status comment had, `requests` those that changed anything.
    """

    audited: Step
    ended: Step
    resumed: Step
    again: Step
    moving: list[str]
    requests: list[str]
    branch: str


def everything(hub: GitHub) -> dict[str, object]:
    """All that there is on a GitHub, without what differs between two servers."""
    def plain(text: object) -> str:
        return _IDS.sub("ID", str(text or "").replace(hub.url, "URL"))

    return {
        "issues": {str(number): [plain(kept["title"]), plain(kept["body"]), kept["state"], kept.get("state_reason"),
                                 sorted(label["name"] for label in kept["labels"])]
                   for number, kept in hub.issues.items()},
        "comments": [[kept["issue"], plain(kept["body"])] for kept in hub.comments.values()],
        "pulls": {str(number): [kept["draft"], plain(kept["head"])] for number, kept in hub.pulls.items()},
        "checks": [[kept["name"], kept["head_sha"], kept["external_id"], kept["conclusion"], plain(kept["output"])]
                   for kept in hub.checks.values()],
        "branches": sorted(line for line in hub.git("for-each-ref", "--format=%(refname) %(tree) %(objectname)")
                           .splitlines() if "whybot-state" not in line),
        "ledger": plain(hub.git("show", "whybot-state:ledger.json")) if hub.head("whybot-state") else "",
        "pinned": list(hub.pinned),
        "moved": [hub.strayed],
    }


@contextmanager
def served(folder: Path, tokens: dict[str, Token]) -> Iterator[GitHub]:
    """A GitHub that has the demo service and nothing else."""
    hub = GitHub(folder / "hub", REPOSITORY)
    hub.tokens |= tokens
    if not (folder / "clone").exists():
        build_repository(folder / "clone")
    subprocess.run(["git", "push", "--quiet", str(hub.bare), "main"], cwd=folder / "clone", check=True)
    try:
        yield hub
    finally:
        hub.close()


def live(folder: Path) -> None:
    """Run the cycle in `folder`; what was seen is in `seen.json`, the state in `.bot`, GitHub's repository in `hub`."""
    with served(folder, {TOKEN: APP}) as hub:
        (folder / "bot.toml").write_text(
            f'[forge]\napi_url = "{hub.url}"\nci_on_unreviewed_code = true\n\n[proof]\nreruns = 1\nmutants = 0\n'
        )
        moving: list[str] = []

        def look() -> None:
            # Before a request is carried out: what is there is what the one before left.
            bodies = [kept["body"] for kept in hub.comments.values()]
            if bodies and bodies[-1] != (moving or [""])[-1]:
                moving.append(bodies[-1])

        def told(*arguments: str) -> Step:
            said: Said = bot(*arguments, cwd=folder, env=environment(GITHUB_TOKEN=TOKEN))
            return Step(said.everything, said.code, everything(hub))

        hub.faults.append(Fault(how="pass", times=10_000, act=look))
        audited = told(*CYCLE, "--until", "audit")
        ended = told("resume")
        look()
        bodies = tuple(moving)
        requests = [request for request in hub.requests if not request.startswith("GET ")]
        resumed = told("resume")
        again = told("cycle", *CYCLE[1:], "--until", "file_issue")
        branch = next(iter(hub.pulls.values()))["head"] if hub.pulls else ""
        seen = Seen(audited, ended, resumed, again, list(bodies), requests,
                    branch if isinstance(branch, str) else branch["ref"])
    (folder / "seen.json").write_text(json.dumps(seen))


def seen_in(folder: Path) -> Seen:
    """What was seen of the cycle in a folder."""
    audited, ended, resumed, again, *rest = json.loads((folder / "seen.json").read_text())
    return Seen(Step(*audited), Step(*ended), Step(*resumed), Step(*again), *rest)
