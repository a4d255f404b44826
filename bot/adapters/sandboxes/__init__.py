"""The sandboxes, and the choice between them."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bot.adapters.sandboxes.bubblewrap import BubblewrapSandbox
from bot.adapters.sandboxes.container import ENGINES, ContainerSandbox, find_container
from bot.adapters.sandboxes.process import ProcessSandbox
from bot.adapters.sandboxes.running import Diagnosis
from bot.domain.config import SandboxKind
from bot.domain.errors import SandboxProblem
from bot.ports import Command, Sandbox

__all__ = ["BubblewrapSandbox", "ContainerSandbox", "Diagnosis", "ProcessSandbox", "choose_sandbox", "diagnose",
           "try_python"]

_PRINTED = "whybot was here"
_NO_IMAGE = "Name one with `image` under [sandbox] in bot.toml, and pull it once."


def diagnose(env: Mapping[str, str], image: str = "") -> tuple[Diagnosis, ...]:
    """Try every sandbox and say of each whether it may be used here: bubblewrap, container, process.

    `env` is the bot's own environment, `image` what the configuration names for containers.
    """
    return _bubblewrap(), _container(image, env)[1], _process(env)


def choose_sandbox(kind: SandboxKind, demo: bool, env: Mapping[str, str], image: str = "") -> Sandbox:
    """The sandbox to use. `auto` takes bubblewrap where it works, else a container of `image` where one is named, and
    a plain process only for the demo.

    `env` is the bot's own environment: GITHUB_ACTIONS=true forbids the plain process.
    Raises SandboxProblem when nothing allowed works.
    """
    if kind == "process":
        if _in_actions(env):
            raise SandboxProblem("A plain process is no sandbox for generated code in GitHub Actions.",
                                 "Set `[sandbox] kind` to bubblewrap or container.")
        return ProcessSandbox()
    said: list[Diagnosis] = []
    if kind in {"auto", "bubblewrap"}:
        said.append(_bubblewrap())
        if said[-1].works:
            return BubblewrapSandbox()
    if kind == "container" or (kind == "auto" and image):
        box, found = _container(image, env)
        if box is not None:
            return box
        said.append(found)
    if kind == "auto" and demo and not _in_actions(env):
        return ProcessSandbox()
    raise SandboxProblem(" ".join(each.sentence for each in said), " ".join(each.remedy for each in said))


def try_python(sandbox: Sandbox) -> Diagnosis | None:
    """Really run a Python that prints in a sandbox; None when it did, else what it did instead.

    Raises SandboxProblem when the sandbox does not start.
    """
    program = Path(os.path.realpath(sys.executable))
    with tempfile.TemporaryDirectory(prefix="whybot-trial-") as scratch:
        done = sandbox.run(Command(
            argv=(str(program), "-I", "-S", "-c", f"print({_PRINTED!r})"), folder=Path(scratch),
            read_only=(Path(os.path.realpath(sys.base_prefix)),), env={"PATH": "/usr/bin:/bin"}))
    if done.exit_code == 0 and done.output.strip() == _PRINTED:
        return None
    last = done.output.strip().splitlines()
    return Diagnosis(
        name="container" if sandbox.name == "container" else "process" if sandbox.name == "process" else "bubblewrap",
        works=False,
        sentence=f"{sandbox.name} runs, but {program} in it does not: {last[-1][:300] if last else 'it said nothing'}.",
        remedy="The image needs the C library that this Python was built for, or that Python itself in /usr/bin."
        if sandbox.name == "container" else "Look whether the limits of this account allow it.")


def _bubblewrap() -> Diagnosis:
    with tempfile.TemporaryDirectory(prefix="whybot-trial-") as scratch:
        return BubblewrapSandbox().diagnose(Path(scratch))


def _container(image: str, env: Mapping[str, str]) -> tuple[ContainerSandbox | None, Diagnosis]:
    if not image:
        return None, Diagnosis(name="container", works=False, sentence="No image is named for containers.",
                               remedy=_NO_IMAGE)
    said: list[Diagnosis] = []
    for box in find_container(image, env):
        with tempfile.TemporaryDirectory(prefix="whybot-trial-") as scratch:
            said.append(box.diagnose(Path(scratch)))
        if said[-1].works:
            return box, said[-1]
    if not said:
        return None, Diagnosis(name="container", works=False, sentence=f"Neither {' nor '.join(ENGINES)} is installed.",
                               remedy="Install one of them, say, `apt install podman catatonit`.")
    return None, Diagnosis(name="container", works=False, sentence=" ".join(each.sentence for each in said),
                           remedy=" ".join(dict.fromkeys(each.remedy for each in said)))


def _process(env: Mapping[str, str]) -> Diagnosis:
    if _in_actions(env):
        return Diagnosis(name="process", works=False, sentence="A plain process is never used in GitHub Actions.",
                         remedy="Use bubblewrap or a container there.")
    return Diagnosis(name="process", works=True, sentence="A plain process works, for the demo or by "
                     "`--sandbox process`: limits, but no walls.")


def _in_actions(env: Mapping[str, str]) -> bool:
    return env.get("GITHUB_ACTIONS", "").lower() == "true"
