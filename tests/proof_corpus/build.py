"""Makes the git repository of a case: `python -m tests.proof_corpus.build FOLDER [CASE…]`."""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.proof_corpus import CASES
from tests.proof_corpus.case import Case

_AUTHOR = "A Person <person@example.com> 1767261600 +0000"


@dataclass(frozen=True)
class Built:
    """A case as a repository, and the ids of its two commits."""

    case: Case
    folder: Path
    base: str
    fix: str


def build(case: Case, folder: Path) -> Built:
    """Make the repository in a new folder, the fix checked out. The same case gives the same commits everywhere."""
    folder.mkdir(parents=True)
    _git(folder, "init", "--quiet", "--initial-branch=main")
    history = _commit(1, "The service as it is", case.before) + _commit(2, f"Fix: {case.name}", case.after)
    _git(folder, "fast-import", "--quiet", stdin=history)
    _git(folder, "reset", "--quiet", "--hard", "main")
    base, fix = (_git(folder, "rev-parse", revision).strip() for revision in ("main~1", "main"))
    return Built(case, folder, base, fix)


def _commit(mark: int, message: str, files: Mapping[str, str]) -> bytes:
    """A commit of just these files, as `git fast-import` reads it."""
    lines = [b"commit refs/heads/main\n", f"mark :{mark}\ncommitter {_AUTHOR}\n".encode(), _data(message)]
    if mark > 1:
        lines.append(f"from :{mark - 1}\n".encode())
    lines.append(b"deleteall\n")
    for path, text in sorted(files.items()):
        lines += [f"M 100644 inline {path}\n".encode(), _data(text)]
    return b"".join([*lines, b"\n"])


def _data(text: str) -> bytes:
    content = text.encode()
    return b"data %d\n%s\n" % (len(content), content)


def _git(folder: Path, *arguments: str, stdin: bytes = b"") -> str:
    alone = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "PATH": "/usr/local/bin:/usr/bin:/bin"}
    done = subprocess.run(["git", *arguments], cwd=folder, input=stdin, env=alone, capture_output=True, check=True)
    return done.stdout.decode()


def main() -> None:
    """Make the repositories of all cases, or of those that are named, in a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("cases", nargs="*", choices=[[], *CASES])
    given = parser.parse_args()
    for name in given.cases or CASES:
        made = build(CASES[name], given.folder / name)
        print(made.folder, made.base[:12], made.fix[:12])  # noqa: T201


if __name__ == "__main__":
    main()
