"""The real command, as a person runs it: a process of its own, with an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.conforming import conforms
from tests.e2e.warm import Warm

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
        """The one document on standard output, which has the form that `bot schema` tells of it."""
        document = json.loads(self.out)
        conforms(document)
        assert isinstance(document, dict)
        return document


def environment(**more: str) -> dict[str, str]:
    """Nothing of the machine but where programs are."""
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8", **more}


_WARM = Warm()


def bot(*arguments: str, cwd: Path, timeout: float = 240, env: Mapping[str, str] | None = None,
        stdin: bytes | None = None, cold: bool = False) -> Said:
    """Run the command. `cold` starts an interpreter of its own, as a shell does; so do variables that Python reads."""
    given = dict(env or environment())
    if cold or any(name.startswith("PYTHON") and environment().get(name) != value for name, value in given.items()):
        done = subprocess.run(
            [*BOT, *arguments], cwd=cwd, env=given, input=stdin, capture_output=True, timeout=timeout, check=False,
        )
        code, out, err = done.returncode, done.stdout, done.stderr
    else:
        code, out, err = _WARM.run(arguments, cwd, given, stdin, timeout)
    said = Said(code, out.decode(), err.decode())
    assert "Traceback (most recent call last)" not in said.err, said.err
    return said


def record_of(state: Path) -> dict[str, object]:
    """The one record of a state, as written."""
    (path,) = state.glob("*/*/cycle-*/record.json")
    body: dict[str, object] = json.loads(path.read_text())["record"]
    return body
