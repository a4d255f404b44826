"""Builds the demo service's git repository, with the same commit ids on every machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from bot.demo import service_path
from bot.domain.base import Frozen, Sha
from bot.domain.errors import TargetSetupFailed

HEAD_SHA: Sha = "fab48b65a23832be15e588b6b6602d62c798f3c0"
"""The commit that the captured log ran at. A test builds the repository and compares."""


class HistoryCommit(Frozen):
    """One commit of the demo's history: who, when (RFC 3339), why, and the files that it adds."""

    author: str
    date: str
    message: str
    adds: tuple[str, ...]


HISTORY = (
    HistoryCommit(
        author="Noor Visser <noor@harbour.example>",
        date="2026-09-01T09:12:00+00:00",
        message="Connect to the broker, with a small one to test against\n\n"
        "A route is refused while no subscriber runs: without one its messages\nwould be lost in silence.",
        adds=(
            "pyproject.toml", "router/__init__.py", "router/broker.py", "router/broker_server.py",
            "router/protocol.py", "tests/conftest.py", "tests/unit/test_broker.py", "tests/unit/test_protocol.py",
        ),
    ),
    HistoryCommit(
        author="Ilse Brandt <ilse@harbour.example>",
        date="2026-09-03T14:40:00+00:00",
        message="Validate readiness asynchronously\n\n"
        "The validator waits on the event loop instead of blocking it, and gives\na cold start on Cloud Run a minute.",
        adds=("router/config.py", "router/readiness.py", "tests/unit/test_config.py", "tests/unit/test_readiness.py"),
    ),
    HistoryCommit(
        author="Noor Visser <noor@harbour.example>",
        date="2026-09-08T08:05:00+00:00",
        message="Serve rooms over WebSockets\n\n"
        "Clients are let in once the instance is ready. Everyone in a room gets\nwhat is sent to it.",
        adds=(
            "router/__main__.py", "router/log.py", "router/outbox.py", "router/server.py",
            "router/session.py", "tests/integration/test_rooms.py", "tests/unit/test_outbox.py",
        ),
    ),
    HistoryCommit(
        author="Ilse Brandt <ilse@harbour.example>",
        date="2026-09-10T16:30:00+00:00",
        message="Describe the settings and the probes",
        adds=("README.md",),
    ),
)

_SETTINGS = (
    "core.autocrlf=false", "core.fileMode=false", "core.excludesFile=/dev/null", "core.attributesFile=/dev/null",
    "core.hooksPath=/dev/null", "commit.gpgSign=false", "gc.auto=0", "i18n.commitEncoding=UTF-8",
)


def build_repository(into: Path) -> Sha:
    """Make the repository in an empty or new folder, branch `main` checked out, and return its head.

    The id depends on the service's files and on HISTORY alone, not on the machine, its user, its git
    configuration or the time. Raises TargetSetupFailed when git is missing or fails.
    """
    into.mkdir(parents=True, exist_ok=True)
    _git(into, "init", "--quiet", "--template=", "--object-format=sha1", "--initial-branch=main")
    for commit in HISTORY:
        for path in commit.adds:
            target = into / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((service_path() / path).read_bytes())
        _git(into, "add", "--force", "--", *commit.adds)
        _git(into, "commit", "--quiet", "--no-verify", "--message", commit.message, commit=commit)
    return _git(into, "rev-parse", "HEAD")


def _git(folder: Path, *arguments: str, commit: HistoryCommit | None = None) -> str:
    """Run git without any configuration but ours; return what it printed."""
    program = shutil.which("git")
    if program is None:
        raise TargetSetupFailed("The demo needs git, and there is none on the PATH.", "Install git and start again.")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}
    if commit is not None:
        name, _, address = commit.author.removesuffix(">").partition(" <")
        for role in ("AUTHOR", "COMMITTER"):
            environment |= {
                f"GIT_{role}_NAME": name, f"GIT_{role}_EMAIL": address, f"GIT_{role}_DATE": commit.date,
            }
    settings = [part for setting in _SETTINGS for part in ("-c", setting)]
    done = subprocess.run(
        [program, *settings, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL, encoding="utf-8",
    )
    if done.returncode:
        raise TargetSetupFailed(
            f"git {arguments[0]} failed while the demo's repository was built: {done.stderr.strip()}.",
            "Check the installation of git (2.28 or later) and that the folder is new and writable.",
        )
    return done.stdout.strip()


def ensure_repository(path: Path) -> None:
    """Make the repository at `path` if it is not there. A kill on the way leaves nothing at `path`."""
    if (path / ".git").exists():
        return
    building = path.with_name(f"{path.name}.building")
    shutil.rmtree(building, ignore_errors=True)
    build_repository(building)
    building.replace(path)
