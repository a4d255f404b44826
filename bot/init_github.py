"""`bot init --github`: the workflows and the bot.toml that a repository on GitHub needs, and what is left to do."""

from __future__ import annotations

import importlib.metadata
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from bot import __version__
from bot.adapters.git_command import Git
from bot.config import FILE, nearest
from bot.domain.base import Frozen
from bot.domain.errors import BotError, ConfigProblem, UsageProblem
from bot.progress import say, say_json
from bot.reports.json.init import InitDocument, SetUpFile
from bot.repository_facts import GITHUB, Facts, Service, look_at, remote_of

TEMPLATES = Path(__file__).with_name("github_workflows")
BOT_TEMPLATE = Path(__file__).with_name("template.toml")
WORKFLOWS = ("whybot.yml", "whybot-commands.yml", "whybot-audit.yml")
FOLDER = ".github/workflows"
NOBODY = "OWNER/whybot"
NO_COMMIT = 40 * "0"
"""What stands in the workflows where it is not known from where Actions takes whybot; `bot doctor` finds it."""

_OURS = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}")
_PINNED = re.compile(r"[0-9a-f]{40}")


class Ours(Frozen):
    """From where Actions takes whybot's workflows, and with them whybot: a repository on GitHub and a commit in it."""

    repository: str = NOBODY
    commit: str = NO_COMMIT

    @property
    def known(self) -> bool:
        """Whether nothing has to be put in by hand."""
        return self.repository != NOBODY and self.commit != NO_COMMIT


class Written(NamedTuple):
    """A file for the repository: its path there and its text."""

    path: str
    text: str


def init_github(show: bool, workflows: str | None, json: bool = False) -> int:
    """Write what is missing of bot.toml and the workflows, or print it; return the exit code.

    What is there already is left as it is. Raises UsageProblem, ConfigProblem.
    """
    clone = nearest(".git")
    if clone is None:
        raise ConfigProblem(
            "This is no git repository, and the workflows belong into one.",
            "Run it inside a clone of the service's repository; plain `bot init` works everywhere.",
        )
    root = clone.parent
    ours = _ours(workflows)
    facts = look_at(root)
    files = tuple(_files(facts, ours))
    if show:
        if json:
            would = tuple(SetUpFile(path=file.path, written=False, text=file.text) for file in files)
            say_json(InitDocument(files=would, left_to_do=_lines(facts, ours, [file.path for file in files])))
            return 0
        print("\n".join(f"# ---- {file.path}\n{file.text}" for file in files), end="")  # noqa: T201 - the result
        return 0
    there = [file.path for file in files if (root / file.path).exists() or (root / file.path).is_symlink()]
    missing = [file for file in files if file.path not in there]
    if not missing:
        raise ConfigProblem(
            f"{', '.join(there)} {'exist already and were' if len(there) > 1 else 'exists already and was'} left as "
            f"{'they are' if len(there) > 1 else 'it is'}.",
            "`bot init --github --print` shows what would be written; `bot doctor` looks at what is there.",
        )
    for file in missing:
        _write(root / file.path, file.text)
    if json:
        came_to = tuple(SetUpFile(path=file.path, written=file in missing, text=None) for file in files)
        say_json(InitDocument(files=came_to, left_to_do=_lines(facts, ours, [file.path for file in missing])))
        return 0
    say(f"Wrote {', '.join(file.path for file in missing)}.")
    if there:
        say(f"Left as it is: {', '.join(there)}.")
    say("\n".join(_left_to_do(facts, ours, [file.path for file in missing])))
    return 0


def _lines(facts: Facts, ours: Ours, written: list[str]) -> tuple[str, ...]:
    return tuple(line for line in _left_to_do(facts, ours, written) if line)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise ConfigProblem(
            f"{path} cannot be written: {error.strerror}.",
            "Mend that and run it again: what is there by then is left as it is.",
        ) from error


# From where Actions takes whybot

def _ours(given: str | None) -> Ours:
    if given is None:
        return _of_installation() or _of_clone() or Ours()
    repository, _, commit = given.partition("@")
    if _OURS.fullmatch(repository) is None or _PINNED.fullmatch(commit) is None:
        raise UsageProblem(
            f"--workflows {given!r} names no commit of a repository.",
            "Give it as OWNER/NAME@COMMIT, with all 40 digits: a branch or tag can be moved under you.",
        )
    return Ours(repository=repository, commit=commit)


def _of_installation() -> Ours | None:
    """What pip noted when whybot was installed from a git address (PEP 610)."""
    try:
        noted = importlib.metadata.distribution("whybot").read_text("direct_url.json")
        document = json.loads(noted or "{}")
        remote = remote_of(str(document.get("url", "")))
        commit = str(document.get("vcs_info", {}).get("commit_id", ""))
    except (importlib.metadata.PackageNotFoundError, ValueError, AttributeError):
        return None
    if remote is None or remote.host != GITHUB or _PINNED.fullmatch(commit) is None:
        return None
    return Ours(repository=remote.name, commit=commit)


def _of_clone() -> Ours | None:
    """The clone that whybot runs from, if its commit has been pushed to GitHub."""
    root = Path(__file__).resolve().parents[1]
    if not (root / ".git").exists():
        return None
    try:
        git = Git(root, 20.0)
        remote = remote_of(git.run("remote", "get-url", "origin").out.decode("utf-8", "replace").strip())
        commit = git.run("rev-parse", "--verify", "--quiet", "HEAD").out.decode("ascii", "replace").strip()
        pushed = git.run("branch", "--remotes", "--contains", "HEAD").out.strip()
    except BotError:
        return None
    if remote is None or remote.host != GITHUB or not pushed or _PINNED.fullmatch(commit) is None:
        return None
    return Ours(repository=remote.name, commit=commit)


# What is written

def _files(facts: Facts, ours: Ours) -> Iterator[Written]:
    if facts.remote is None or facts.remote.runs_our_workflows:
        for name in WORKFLOWS:
            yield Written(f"{FOLDER}/{name}", workflow_text(name, ours))
    yield Written(FILE, bot_toml(facts))


def workflow_text(name: str, ours: Ours) -> str:
    """A workflow for a repository that calls ours."""
    text = (TEMPLATES / name).read_text(encoding="utf-8")
    pinned = f"@{ours.commit} # v{__version__}"
    return text.replace(f" {NOBODY}/", f" {ours.repository}/").replace("@COMMIT # VERSION", pinned)


def bot_toml(facts: Facts) -> str:
    """The commented configuration, with what is certain put in."""
    text = BOT_TEMPLATE.read_text(encoding="utf-8")
    text = text.replace('# kind = "local"               # local', 'kind = "github"                # local', 1)
    if facts.remote is not None and facts.remote.api_url:
        text = text.replace('name = "OWNER/NAME"', f'name = "{facts.remote.name}"', 1)
        if facts.remote.host != GITHUB:
            text = text.replace('# api_url = "https://api.github.com"', f'api_url = "{facts.remote.api_url}"', 1)
    start = text.index("[target.SERVICE]")
    end = text.index("\n\n", start)
    return text[:start] + "\n\n".join(_target(one, text[start:end]) for one in _certain(facts)) + text[end:]


def _certain(facts: Facts) -> tuple[Service | None, ...]:
    """The services to write tables for: those whose names are certain, else the only one there is, else an example."""
    named = tuple(service for service in facts.services if service.name is not None)
    if named or len(facts.services) != 1:
        return named or (None,)
    return facts.services


def _target(service: Service | None, example: str) -> str:
    if service is None:
        return example
    values = {
        "root": json.dumps(service.root), "setup": _list(service.setup), "code": _list(service.code),
        "tests": _list(service.tests), "suite": _list(service.tests), "pythonpath": _list(service.pythonpath),
    }
    text = example.replace("[target.SERVICE]", f"[target.{service.name or 'SERVICE'}]")
    for key, value in values.items():
        old = re.search(rf"^{key} = (\".*?\"|\[.*?\])(?=\s|$)", text, re.MULTILINE)
        assert old is not None, key
        text = text[:old.start(1)] + value + text[old.end(1):]
    return text


def _list(values: Iterable[str]) -> str:
    return f"[{', '.join(json.dumps(value, ensure_ascii=False) for value in values)}]"


# What is left to do

def _left_to_do(facts: Facts, ours: Ours, written: list[str]) -> Iterator[str]:
    remote = facts.remote
    if remote is not None and remote.api_url and not remote.runs_our_workflows:
        yield ""
        yield (f"{remote.host} is taken for GitHub Enterprise Server, which cannot take workflows from github.com, so "
               "none were written. `bot cycle --forge github` works there from a machine of yours; `api_url` is set.")
        yield "Set what is yours in bot.toml, set GITHUB_TOKEN, then run `bot doctor`."
        return
    if remote is not None and not remote.api_url:
        yield ""
        yield (f"The remote `origin` ({remote.host}/{remote.name}) is no repository on a GitHub, so no workflows were "
               'written. Elsewhere whybot writes files: put kind = "local" under [forge].')
        yield "Set what is yours in bot.toml, then run `bot doctor`."
        return
    yield from _not_known(facts, ours)
    name = remote.name if remote is not None else "OWNER/NAME"
    files = " ".join(written)
    for text in ("left_to_do.txt", "removal.txt"):
        yield filled(text, name, facts.branch, ours.repository, files).rstrip("\n")


def filled(text: str, name: str, branch: str, ours: str, files: str) -> str:
    """A text for people, with this repository's names in its commands."""
    given = {"@NAME@": name, "@BRANCH@": branch, "@OURS@": ours, "@FILES@": files}
    template = (TEMPLATES / text).read_text(encoding="utf-8")
    return re.sub("|".join(given), lambda match: given[match.group()], template)


def _not_known(facts: Facts, ours: Ours) -> Iterator[str]:
    if not facts.origin:
        yield ('There is no remote `origin`, so `name` under [repository] is still OWNER/NAME: put in the '
               "repository's name on GitHub.")
    elif facts.remote is None:
        yield (f"The remote `origin` ({facts.origin}) is no repository on a GitHub, so `name` under [repository] is "
               "still OWNER/NAME. whybot publishes to GitHub only.")
    if not ours.known:
        yield (f"It is not known from where Actions takes whybot, so the workflows still say {ours.repository} and "
               f"{ours.commit}: put in the repository and the full commit of whybot (in step 1, too), or "
               "remove the files and say `bot init --github --workflows OWNER/NAME@COMMIT`.")
    for service in facts.services:
        if service.name is None and service not in _certain(facts):
            yield (f"{service.root} looks like a service, but no file here says what it is called on Cloud Run: add "
                   f'[target.NAME] with root = "{service.root}" to bot.toml if the bot is to mend it.')
