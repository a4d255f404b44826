"""What `bot doctor` says of the workflows that `bot init --github` wrote and somebody may have changed since."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from bot.adapters.git_command import Git
from bot.config import FILE
from bot.domain.checkup import Remark, State
from bot.domain.errors import BotError
from bot.init_github import FOLDER, NO_COMMIT, NOBODY, TEMPLATES, WORKFLOWS
from bot.repository_facts import default_branch

_USES = re.compile(
    r"^(?P<indent>[ \t]+)uses:\s*['\"]?(?P<repository>[^/\s'\"]+/[^/\s]+)"
    r"/\.github/workflows/\w+\.ya?ml@(?P<ref>[^\s'\"#]+)",
    re.MULTILINE,
)
_PERMISSIONS = re.compile(r"^(?P<indent>[ \t]*)permissions:", re.MULTILINE)
_RIGHT = re.compile(r"^ +(?P<name>[a-z-]+): *(?P<right>read|write)\b", re.MULTILINE)
_COMMENT = re.compile(r"(^|\s)#.*$", re.MULTILINE)


_WORST: tuple[State, ...] = ("missing", "note")


def _remark(state: State, said: str, remedy: str = "") -> Remark:
    return Remark(what="workflows", state=state, said=said, remedy=remedy)


def look_at_workflows(root: Path) -> Remark | None:
    """What is to be said of a repository's workflows, the worst first; None where it has none of ours."""
    there = [name for name in WORKFLOWS if (root / FOLDER / name).is_file()]
    if not there:
        return None
    found: dict[Remark, list[str]] = {}
    for name in there:
        for remark in _of(name, (root / FOLDER / name).read_text("utf-8", "replace")):
            found.setdefault(remark, []).append(name)
    # What is wrong with all of them is said once.
    remarks = [
        _remark(remark.state, f"{', '.join(names)}{': each' if len(names) > 1 else ''} {remark.said}", remark.remedy)
        for remark, names in found.items()
    ]
    if not remarks:
        remarks = list(_not_brought(root, [f"{FOLDER}/{name}" for name in there]))
    if not remarks:
        return _remark("ok", f"{', '.join(there)} call whybot by a commit and give it what it needs")
    worst = next(state for state in _WORST if any(remark.state == state for remark in remarks))
    remarks.sort(key=lambda remark: _WORST.index(remark.state))
    remedies = dict.fromkeys(remark.remedy for remark in remarks)
    return _remark(worst, "; ".join(remark.said for remark in remarks), " ".join(remedies))


def _of(name: str, text: str) -> Iterator[Remark]:
    """What is to be said of one workflow, as sentences that its name begins."""
    plain = _COMMENT.sub("", text)
    calls = _USES.search(plain)
    if calls is None:
        yield _remark("missing", "calls no workflow of whybot's",
                     f"`bot init --github --print` shows what {name} should be.")
        return
    if calls["repository"] == NOBODY or calls["ref"] == NO_COMMIT:
        yield _remark("missing", f"still says {NOBODY} or {NO_COMMIT[:7]}…, which are placeholders",
                     "Put in the repository that has whybot and the full commit of the version you want, say "
                     "`git ls-remote https://github.com/THE-OWNER/whybot HEAD`.")
    elif re.fullmatch(r"[0-9a-f]{40}", calls["ref"]) is None:
        yield _remark("note", f"takes whybot from {calls['ref']}, which can be moved under you",
                     "Name a commit with all 40 digits after the @.")
    inner = {match["indent"] for match in _PERMISSIONS.finditer(plain)} - {"", calls["indent"]}
    if inner:
        yield _remark("missing", "has a `permissions:` not in line with its `uses:`, so GitHub cannot read it",
                     "Indent both alike; they belong to the same job.")
    wanted = _rights(_COMMENT.sub("", (TEMPLATES / name).read_text(encoding="utf-8")))
    lacking = sorted(wanted - _rights(plain))
    if lacking:
        lines = ", ".join(f"`{right}: {how}`" for right, how in lacking)
        yield _remark("missing", f"does not give {lines}, so GitHub refuses to start it",
                     "Put that under `permissions` of its job: each job inside takes only its own part.")
    if re.search(r"^\s*permissions:\s*write-all\b", plain, re.MULTILINE):
        yield _remark("note", "says write-all", "Name the permissions one by one.")
    if re.search(r"^\s+secrets:\s*inherit\b", plain, re.MULTILINE):
        yield _remark("missing", "hands every secret of the repository over",
                     "Name the secrets: ANTHROPIC_API_KEY, and WHYBOT_APP_KEY for an App.")
    yield from _triggers(name, plain)


def _rights(text: str) -> set[tuple[str, str]]:
    return {(match["name"], match["right"]) for match in _RIGHT.finditer(text)}


def _triggers(name: str, plain: str) -> Iterator[Remark]:
    if "pull_request_target" in plain:
        yield _remark("missing", "runs on pull_request_target, with secrets, for anybody's pull request",
                     "Let it run on pull_request.")
    wanted = {"whybot-commands.yml": "issue_comment", "whybot-audit.yml": "pull_request"}.get(name)
    if wanted is not None and re.search(rf"\b{wanted}\b", plain) is None:
        yield _remark("missing", f"does not run on {wanted}", f"Say `{wanted}:` under `on`.")


def _not_brought(root: Path, paths: list[str]) -> Iterator[Remark]:
    """What the default branch does not have yet, as far as this clone knows it."""
    try:
        git = Git(root, 20.0)
        branch = default_branch(git)
        known = f"refs/remotes/origin/{branch}"
        if git.run("rev-parse", "--verify", "--quiet", known).code != 0:
            return
        absent = [path for path in (FILE, *paths) if git.run("cat-file", "-e", f"{known}:{path}").code != 0]
    except BotError:
        return
    if absent:
        yield _remark("note", f"{', '.join(absent)} are not on {branch} yet, as far as this clone knows",
                     f"Bring them there: the schedule and comments work from {branch} alone.")
