"""The bare repository: what git itself says, through one process that stays."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

_ENVIRONMENT = {"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "LC_ALL": "C"}


class Entry(NamedTuple):
    """A line of a tree."""

    mode: str
    type: str
    sha: str
    size: int
    path: str


class Commit(NamedTuple):
    """A commit, taken apart. Stamps are `NAME <MAIL> SECONDS ZONE`."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: str
    committer: str
    message: str


class Store:
    """Reads and writes a bare repository's objects and refs."""

    def __init__(self, bare: Path) -> None:
        self.bare = bare
        self._reader: subprocess.Popen[bytes] | None = None

    def close(self) -> None:
        """End the process that reads."""
        if self._reader is not None:
            assert self._reader.stdin is not None
            assert self._reader.stdout is not None
            self._reader.stdin.close()
            self._reader.wait(10)
            self._reader.stdout.close()
            self._reader = None

    def run(self, *arguments: str, stdin: bytes = b"", env: dict[str, str] | None = None) -> str:
        """What git prints. Raises CalledProcessError."""
        done = subprocess.run(
            ["git", *arguments], cwd=self.bare, input=stdin, capture_output=True, check=True, timeout=60,
            env=_ENVIRONMENT | (env or {}),
        )
        return done.stdout.decode("utf-8", "surrogateescape").rstrip("\n")

    def read(self, name: str) -> tuple[str, str, bytes] | None:
        """The id, type and content of what a name means; None without it."""
        if not name or any(character.isspace() for character in name):
            return None
        if self._reader is None:
            self._reader = subprocess.Popen(
                ["git", "cat-file", "--batch"], cwd=self.bare, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, env=_ENVIRONMENT,
            )
        assert self._reader.stdin is not None
        assert self._reader.stdout is not None
        self._reader.stdin.write(f"{name}\n".encode())
        self._reader.stdin.flush()
        head = self._reader.stdout.readline().decode().split()
        if head[-1] in {"missing", "ambiguous"}:
            return None
        content = self._reader.stdout.read(int(head[2]))
        self._reader.stdout.read(1)
        return head[0], head[1], content

    def head(self, branch: str) -> str | None:
        """The commit that a branch is at."""
        found = self.read(f"refs/heads/{branch}")
        return found[0] if found is not None and found[1] == "commit" else None

    def resolved(self, name: str) -> str | None:
        """The commit that a branch, a ref or an id means."""
        for candidate in (f"refs/heads/{name}", f"refs/{name}", f"refs/tags/{name}", name):
            found = self.read(f"{candidate}^{{commit}}")
            if found is not None:
                return found[0]
        return None

    def refs(self) -> dict[str, str]:
        """All refs and where they are."""
        lines = self.run("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return dict(line.split(" ", 1) for line in lines)

    def empty(self) -> bool:
        """True without any ref."""
        return not self.run("for-each-ref", "--count=1")

    def commit(self, name: str) -> Commit | None:
        """A commit by its id or a name."""
        found = self.read(f"{name}^{{commit}}")
        if found is None:
            return None
        head, _, message = found[2].decode("utf-8", "replace").partition("\n\n")
        fields = [line.split(" ", 1) for line in head.splitlines() if not line.startswith(" ") and " " in line]
        last = dict(fields)
        parents = tuple(value for key, value in fields if key == "parent")
        return Commit(found[0], last["tree"], parents, last["author"], last["committer"], message.rstrip("\n"))

    def type_of(self, sha: str) -> str:
        """What kind of object has an id; empty without one."""
        found = self.read(sha)
        return found[1] if found is not None and found[0] == sha else ""

    def tree(self, name: str, *, recursive: bool = False) -> list[Entry]:
        """The lines of a tree."""
        flags = ("-r", "-t") if recursive else ()
        entries = []
        for line in self.run("ls-tree", "-z", "--long", *flags, name).split("\0"):
            if line:
                head, _, path = line.partition("\t")
                mode, kind, sha, size = head.split()
                entries.append(Entry(mode, kind, sha, int(size) if size != "-" else 0, path))
        return entries

    def write_blob(self, content: bytes) -> str:
        """Store a file's content."""
        return self.run("hash-object", "-w", "--stdin", stdin=content)

    def write_tree(self, base: str, lines: list[tuple[str, str, str]]) -> str:
        """Store a tree: that of `base` (empty for none) with each (mode, id, path); without an id the path goes."""
        index = {"GIT_INDEX_FILE": str(self.bare / "index.api")}
        (self.bare / "index.api").unlink(missing_ok=True)
        try:
            self.run("read-tree", *([base] if base else ["--empty"]), env=index)
            plain = [line for line in lines if line[0] != "040000"]
            given = "".join(f"{mode if sha else '0'} {sha or '0' * 40}\t{path}\0" for mode, sha, path in plain)
            self.run("update-index", "-z", "--index-info", stdin=given.encode("utf-8", "surrogateescape"), env=index)
            for mode, sha, path in lines:
                if mode == "040000":
                    self.run("rm", "-r", "--cached", "--quiet", "--ignore-unmatch", "--", path, env=index)
                    self.run("read-tree", f"--prefix={path}/", sha, env=index)
            return self.run("write-tree", env=index)
        finally:
            (self.bare / "index.api").unlink(missing_ok=True)

    def write_commit(self, tree: str, parents: list[str], message: str, author: str, committer: str) -> str:
        """Store a commit. Author and committer are stamps as git has them."""
        lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents), f"author {author}",
                 f"committer {committer}", "", message]
        return self.run("hash-object", "-t", "commit", "-w", "--stdin", stdin="\n".join(lines).encode())

    def move(self, ref: str, sha: str) -> None:
        """Bring a ref to a commit; an empty id deletes it."""
        self.run("update-ref", *(["-d", ref] if not sha else [ref, sha]))

    def is_ancestor(self, older: str, newer: str) -> bool:
        """True when one commit is the other or before it."""
        asked = ["git", "merge-base", "--is-ancestor", older, newer]
        return subprocess.run(asked, cwd=self.bare, env=_ENVIRONMENT, check=False, timeout=60).returncode == 0
