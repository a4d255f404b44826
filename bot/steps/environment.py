"""The target's own environment: made once per base commit by the commands that bot.toml gives."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from bot.domain.base import Sha, slug
from bot.domain.config import Limits, TargetConfig
from bot.domain.errors import TargetSetupFailed
from bot.domain.suite import ENDED_IN_WORDS, Ended
from bot.logs.redact import placeholder, redact
from bot.ports import Command, Sandbox, Workspace

_READY = "whybot-ready.json"
_DISK_BYTES = 20_000_000_000
_OUTPUT_BYTES = 20_000_000


@dataclass(frozen=True)
class TargetEnvironment:
    """What it takes to find or make the target's Python.

    `folder` is where the repository lies, `environments` where environments are made, `setup_env` what the set-up
    commands find in their environment. `keep` stores what a command printed and returns where it can be found.
    """

    repository: Workspace
    folder: Path
    sandbox: Sandbox
    target: TargetConfig
    environments: Path
    setup_env: Mapping[str, str]
    keep: Callable[[bytes], str]
    note: Callable[[str], None]

    def python(self, base: Sha) -> str:
        """The interpreter that runs the target's tests, its environment made from the base commit if need be.

        Raises TargetSetupFailed when a set-up command fails or the interpreter is not there.
        """
        home = self._prepared(base) if self.target.setup else None
        name = self.target.python
        if "/" not in name:
            found = shutil.which(name)
            if found is None:
                raise _no_python(name)
            return found
        path = Path(name)
        if not path.is_absolute():
            path = (home if home is not None else self.folder.resolve()) / self.target.root / name
        if not path.exists():
            raise _no_python(str(path))
        return str(path)

    def _prepared(self, base: Sha) -> Path:
        """A checkout of the base commit in which the set-up commands have run."""
        commands = hashlib.sha256(json.dumps(self.target.setup).encode()).hexdigest()[:8]
        home = self.environments / f"{slug(self.target.root)}-{base[:12]}-{commands}"
        if (home / _READY).exists():
            return home
        # Without the mark it is what an interrupted set-up left.
        shutil.rmtree(home, ignore_errors=True)
        home.parent.mkdir(parents=True, exist_ok=True)
        self.repository.export(base, home)
        cwd = home / self.target.root
        limits = Limits(seconds=self.target.setup_seconds, output_bytes=_OUTPUT_BYTES, processes=512,
                        disk_bytes=_DISK_BYTES, memory_bytes=8_000_000_000)
        for line in self.target.setup:
            self.note(f"set-up: {_shown(line, self.setup_env)}")
            done = self.sandbox.run(Command(
                argv=("/bin/sh", "-c", line), folder=home, cwd=cwd, network=True, limits=limits,
                env={**self.setup_env, "HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"},
            ))
            if done.ended is not Ended.EXITED or done.exit_code != 0:
                output = _shown(done.output, self.setup_env)
                name = self.keep(output.encode("utf-8", "replace"))
                by_itself = done.ended is Ended.EXITED
                how = f"ended with exit code {done.exit_code}" if by_itself else ENDED_IN_WORDS[done.ended]
                raise TargetSetupFailed(
                    f"The target's set-up command `{_shown(line, self.setup_env)}` {how}.",
                    f"Its output is in {name}; mend `setup` under [target] in bot.toml, then `bot resume`.",
                )
        (home / _READY).write_text(json.dumps({"base": base, "setup": commands}), encoding="utf-8")
        return home


def _no_python(name: str) -> TargetSetupFailed:
    return TargetSetupFailed(
        f"The target's Python {name} does not exist.",
        "Set `python` under [target] in bot.toml, and `setup` to the commands that make it.",
    )


_CREDENTIALS = re.compile(r"://(?P<user>[^\s:/@]*)(?::(?P<password>[^\s/@]*))?@")
_TELLING = re.compile(r"PASSWORD|TOKEN|SECRET|KEY(?!RING)", re.IGNORECASE)
_LEAST_CHARS = 4
"""A shorter password would take letters out of words."""


def _shown(text: str, given: Mapping[str, str]) -> str:
    """A text without secrets: those that look like it, and those that the set-up was given, however they look."""
    for secret in sorted(set(_secrets(given)), key=len, reverse=True):
        text = text.replace(secret, placeholder("password", secret))
    return redact(text)


def _secrets(given: Mapping[str, str]) -> Iterator[str]:
    """The passwords in the set-up's environment: those of package indexes, plain and as URLs spell them."""
    for name, value in given.items():
        # An index may be named by a token alone, which then stands where the user does.
        found = [match["password"] or match["user"] for match in _CREDENTIALS.finditer(value)]
        if _TELLING.search(name):
            found.append(value)
        for secret in found:
            yield from (each for each in (secret, unquote(secret)) if len(each) >= _LEAST_CHARS)
