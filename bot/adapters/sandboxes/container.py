"""A sandbox made by docker or podman, of an image that the configuration names."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from uuid import uuid4

from pydantic import ValidationError

from bot.adapters.sandboxes.left_over import OWNER, owner, remove_left_over
from bot.adapters.sandboxes.running import DOCTOR, Diagnosis, supervised
from bot.adapters.sandboxes.supervisor.child import ROOM, most_tasks
from bot.domain.base import Frozen
from bot.domain.errors import SandboxProblem
from bot.ports import Command, Completed

ENGINES = ("podman", "docker")
"""In this order: podman needs no service that runs as root."""

_FOR_THE_CLIENT = (
    "PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME",
    "DBUS_SESSION_BUS_ADDRESS", "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_CERT_PATH",
    "DOCKER_TLS_VERIFY", "CONTAINER_HOST", "CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF",
)
"""What the client needs to find its engine. None of it gets into the container."""

_SET_BY_ENGINES = (
    "PATH", "HOME", "HOSTNAME", "TERM", "container", "PWD", "OLDPWD", "SHLVL",
    *(case(name) for name in ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")
      for case in (str.lower, str.upper)),
)
"""Variables that an engine, its configuration or a shell adds to those of the image."""

_START = ('unset -v %s; command -v -- "$1" >/dev/null || { echo "%s: no program $1"; exit 127; }; '
          'exec "$@" 2>&1')
_TMPFS = ("/tmp", "/dev/shm")  # noqa: S108 - the container's own, private ones
_SYSTEM = re.compile(r"/|/(usr|bin|sbin|lib\w*|etc|proc|sys|dev)")
_ASK_SECONDS = 60
_TASKS_OF_THE_ACCOUNT = 32_768
_SHARED_READ_ONLY = "type=bind,source={0},target={0},readonly"
_SHARED = "type=bind,source={0},target={0}"


class _ImageConfig(Frozen):
    """What an image says of itself, as far as it matters here."""

    env: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()


class ContainerSandbox:
    """Runs the command in a container: the image, read-only, and nothing of the machine but the folders bound.

    The image needs /bin/sh, and a C library that the target's Python runs with: an interpreter outside the system
    folders is bound from the machine as elsewhere, one in /usr/bin is the image's own of that path.
    """

    name = "container"
    warning = ""

    def __init__(self, image: str, engine: str, environ: Mapping[str, str] | None = None) -> None:
        """`engine` is the program docker or podman; `environ` the bot's own environment, in which to find its service.

        Of that, `client_env` is what the engine's client gets. Nothing is asked of the engine yet.
        """
        self.image, self.engine = image, engine
        environ = os.environ if environ is None else environ
        self.client_env = {name: environ[name] for name in _FOR_THE_CLIENT if name in environ}
        self._podman = Path(engine).name.startswith("podman")
        self._config: _ImageConfig | None = None
        self._as_whom: tuple[str, ...] = ()

    def run(self, command: Command) -> Completed:
        """Run to the end or to a limit. The time that the engine takes to start is not counted in the limit.

        Raises SandboxProblem when the engine refuses, the image is not there, or a path is missing.
        """
        config = self._prepared()
        name = f"whybot-{uuid4().hex}"
        file, plain = _environment(command.env)
        try:
            prefix = (self.engine, *self._arguments(command, config, name), "--env-file", f"/proc/self/fd/{file}",
                      *plain, self.image, "/bin/sh", "-c", _start(config, command, name), "sh")
            done = supervised(command, prefix, _TMPFS, (file,), container=name, engine_env=self.client_env)
        finally:
            os.close(file)
        if done.exit_code == 127 and done.output.startswith(f"{name}: no program "):
            raise SandboxProblem(f"`{command.argv[0]}` could not be started: {self.image} has no such program.",
                                 "Check `python` and `setup` of the target in bot.toml, or take an image that has it.")
        return done

    def _prepared(self) -> _ImageConfig:
        """What the image says, once: it also shows that the engine answers and the image is there."""
        if self._config is None:
            said = self._ask("image", "inspect", "--format", "{{json .Config}}", self.image)
            try:
                config = json.loads(said)
                self._config = _ImageConfig(env=tuple(config.get("Env") or ()),
                                            volumes=tuple(config.get("Volumes") or ()))
            except (ValueError, AttributeError, TypeError, ValidationError) as error:
                raise SandboxProblem(f"{self.engine} says nothing usable of the image {self.image}.",
                                     "Try `image inspect` with it by hand.") from error
            self._as_whom = self._user()
            remove_left_over(self._ask)
        return self._config

    def _user(self) -> tuple[str, ...]:
        """The numbers of this account in the container, so that it may write to the folder and owns nothing else."""
        here = f"{os.getuid()}:{os.getgid()}"
        if self._podman:
            rootless = self._ask("info", "--format", "{{.Host.Security.Rootless}}").strip() == "true"
            return ("--userns", "keep-id", "--user", here) if rootless else ("--user", here)
        # In docker's rootless mode this account is the container's root, and no other number may write to the folder.
        rootless = "rootless" in self._ask("info", "--format", "{{json .SecurityOptions}}")
        return ("--user", "0:0" if rootless else here)

    def _ask(self, *arguments: str) -> str:
        try:
            done = subprocess.run((self.engine, *arguments), env=self.client_env, cwd="/", stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=_ASK_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SandboxProblem(f"{self.engine} does not answer ({error}).", "Start its service.") from error
        if done.returncode != 0:
            if "cannot connect" in done.stderr.lower() or "permission denied" in done.stderr.lower():
                raise SandboxProblem(f"{self.engine} cannot reach its service ({_last(done.stderr)}).",
                                     "Start the service, and allow this account to use it.")
            last = _last(done.stderr)
            if arguments[0] == "image":
                raise SandboxProblem(
                    f"{self.engine} has no image {self.image} that it can run ({last}).",
                    f"Bring it once, `{Path(self.engine).name} pull {self.image}`: no image is pulled during a run.")
            raise SandboxProblem(f"{self.engine} refused `{arguments[0]}`: {last}.",
                                 "Start its service, or mend its configuration.")
        return done.stdout

    def _arguments(self, command: Command, config: _ImageConfig, name: str) -> Iterator[str]:
        limits = command.limits
        memory = str(limits.memory_bytes + ROOM)
        size = limits.disk_bytes + ROOM
        tasks = most_tasks(limits.processes)
        yield from ("run", "--name", name, "--label", f"{OWNER}={owner()}", "--pull", "never", "--init")
        yield from ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
        # Else a machine with SELinux lets the container read none of the folders that are bound.
        yield from ("--security-opt", "label=disable")
        yield from ("--log-driver", "none", "--no-healthcheck", "--stop-timeout", "0", "--hostname", "sandbox")
        yield from ("--ipc", "private", *self._as_whom)
        if not command.network:
            yield from ("--network", "none")
        yield from ("--pids-limit", str(tasks), "--memory", memory, "--memory-swap", memory)
        for what, most in (("nofile", 4096), ("core", 0), ("fsize", size)):
            yield from ("--ulimit", f"{what}={most}:{most}")
        if self._podman:
            # Its own default may be above what this account may set. (What holds is the limit of the container.)
            hard = resource.getrlimit(resource.RLIMIT_NPROC)[1]
            most = _TASKS_OF_THE_ACCOUNT if hard == resource.RLIM_INFINITY else min(hard, _TASKS_OF_THE_ACCOUNT)
            yield from ("--ulimit", f"nproc={most}:{most}")
        yield from ("--shm-size", str(size), "--tmpfs", f"{_TMPFS[0]}:rw,exec,nosuid,nodev,mode=1777,size={size}")
        if self._podman:
            # Else /run and /var/tmp are writable without a size, and the proxy of this machine is told.
            yield from ("--read-only-tmpfs=false", "--http-proxy=false")
        for folder in config.volumes:
            # Else the engine makes a writable folder on the machine's disk for it.
            yield from ("--tmpfs", f"{folder}:ro,nosuid,nodev,size=4096")
        yield from _folders(command)
        yield from ("--workdir", str(command.cwd or command.folder), "--entrypoint", "")

    def diagnose(self, scratch: Path) -> Diagnosis:
        """Really run `true` in it. `scratch` is an existing folder that the trial may write to."""
        named = f"{Path(self.engine).name} with the image {self.image}"
        try:
            done = self.run(Command(argv=("true",), folder=scratch, env={"PATH": "/usr/bin:/bin"}))
        except SandboxProblem as problem:
            remedy = problem.remedy
            if remedy == DOCTOR:
                remedy = f"Mend what {named} complains of (`--init` needs catatonit or tini)."
            return Diagnosis(name="container", works=False, sentence=problem.what, remedy=remedy)
        if done.exit_code != 0:
            return Diagnosis(name="container", works=False, remedy="Try it by hand, with `run --rm`.",
                             sentence=f"{named} ran `true` and got exit code {done.exit_code}: {done.output[:300]!r}.")
        return Diagnosis(name="container", works=True, sentence=f"{named} works: no network, a read-only image, "
                         "an empty environment, limits on the whole container.")


def _last(text: str) -> str:
    return (text.strip().splitlines() or ["it said nothing"])[-1][:300]


def find_container(image: str, environ: Mapping[str, str]) -> list[ContainerSandbox]:
    """A container sandbox for each engine on the path, in the order in which they are to be tried."""
    programs = [shutil.which(engine, path=environ.get("PATH", os.defpath)) for engine in ENGINES]
    return [ContainerSandbox(image, program, environ) for program in programs if program]


def _start(config: _ImageConfig, command: Command, name: str) -> str:
    """The script that removes what the command was not given from the environment and becomes the command."""
    there = [*(entry.partition("=")[0] for entry in config.env), *_SET_BY_ENGINES]
    surplus = [each for each in dict.fromkeys(there)
               if each not in command.env and re.fullmatch(r"[A-Za-z_]\w*", each, re.ASCII)]
    return _START % (" ".join(surplus), name)


def _environment(env: Mapping[str, str]) -> tuple[int, list[str]]:
    """A file in memory with the environment, which other accounts cannot read off a command line.

    Also the arguments for what such a file cannot hold: values of several lines.
    """
    lines, plain = [], []
    for key, value in env.items():
        if "\n" in value or "\r" in value or value != value.strip():
            plain += ["--env", f"{key}={value}"]
        else:
            lines.append(f"{key}={value}\n")
    handle = os.memfd_create("whybot", 0)
    os.write(handle, "".join(lines).encode())
    os.lseek(handle, 0, os.SEEK_SET)
    return handle, plain


def _folders(command: Command) -> Iterator[str]:
    """Bind the command's folders at their own paths; the engine puts inner ones on top of outer ones."""
    binds: dict[str, str] = {}
    for path in command.read_only:
        if not path.exists():
            raise SandboxProblem(f"{path}, which the run needs to read, does not exist.",
                                 "Check `python` and `setup` of the target in bot.toml.")
        for name in (str(path.absolute()), os.path.realpath(path)):
            if not _SYSTEM.fullmatch(name):
                binds[name] = _SHARED_READ_ONLY
    for name in (str(command.folder.absolute()), os.path.realpath(command.folder)):
        binds[name] = _SHARED
    for name in sorted(binds, key=lambda each: (each.count("/"), each)):
        if re.search(r'[,"\n\r]', name):
            raise SandboxProblem(f"The path {name!r} cannot be given to a container engine.",
                                 "Move it to a folder whose name has no comma, quote or line break.")
        yield from ("--mount", binds[name].format(name))
