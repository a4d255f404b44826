"""The real command, as a person runs it: a process of its own, with an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

BOT = (sys.executable, "-m", "bot.cli")
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Said:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def everything(self) -> str:
        """Both streams, white space folded, so that line breaks of tables do not matter."""
        return " ".join(f"{self.out}\n{self.err}".split())

    def json(self) -> dict[str, object]:
        document = json.loads(self.out)
        assert isinstance(document, dict)
        return document


def environment(**more: str) -> dict[str, str]:
    """Nothing of the machine but where programs are."""
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8", **more}


def bot(*arguments: str, cwd: Path, timeout: float = 240, env: Mapping[str, str] | None = None,
        stdin: bytes | None = None) -> Said:
    done = subprocess.run(
        [*BOT, *arguments], cwd=cwd, env=dict(env or environment()), input=stdin, capture_output=True, timeout=timeout,
        check=False,
    )
    said = Said(done.returncode, done.stdout.decode(), done.stderr.decode())
    assert "Traceback (most recent call last)" not in said.err, said.err
    return said


def record_of(state: Path) -> dict[str, object]:
    """The one record of a state, as written."""
    (path,) = state.glob("*/*/cycle-*/record.json")
    body: dict[str, object] = json.loads(path.read_text())["record"]
    return body
