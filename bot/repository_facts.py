"""What a clone says of itself, for `bot init --github`: where it lies on GitHub, and which services are certain."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bot.adapters.git_command import Git
from bot.domain.base import Frozen
from bot.domain.effects import RepositoryName

_MOST_SECONDS = 20.0
_MOST_BYTES = 400_000
_TESTS = ("tests", "test")
_TEST_FILE = re.compile(r"(test_[^/]*|[^/]*_test)\.py")
_DEPLOYING = re.compile(
    r"(^|/)(cloudbuild[^/]*\.ya?ml|service[^/]*\.ya?ml|Makefile|[^/]+\.sh)$|^\.github/workflows/[^/]+\.ya?ml$"
)
_NAME = r"[a-z][a-z0-9-]{0,61}[a-z0-9]"
_DEPLOYED = (
    re.compile(rf"\bgcloud\s+(?:beta\s+|alpha\s+)?run\s+deploy\s+(?P<name>{_NAME})(?=[\s\\'\"]|$)"),
    # Cloud Build's arguments, each an item of a list.
    re.compile(rf"\brun['\"]?\s*,?\s*(?:\n\s*-\s*)?['\"]?deploy['\"]?\s*,?\s*(?:\n\s*-\s*)?['\"](?P<name>{_NAME})['\"]"),
)
_KNATIVE = re.compile(
    rf"^apiVersion:\s*serving\.knative\.dev/v1\s*$.*?^kind:\s*Service\s*$.*?^metadata:\s*$.*?^\s+name:\s*(?P<name>{_NAME})\s*$",
    re.MULTILINE | re.DOTALL,
)
_ELSEWHERE = re.compile(r"(^|\.)(gitlab|bitbucket|codeberg|gitea|sr\.ht|azure|visualstudio)\b", re.IGNORECASE)
_REMOTE = (
    re.compile(r"^[a-z+]+://(?:[^@/]*@)?(?P<host>[^/:]+)(?::\d+)?/(?P<path>.+?)(?:\.git)?/?$", re.IGNORECASE),
    re.compile(r"^(?:[^@/]+@)?(?P<host>[^/:]+):(?P<path>[^/].*?)(?:\.git)?/?$"),
)
_PLAIN_BRANCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
GITHUB = "github.com"


class Remote(Frozen):
    """Where a clone's `origin` lies. `api_url` is that of its GitHub; empty where no GitHub is known to be there."""

    host: str
    name: RepositoryName
    api_url: str

    @property
    def runs_our_workflows(self) -> bool:
        """Whether Actions there takes workflows from github.com. GitHub Enterprise Server does not."""
        return self.host == GITHUB or self.host.endswith(".ghe.com")


class Service(Frozen):
    """A Python project in the repository. `name` is its Cloud Run service's; None where that is not certain."""

    name: str | None
    root: str
    setup: tuple[str, ...]
    code: tuple[str, ...]
    tests: tuple[str, ...]
    pythonpath: tuple[str, ...]


class Facts(Frozen):
    """What is known of a clone. `origin` is the remote's address where it could not be understood."""

    remote: Remote | None
    origin: str
    branch: str
    services: tuple[Service, ...]


def look_at(root: Path) -> Facts:
    """Look at a clone. Raises ConfigProblem or ForgeProblem when git refuses it."""
    git = Git(root, _MOST_SECONDS)
    origin = _said(git, "remote", "get-url", "origin")
    paths = _said(git, "ls-files", "-z").split("\0")
    return Facts(remote=remote_of(origin), origin=_without_secrets(origin), branch=default_branch(git),
                 services=tuple(_services(root, frozenset(filter(None, paths)))))


def look_at_origin(root: Path) -> Remote | None:
    """Where a clone's `origin` lies, if that can be read. Raises ConfigProblem or ForgeProblem when git refuses it."""
    return remote_of(_said(Git(root, _MOST_SECONDS), "remote", "get-url", "origin"))


def _said(git: Git, *arguments: str) -> str:
    done = git.run(*arguments)
    return done.out.decode("utf-8", "replace").strip() if done.code == 0 else ""


def default_branch(git: Git) -> str:
    """The default branch: what origin says, else the one that is checked out."""
    there = _said(git, "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD").removeprefix("origin/")
    name = there or _said(git, "symbolic-ref", "--quiet", "--short", "HEAD")
    # It is shown in commands to copy.
    return name if _PLAIN_BRANCH.fullmatch(name) else "main"


def _without_secrets(address: str) -> str:
    return re.sub(r"(?<=://)[^@/]*@", "", address)


def remote_of(address: str) -> Remote | None:
    """What a remote's address names; None for one that is no repository on a host."""
    match = next((found for pattern in _REMOTE if (found := pattern.match(address))), None)
    if match is None:
        return None
    host = match["host"].lower()
    if host in {"ssh.github.com", "www.github.com"} or ("." not in host and "github" in host):
        # GitHub's SSH on the port of HTTPS; an alias of somebody's ssh configuration.
        host = GITHUB
    try:
        name = TypeAdapter(RepositoryName).validate_python(match["path"])
    except ValidationError:
        return None
    return Remote(host=host, name=name, api_url=_api_url(host))


def _api_url(host: str) -> str:
    if host == GITHUB:
        return "https://api.github.com"
    if host.endswith(".ghe.com"):
        return f"https://api.{host}"
    return "" if _ELSEWHERE.search(host) or "." not in host else f"https://{host}/api/v3"


# Services

def _services(root: Path, paths: frozenset[str]) -> Iterator[Service]:
    found = sorted(_projects(paths))
    names = _deployed(root, paths)
    for folder in found:
        name = PurePosixPath(folder).name
        if len(found) == 1 and len(names) == 1:
            (name,) = names
        yield _service(root, folder, name if name in names else None, paths)


def _projects(paths: Iterable[str]) -> set[str]:
    """The folders that say how they are installed and have tests of their own; a folder's subfolders are its own."""
    all_paths = frozenset(paths)
    found = {
        _folder(path) for path in all_paths
        if path.rpartition("/")[2] in {"pyproject.toml", "requirements.txt", "setup.py"}
        and _tests_of(_folder(path), all_paths)
    }
    return {folder for folder in found if not any(_inside(folder, other) for other in found - {folder, "."})}


def _folder(path: str) -> str:
    return path.rpartition("/")[0] or "."


def _inside(path: str, folder: str) -> bool:
    return folder != "." and path.startswith(f"{folder}/")


def _under(folder: str, path: str) -> str:
    return path if folder == "." else f"{folder}/{path}"


def _tests_of(folder: str, paths: Iterable[str]) -> tuple[str, ...]:
    all_paths = tuple(paths)
    return tuple(name for name in _TESTS if any(
        path.startswith(_under(folder, f"{name}/")) and _TEST_FILE.fullmatch(path.rpartition("/")[2])
        for path in all_paths
    ))


def _deployed(root: Path, paths: Iterable[str]) -> set[str]:
    """The names under which the repository's own files deploy to Cloud Run."""
    names: set[str] = set()
    for path in filter(_DEPLOYING.search, paths):
        text = _text(root / path)
        for pattern in (*_DEPLOYED, _KNATIVE):
            names |= {match["name"] for match in pattern.finditer(text)}
    return names


def _text(path: Path) -> str:
    """A file's text; empty for a link, which may lead anywhere, and for what cannot be read."""
    try:
        if path.is_symlink() or path.stat().st_size > _MOST_BYTES:
            return ""
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _service(root: Path, folder: str, name: str | None, paths: frozenset[str]) -> Service:
    tests = _tests_of(folder, paths)
    prefix = "" if folder == "." else f"{folder}/"
    own = [path.removeprefix(prefix) for path in paths if path.startswith(prefix) and path.endswith(".py")]
    if any(path.startswith("src/") for path in own):
        code: tuple[str, ...] = ("src/**",)
        pythonpath = ("src",)
    else:
        packages = sorted({
            path.partition("/")[0] for path in own
            if path.count("/") == 1 and path.endswith("/__init__.py") and path.partition("/")[0] not in tests
        })
        modules = ("*.py",) if any("/" not in path and path != "setup.py" for path in own) else ()
        code = (*(f"{package}/**" for package in packages), *modules) or ("**/*.py",)
        pythonpath = (".",)
    return Service(name=name, root=folder, setup=_setup(root, folder, paths), code=code, tests=tests,
                   pythonpath=pythonpath)


def _setup(root: Path, folder: str, paths: frozenset[str]) -> tuple[str, ...]:
    """The commands that make the environment for its tests."""
    pip = ".venv/bin/pip install"
    commands = ["python3 -m venv .venv"]
    said = ""
    for name in ("requirements.txt", "requirements-test.txt", "requirements-dev.txt", "dev-requirements.txt"):
        if _under(folder, name) in paths:
            commands.append(f"{pip} -r {name}")
            said += _text(root / _under(folder, name))
    if _under(folder, "pyproject.toml") in paths or _under(folder, "setup.py") in paths:
        text = _text(root / _under(folder, "pyproject.toml"))
        said += text
        extra, group = _extra_and_group(text)
        commands.append(f"{pip} -e .{f'[{extra}]' if extra else ''}{f' --group {group}' if group else ''}")
    if "pytest" not in said:
        commands.append(f"{pip} pytest")
    return tuple(commands)


def _extra_and_group(text: str) -> tuple[str, str]:
    """The extra, or else the dependency group, with which a project's tests can run."""
    try:
        document: Mapping[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return "", ""
    extras = _table(_table(document, "project"), "optional-dependencies")
    groups = _table(document, "dependency-groups")
    wanted = ("test", "tests", "testing", "dev")
    extra = next((name for name in wanted if name in extras), "")
    return extra, "" if extra else next((name for name in wanted if name in groups), "")


def _table(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name)
    return found if isinstance(found, dict) else {}
