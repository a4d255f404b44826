"""Asks `bot prove` about a case, and holds the answer against what the case deserves."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bot.prove_command import ProveOptions, run_prove
from tests.proof_corpus.build import build
from tests.proof_corpus.case import Case

RERUNS = {"flaky": 3, "order": 3, "race": 2}
"""By a word in the case's name, for what does not come out the same each time; all else is run once."""
MUTANTS = {"proven": 1, "not_proven": 0}
"""By the verdict that is deserved: a dishonest fix is not to be found out by mutants."""
_PLUGINS = ("anyio", "asyncio", "hypothesispytest", "xdist", "xdist.looponfail")
"""Plugins that our own Python has and no case needs: to load them takes longer than most of the tests."""


@dataclass(frozen=True)
class Answer:
    """What `bot prove --json` said of a case, its exit code, and how long it took."""

    case: Case
    code: int
    verdict: str
    missing: tuple[str, ...]
    notes: tuple[str, ...]
    runs: int
    seconds: float

    @property
    def wrong(self) -> str:
        """What is not as the case deserves, in words; empty when all is."""
        if self.verdict != self.case.verdict or self.code != int(self.verdict != "proven"):
            return f"{self.verdict} (exit code {self.code}), not {self.case.verdict}"
        for said, words in ((self.missing, self.case.missing), (self.notes, self.case.notes)):
            text = " ".join(said).lower()
            for word in words:
                if word.lower() not in text:
                    return f"{word!r} is not said"
        return ""


def ask(case: Case, folder: Path) -> Answer:
    """Make the repository of a case in a folder, and prove its fix with this Python."""
    made = build(case, folder / "repository")
    config = folder / "bot.toml"
    config.write_text(configuration(case, "repository"), encoding="utf-8")
    began = time.monotonic()
    reruns = max((count for word, count in RERUNS.items() if word in case.name), default=1)
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()):
        code = run_prove(ProveOptions(
            base=made.base, fix=made.fix, tests=tuple(str(made.folder / path) for path in case.tests),
            reruns=reruns, mutants=MUTANTS[case.verdict], workers=1, sandbox="process", config=config,
            state=folder / "state", json=True))
    said = json.loads(out.getvalue())
    return Answer(case, code, said["verdict"], tuple(said["missing"]), tuple(said["notes"]), len(said["runs"]),
                  time.monotonic() - began)


def configuration(case: Case, path: str) -> str:
    """A bot.toml beside the repository, which lies at `path`."""
    source = '".", "src"' if any(name.startswith("src/") for name in case.base) else '"."'
    without = ", ".join(f'"-p", "no:{name}"' for name in _PLUGINS)
    return f"""[repository]
path = "{path}"

[target.service]
python = "{sys.executable}"
pythonpath = [{source}]
pytest_args = [{without}]

[limits]
seconds = {case.seconds}
"""
