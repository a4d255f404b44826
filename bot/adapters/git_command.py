"""Runs git so that neither a repository's hooks nor a person's settings nor a prompt can interfere."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from bot.domain.base import Frozen
from bot.domain.errors import ConfigProblem, ForgeProblem

BOT_NAME = "whybot"
BOT_EMAIL = "whybot@bot.invalid"
"""Who the bot's commits are by. The domain is reserved (RFC 2606), so that no forge ties it to a person."""

_SETTINGS = (
    "core.hooksPath=/dev/null", "core.fsmonitor=false", "core.attributesFile=/dev/null", "core.askPass=",
    "core.quotePath=false", "core.splitIndex=false", "core.sparseCheckout=false", "index.sparse=false",
    "core.protectHFS=true", "credential.helper=", "i18n.commitEncoding=UTF-8", "gc.auto=0", "maintenance.auto=false",
    "push.followTags=false", "push.gpgSign=false", "push.recurseSubmodules=no", "submodule.recurse=false",
    "http.followRedirects=false",
)
_PASSED_ON = (
    "PATH", "TMPDIR", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY",
    "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "CURL_CA_BUNDLE",
)
_MOST_SAID = 400


class GitResult(Frozen):
    """What a git command came to."""

    code: int
    out: bytes
    err: str


def environment() -> dict[str, str]:
    """The environment of every git process: the proxies and certificates of ours, nothing else of a person's."""
    own = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return own | {
        "HOME": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_REPLACE_OBJECTS": "1", "GIT_NO_LAZY_FETCH": "1",
        "GIT_LITERAL_PATHSPECS": "1", "GIT_ALLOW_PROTOCOL": "file:http:https", "LC_ALL": "C",
        "GIT_AUTHOR_NAME": BOT_NAME, "GIT_AUTHOR_EMAIL": BOT_EMAIL,
        "GIT_COMMITTER_NAME": BOT_NAME, "GIT_COMMITTER_EMAIL": BOT_EMAIL,
    }


class Git:
    """git on one repository. It runs inside git's own folder, so that no file of a work tree is ever looked at.

    Raises ConfigProblem when `path` is not the root of a repository that git may use.
    """

    def __init__(self, path: Path, most_seconds: float) -> None:
        self.path = path
        self._most_seconds = most_seconds
        self._folder = self._find(path)

    def run(
        self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] = {}, secrets: tuple[str, ...] = ()
    ) -> GitResult:
        """Run a command to its end, whatever that is. No `secrets` are left in what is returned.

        Raises ForgeProblem when it takes too long.
        """
        return _run(
            ("git", *_configured(), *arguments), self._folder,
            environment() | {"GIT_DIR": str(self._folder)} | dict(env), stdin, self._most_seconds, secrets,
        )

    def ask(self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] = {}) -> bytes:
        """Run a command that must succeed and return its output. Raises ForgeProblem when it does not."""
        done = self.run(*arguments, stdin=stdin, env=env)
        if done.code != 0:
            raise self.failed(arguments[0], done.err)
        return done.out

    @contextlib.contextmanager
    def stream(self, *arguments: str, stdin: bytes) -> Iterator[IO[bytes]]:
        """Run a command whose output is read as it comes. The process is gone when the context is left.

        Raises ForgeProblem when it takes too long.
        """
        with tempfile.TemporaryFile() as questions:
            questions.write(stdin)
            questions.seek(0)
            with subprocess.Popen(
                ("git", *_configured(), *arguments), cwd=self._folder, stdin=questions, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, env=environment() | {"GIT_DIR": str(self._folder)}, start_new_session=True,
            ) as process:
                late = threading.Event()

                def expire() -> None:
                    late.set()
                    _kill(process)

                timer = threading.Timer(self._most_seconds, expire)
                timer.start()
                try:
                    assert process.stdout is not None
                    yield process.stdout
                except ForgeProblem:
                    if late.is_set():
                        raise _too_slow(self._folder, self._most_seconds) from None
                    raise
                finally:
                    timer.cancel()
                    _kill(process)

    def failed(self, doing: str, said: str) -> ForgeProblem:
        """The error for a command that failed, with the remedy that fits what git said."""
        shown = f"git {doing} failed in {self.path}: {said or 'it said nothing'}"
        if "File exists" in said and ".lock" in said:
            return ForgeProblem(shown, "Another git process works there; wait for it, or remove its stale lock file.")
        if re.search(r"bad object|bad file|not a valid object|unable to read|missing|not a tree|bad revision", said):
            if (self._folder / "shallow").exists():
                return ForgeProblem(shown, "The clone is shallow; run `git fetch --unshallow` in it.")
            return ForgeProblem(shown, "Run `git fetch` there, and `git fsck` when that does not help.")
        if re.search(r"Permission denied|Read-only file system|No space left|insufficient permission", said):
            return ForgeProblem(shown, "Give this user write access to git's folder there, and free disk space.")
        return ForgeProblem(shown, "Run `git fsck` there, and the command again by hand to see more.")

    def _find(self, path: Path) -> Path:
        if not path.is_dir():
            raise ConfigProblem(f"There is no folder {path}.", "Set `path` in [repository] to your clone.")
        asked = ("git", *_configured(), "rev-parse", "--show-prefix", "--absolute-git-dir")
        done = _run(asked, path, environment(), b"", self._most_seconds)
        if done.code != 0 and "dubious ownership" in done.err:
            if not _declared_safe(path, self._most_seconds):
                raise ConfigProblem(
                    f"The repository {path} belongs to another user, so git does not trust it.",
                    f"If you do, run: git config --global --add safe.directory '{path.resolve()}'",
                )
            marked = path / ".git" if (path / ".git").exists() else path
            done = _run(asked, path, environment() | {"GIT_DIR": str(marked.resolve())}, b"", self._most_seconds)
        if done.code != 0:
            raise ConfigProblem(
                f"{path} is no git repository ({done.err or 'git said nothing'}).",
                "Set `path` in [repository] to your clone, or run `git init` there.",
            )
        prefix, _, folder = os.fsdecode(done.out.removesuffix(b"\n")).partition("\n")
        if prefix:
            raise ConfigProblem(
                f"{path} is the folder {prefix} inside a repository, not its root.",
                "Set `path` in [repository] to the repository's root.",
            )
        return Path(folder)


def _configured() -> tuple[str, ...]:
    return ("--no-pager", *(part for setting in _SETTINGS for part in ("-c", setting)))


def _run(
    arguments: tuple[str, ...], folder: Path, env: Mapping[str, str], stdin: bytes, most_seconds: float,
    secrets: tuple[str, ...] = (),
) -> GitResult:
    try:
        process = subprocess.Popen(
            arguments, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env,
            start_new_session=True,
        )
    except FileNotFoundError as missing:
        if not folder.is_dir():
            raise ConfigProblem(f"There is no folder {folder} any more.", "Restore the repository.") from missing
        raise ConfigProblem("git is not installed, or not on PATH.", "Install git 2.31 or later.") from missing
    with process:
        try:
            out, err = process.communicate(stdin, timeout=most_seconds)
        except subprocess.TimeoutExpired:
            raise _too_slow(folder, most_seconds) from None
        finally:
            _kill(process)
    return GitResult(code=process.returncode, out=out, err=_sayable(err, secrets))


def _too_slow(folder: Path, most_seconds: float) -> ForgeProblem:
    return ForgeProblem(
        f"git took longer than {most_seconds:g} s in {folder}.", "Check the disk and the network, then try again."
    )


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill what still runs, helpers such as git-remote-https included."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _sayable(err: bytes, secrets: tuple[str, ...]) -> str:
    """What git said, on one line, without secrets and control characters."""
    text = err.decode("utf-8", "replace")
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("hint:")]
    said = "; ".join("".join(character for character in line if character.isprintable()) for line in lines)
    return said if len(said) <= _MOST_SAID else f"{said[:_MOST_SAID]} …"


def _declared_safe(path: Path, most_seconds: float) -> bool:
    """True when the person's own settings (safe.directory) trust this repository of another user."""
    personal = {name: os.environ[name] for name in ("PATH", "HOME", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL")
                if name in os.environ}
    done = _run(
        ("git", "config", "--null", "--get-all", "safe.directory"), Path("/"), personal | {"LC_ALL": "C"}, b"",
        most_seconds,
    )
    here = str(path.resolve())
    safe = False
    for entry in os.fsdecode(done.out).split("\0")[:-1]:
        # An empty entry takes back all before it (git-config, safe.directory).
        covers = entry in {"*", here} or (entry.endswith("/*") and here.startswith(entry[:-1]))
        safe = bool(entry) and (safe or covers)
    return safe
