"""Who changed which lines and when, and what a commit's own .gitignore files would ignore."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from pathspec.patterns.gitignore import GitIgnorePatternError
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from bot.adapters.git_command import BOT_EMAIL, BOT_NAME, Git
from bot.domain.base import Sha
from bot.domain.errors import ForgeProblem
from bot.ports import CommitParts, PastCommit

_OWN = re.compile(
    rb"tree [0-9a-f]+\nparent (?P<parent>[0-9a-f]+)\n"
    rb"author (?P<by>" + re.escape(f"{BOT_NAME} <{BOT_EMAIL}>".encode()) + rb" (?P<when>[0-9]{1,12}) \+0000)\n"
    rb"committer (?P=by)\n\n(?P<message>.*)", re.DOTALL,
)
"""A commit as `GitWorkspace.commit` makes it: one parent, one moment, no signature."""
_BLAMED = re.compile(rb"([0-9a-f]{40}(?:[0-9a-f]{24})?) [0-9]+ ([0-9]+)(?: [0-9]+)?$")
_UNGRAFTED = {"GIT_GRAFT_FILE": "/dev/null"}
"""Grafts would let a file in git's folder tell another history than the commits do."""
_SETTINGS = ("-c", "core.commitGraph=false", "-c", "log.showSignature=false", "-c", "log.follow=false")
_LAST_SECOND = 253_402_300_799
_MOST_SUBJECT = 1_000
_MOST_PATTERNS = 5_000
_MOST_STARS = 3
_FOLDER = "ps_d"
"""The group in pathspec's patterns for the slash after the folder that they match."""
_Rules = tuple[tuple[re.Pattern[str], bool], ...]
_STARS = re.compile(r"\*+")


def read_history(git: Git, commit: Sha, path: str, lines: tuple[int, int] | None, most: int) -> tuple[PastCommit, ...]:
    """The commits that touched a file, or lines of it that are there, newest first. Follows no rename of the file.

    Raises ForgeProblem when git fails or takes too long.
    """
    what = ("--", path) if lines is None else (f"-L{lines[0]},{lines[1]}:{path}", "--no-patch")
    limits = ("--no-patch", "--no-show-signature", "--no-notes", "--no-mailmap", "--no-ext-diff", "--no-textconv",
              "--no-color", "--encoding=UTF-8", "-z", "--format=tformat:%H%x00%ct%x00%B", f"--max-count={most}")
    tail = (commit, *what) if lines is None else (*what, commit, "--")
    out = git.ask(*_SETTINGS, "log", *limits, *tail, env=_UNGRAFTED)
    fields = out.split(b"\0")[:-1]
    return tuple(
        PastCommit(commit=sha.decode(), when=_moment(when), subject=_first_line(message))
        for sha, when, message in zip(fields[::3], fields[1::3], fields[2::3], strict=True)
    )


def read_parts(git: Git, commit: Sha) -> CommitParts:
    """What a commit of the bot's was made of. Raises ForgeProblem for a commit that it can not have made."""
    own = _OWN.fullmatch(git.ask("cat-file", "commit", commit))
    if own is None:
        raise ForgeProblem(f"The commit {commit[:12]} is not one that the bot made.", "Start a new run with --new.")
    return CommitParts(
        parent=own["parent"].decode(), message=own["message"].decode("utf-8", "replace"), when=_moment(own["when"])
    )


def read_blame(git: Git, commit: Sha, path: str, lines: tuple[int, int]) -> tuple[Sha, ...]:
    """For each of the lines, which are there, the commit that wrote it.

    Raises ForgeProblem when git fails or takes too long.
    """
    # An empty name takes back the lists of commits to pass over that the repository's settings name.
    out = git.ask(*_SETTINGS, "blame", "--porcelain", "--no-textconv", "--ignore-revs-file=", "--encoding=none",
                  f"-L{lines[0]},{lines[1]}", commit, "--", path, env=_UNGRAFTED)
    found = {}
    for line in out.split(b"\n"):
        # Content lines begin with a tab, so that none of them looks like a header.
        if (match := _BLAMED.match(line)) is not None:
            found[int(match.group(2))] = match.group(1).decode()
    return tuple(found[number] for number in range(lines[0], lines[1] + 1))


def ignored_paths(read: Callable[[str], bytes | None], paths: Iterable[str]) -> frozenset[str]:
    """Those of the paths that .gitignore files ignore, as `git check-ignore --no-index` finds them (gitignore(5)).

    `read` gives the content of a plain file, or None. A file in an ignored folder cannot be taken in again. Lines
    that are no pattern are passed over, and so are those with more than three `*`, for the time that they may take.
    """
    known: dict[str, _Rules] = {}
    folders: dict[str, bool] = {"": False}

    def rules(folder: str) -> _Rules:
        if folder not in known:
            known[folder] = _rules(read(f"{folder}.gitignore") or b"")
        return known[folder]

    def matched(path: str) -> bool:
        """What the nearest .gitignore with a pattern for this file or folder (which ends in a slash) says."""
        at = path.rstrip("/").rfind("/") + 1
        while True:
            for pattern, takes in rules(path[:at]):
                if _fits(pattern, path[at:]):
                    return takes
            if at == 0:
                return False
            at = path.rfind("/", 0, at - 1) + 1

    def folder_is(folder: str) -> bool:
        if folder not in folders:
            above = folder[:folder.rfind("/", 0, -1) + 1]
            folders[folder] = folder_is(above) or matched(folder)
        return folders[folder]

    return frozenset(path for path in paths if folder_is(path[:path.rfind("/") + 1]) or matched(path))


def _rules(content: bytes) -> _Rules:
    """The patterns of a .gitignore file, the last first, since the last that fits decides."""
    lines = [line.removesuffix("\r") for line in content.decode("utf-8-sig", "replace").split("\n")]
    kept = [line for line in lines if line.strip() and not line.startswith("#")][:_MOST_PATTERNS]
    found = [rule for rule in map(_rule, kept) if rule is not None]
    return tuple(reversed(found))


def _fits(pattern: re.Pattern[str], path: str) -> bool:
    """Whether a pattern of pathspec's means this very file or folder, and not only a folder that it lies in."""
    match = pattern.search(path)
    if match is None:
        return False
    if _FOLDER in pattern.groupindex:
        return match.end(_FOLDER) in {-1, len(path)}
    return match.end() < len(path) or not pattern.pattern.endswith("/")


def _rule(line: str) -> tuple[re.Pattern[str], bool] | None:
    body = line.strip().removeprefix("!")
    if len(body) > 400 or len(_STARS.findall(body.removeprefix("**/").removesuffix("/**"))) > _MOST_STARS:
        return None
    if body in {"**/", "/**/"}:
        line = line.replace("**/", "*/")
    try:
        pattern = GitIgnoreSpecPattern(line)
    except (GitIgnorePatternError, ValueError, re.error):
        return None
    # A line that is no pattern has neither.
    return None if pattern.regex is None or pattern.include is None else (pattern.regex, pattern.include)


def _moment(seconds: bytes) -> datetime:
    """A commit's time; what no calendar holds becomes its nearest end, and what is none 1970."""
    return datetime.fromtimestamp(min(max(int(seconds or 0), 0), _LAST_SECOND), UTC)


def _first_line(message: bytes) -> str:
    text = message[:64 * _MOST_SUBJECT].decode("utf-8", "replace").strip()
    return text.split("\n", 1)[0].rstrip()[:_MOST_SUBJECT]
