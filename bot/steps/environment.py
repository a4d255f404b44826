"""The target's own environment: made once per base commit by the commands that bot.toml gives."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote

from bot.domain.base import Sha, slug
from bot.domain.config import Limits, TargetConfig
from bot.domain.errors import TargetSetupFailed
from bot.domain.suite import ENDED_IN_WORDS, Ended
from bot.logs.redact import placeholder, redact
from bot.ports import Command
from bot.steps.context import StepContext

_READY = "whybot-ready.json"
_DISK_BYTES = 20_000_000_000
_OUTPUT_BYTES = 20_000_000


def python_of(ctx: StepContext, base: Sha) -> str:
    """The interpreter that runs the target's tests, its environment made first if need be.

    Raises TargetSetupFailed when a set-up command fails or the interpreter is not there.
    """
    target = ctx.target
    home = _prepared(ctx, target, base) if target.setup else None
    name = target.python
    if "/" not in name:
        found = shutil.which(name)
        if found is None:
            raise _no_python(name)
        return found
    path = Path(name)
    if not path.is_absolute():
        if home is None:
            root = Path(ctx.config.repository.path).resolve() / target.root
            path = root / name
        else:
            path = home / target.root / name
    if not path.exists():
        raise _no_python(str(path))
    return str(path)


def _no_python(name: str) -> TargetSetupFailed:
    return TargetSetupFailed(
        f"The target's Python {name} does not exist.",
        "Set `python` under [target] in bot.toml, and `setup` to the commands that make it.",
    )


def _prepared(ctx: StepContext, target: TargetConfig, base: Sha) -> Path:
    """A checkout of the base commit in which the set-up commands have run."""
    commands = hashlib.sha256(json.dumps(target.setup).encode()).hexdigest()[:8]
    home = ctx.environments / f"{slug(target.root)}-{base[:12]}-{commands}"
    if (home / _READY).exists():
        return home
    # Without the mark it is what an interrupted set-up left.
    shutil.rmtree(home, ignore_errors=True)
    home.parent.mkdir(parents=True, exist_ok=True)
    ctx.repository.export(base, home)
    cwd = home / target.root
    limits = Limits(seconds=target.setup_seconds, output_bytes=_OUTPUT_BYTES, processes=512, disk_bytes=_DISK_BYTES,
                    memory_bytes=8_000_000_000)
    for line in target.setup:
        ctx.progress.note(f"set-up: {_shown(line, ctx.setup_env)}")
        done = ctx.sandbox.run(Command(
            argv=("/bin/sh", "-c", line), folder=home, cwd=cwd, network=True, limits=limits,
            env={**ctx.setup_env, "HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"},
        ))
        if done.ended is not Ended.EXITED or done.exit_code != 0:
            output = _shown(done.output, ctx.setup_env)
            name = ctx.keep(f"setup-{ctx.attempt}.log", output.encode("utf-8", "replace")).name
            how = f"ended with exit code {done.exit_code}" if done.ended is Ended.EXITED else ENDED_IN_WORDS[done.ended]
            raise TargetSetupFailed(
                f"The target's set-up command `{_shown(line, ctx.setup_env)}` {how}.",
                f"Its output is in the record as {name}; mend `setup` under [target] in bot.toml, then `bot resume`.",
            )
    (home / _READY).write_text(json.dumps({"base": base, "setup": commands}), encoding="utf-8")
    return home


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
