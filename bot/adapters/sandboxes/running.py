"""Starts the supervisor for one command and reads its answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from bot.domain.base import Frozen
from bot.domain.errors import SandboxProblem
from bot.domain.suite import Ended
from bot.ports import Command, Completed

_SUPERVISE = "import sys; sys.path.insert(0, sys.argv[1]); from supervisor.watch import main; sys.exit(main())"
_INSTALL_AGAIN = "Run `bot doctor`; if it finds nothing, report this with the command's output."

DOCTOR = "Run `bot doctor`, which tries the sandbox and says what is missing."
"""The remedy where a sandbox could not be set up."""


class Answer(Frozen):
    """What the supervisor says. `status` is the exit code, negative for a signal, None when killed at a limit."""

    ended: Ended
    status: int | None
    seconds: float
    set_up: bool
    survivors: int


class Refusal(Frozen):
    """The command could not be started."""

    error: str


def supervised(command: Command, prefix: tuple[str, ...] = (), tmpfs: tuple[str, ...] = (),
               handles: tuple[int, ...] = (), container: str = "",
               engine_env: Mapping[str, str] | None = None) -> Completed:
    """Run a command, behind `prefix` where a sandbox has one, under the supervisor.

    `tmpfs` are the sandbox's memory file systems, counted as disk; `handles` are passed on to `prefix`. `container`
    is the name of the one that `prefix` makes, `engine_env` the environment of `prefix`, which is then an engine.
    Raises SandboxProblem when the command or the sandbox does not start, or does not end.
    """
    if not command.folder.is_dir():
        raise SandboxProblem(f"The folder {command.folder} does not exist.", "Create it before the run.")
    spec = {
        "parent": os.getpid(), "prefix": prefix, "argv": command.argv, "container": container,
        "env": dict(command.env if engine_env is None else engine_env),
        "folder": str(command.folder), "cwd": str(command.cwd or command.folder), "tmpfs": tmpfs,
        "limits": command.limits.model_dump(),
    }
    process = subprocess.Popen(
        (sys.executable, "-I", "-S", "-c", _SUPERVISE, str(Path(__file__).parent)), env={}, cwd="/",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=handles,
        start_new_session=True)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        process.stdin.write(json.dumps(spec).encode() + b"\n")
        process.stdin.flush()
        head = process.stdout.readline()
        body = process.stdout.read()
        complaint = process.stderr.read().decode(errors="replace").strip()
    except BrokenPipeError:
        head, body, complaint = b"", b"", "it ended at once"
    finally:
        _let_go(process)
    return _completed(command, head, body, complaint)


def _let_go(process: subprocess.Popen[bytes]) -> None:
    """Close the lifeline, which makes a supervisor that still runs kill its tree, and wait for it."""
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            try:
                stream.close()
            except BrokenPipeError:
                continue
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _completed(command: Command, head: bytes, body: bytes, complaint: str) -> Completed:
    output = body.decode(errors="replace")
    try:
        said = json.loads(head)
        if "error" in said:
            refusal = Refusal.model_validate(said)
            raise SandboxProblem(f"`{command.argv[0]}` could not be started: {refusal.error}.",
                                 "Check that the program exists and may be run.")
        answer = Answer.model_validate(said)
    except (ValueError, ValidationError) as error:
        last = complaint.splitlines()[-1] if complaint else "it said nothing"
        raise SandboxProblem(f"The sandbox's supervisor ended without an answer ({last}).", _INSTALL_AGAIN) from error
    if answer.survivors:
        raise SandboxProblem(f"{answer.survivors} processes of the run could not be killed.",
                             "Look for processes in state D on this machine and end them by hand.")
    if not answer.set_up:
        raise SandboxProblem(f"The sandbox could not be set up: {output.strip()[:500] or 'it said nothing'}.",
                             DOCTOR)
    by_itself = answer.ended is Ended.EXITED
    return Completed(ended=answer.ended, exit_code=answer.status if by_itself else None, output=output,
                     duration_s=round(answer.seconds, 3))


class Diagnosis(Frozen):
    """Whether a sandbox can be used here, in one sentence."""

    name: Literal["bubblewrap", "container", "process"]
    works: bool
    sentence: str
    remedy: str = ""
