"""Real git repositories for tests, independent of the settings of whoever runs them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ENVIRONMENT = {
    "PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "LC_ALL": "C",
    "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org", "GIT_AUTHOR_DATE": "@1700000000 +0100",
    "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.org", "GIT_COMMITTER_DATE": "@1700000000 +0100",
    "GIT_ALLOW_PROTOCOL": "file",
}


def git(at: Path, *arguments: str, stdin: bytes = b"") -> str:
    """Run git as a person would and return what it prints."""
    done = subprocess.run(
        ["git", *arguments], cwd=at, env=ENVIRONMENT, input=stdin, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode("utf-8", "surrogateescape").rstrip("\n")


def make_repository(at: Path, files: dict[str, bytes]) -> str:
    """Make a repository with one commit of a person's; return the commit."""
    at.mkdir(parents=True)
    git(at, "init", "--quiet", "--initial-branch=main")
    for path, content in files.items():
        (at / path).parent.mkdir(parents=True, exist_ok=True)
        (at / path).write_bytes(content)
    return commit_all(at, "First")


def commit_all(at: Path, message: str) -> str:
    """Commit the work tree; return the commit."""
    git(at, "add", "--all")
    git(at, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(at, "rev-parse", "HEAD")


def raw_tree(at: Path, entries: list[tuple[str, bytes, str]]) -> str:
    """Write a tree object that git itself would refuse to make: (mode, name, object id)."""
    content = b"".join(mode.encode() + b" " + name + b"\0" + bytes.fromhex(oid) for mode, name, oid in entries)
    return git(at, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=content)
