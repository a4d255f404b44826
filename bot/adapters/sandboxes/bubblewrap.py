"""The sandbox proper: Linux namespaces by way of `bwrap`."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from pathlib import Path

from bot.adapters.sandboxes.running import Diagnosis, supervised
from bot.adapters.sandboxes.supervisor.child import ROOM
from bot.domain.errors import SandboxProblem
from bot.ports import Command, Completed

FALLBACK = "/usr/bin/bwrap"
INSTALL = "Install it: `apt install bubblewrap` (Debian, Ubuntu) or `dnf install bubblewrap` (Fedora)."
_APPARMOR = (
    "AppArmor forbids user namespaces here (Ubuntu 24.04 and later, kernel.apparmor_restrict_unprivileged_userns=1). "
    "Allow them to bubblewrap alone, as root: `printf 'abi <abi/4.0>,\\ninclude <tunables/global>\\nprofile bwrap "
    "{program} flags=(unconfined) {{ userns, }}\\n' > /etc/apparmor.d/bwrap` and `apparmor_parser -r "
    "/etc/apparmor.d/bwrap`. Or to every program: `sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`."
)
_SWITCHED_OFF = "User namespaces are switched off here. As root: `sysctl -w {setting}`."
_FORBIDDEN = (
    "User namespaces are probably forbidden here: by AppArmor (Ubuntu 24.04; a profile for {program} that allows "
    "`userns` permits it), or by the container that the bot runs in: allow it there (docker: `--security-opt "
    "seccomp=unconfined`), run the bot outside, or name an `image` under [sandbox]."
)
_NEEDED = ("--size", "--json-status-fd", "--clearenv", "--remount-ro", "--args")

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_ETC = ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/localtime",
        "/etc/mime.types", "/etc/protocols", "/etc/services")
_ETC_FOR_NETWORK = ("/etc/resolv.conf", "/etc/ssl", "/etc/pki", "/etc/ca-certificates")
_PROC_CLOSED = ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs", "/proc/acpi", "/proc/scsi",
                "/proc/mtrr")
_PROC_HIDDEN = ("/proc/kcore", "/proc/kmsg", "/proc/keys", "/proc/timer_list", "/proc/kpagecount", "/proc/kpageflags",
                "/proc/kpagecgroup")
_TMPFS = ("/tmp", "/dev/shm")  # noqa: S108 - the sandbox's own, private ones


class BubblewrapSandbox:
    """Runs the command in namespaces of its own: nothing of the machine but system folders, read-only."""

    name = "bubblewrap"
    warning = ""

    def __init__(self, program: str | None = None) -> None:
        self._program = program or shutil.which("bwrap") or FALLBACK
        self._options: str | None = None

    def run(self, command: Command) -> Completed:
        """Run to the end or to a limit. Raises SandboxProblem when bubblewrap refuses or a path is missing."""
        handles = []
        try:
            files = {}
            for path, text in _small_files().items():
                files[path] = _in_memory(text)
                handles.append(files[path])
            env = _in_memory("".join(f"--setenv\0{name}\0{value}\0" for name, value in command.env.items()))
            handles.append(env)
            prefix = (self._program, *self._arguments(command, files, env))
            return supervised(command, prefix, _TMPFS, tuple(handles))
        finally:
            for handle in handles:
                os.close(handle)

    def _arguments(self, command: Command, files: dict[str, int], env: int) -> list[str]:
        limits = command.limits
        size = str(limits.disk_bytes + ROOM)
        arguments = [
            "--unshare-user", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL",
            "--hostname", "sandbox", "--json-status-fd", "@STATUS", "--block-fd", "@GATE",
        ]
        if "--disable-userns" in self._supported():
            # A nested user namespace would give its maker all capabilities over what it mounts and configures.
            arguments.append("--disable-userns")
        if command.network:
            arguments.append("--share-net")
        arguments += _system(command.network)
        for path, handle in files.items():
            arguments += ["--ro-bind-data", str(handle), path]
        arguments += _proc_and_dev()
        for path in _TMPFS:
            arguments += ["--perms", "1777", "--size", size, "--tmpfs", path]
        arguments += _folders(command)
        # Both are memory file systems, writable and without a size, unless they are closed.
        arguments += ["--remount-ro", "/dev", "--remount-ro", "/"]
        # By a file: every account of the machine may read a command line.
        arguments += ["--clearenv", "--args", str(env)]
        return [*arguments, "--chdir", str(command.cwd or command.folder), "--"]

    def _supported(self) -> str:
        if self._options is None:
            try:
                shown = subprocess.run((self._program, "--help"), capture_output=True, text=True, timeout=10,
                                       check=False)
            except (OSError, subprocess.TimeoutExpired) as error:
                raise SandboxProblem("bubblewrap (`bwrap`) is not installed.", INSTALL) from error
            self._options = shown.stdout + shown.stderr
        return self._options

    def diagnose(self, scratch: Path) -> Diagnosis:
        """Really run `true` in it. `scratch` is an existing folder that the trial may write to."""
        try:
            supported = self._supported()
        except SandboxProblem as problem:
            return Diagnosis(name="bubblewrap", works=False, sentence=problem.what, remedy=problem.remedy)
        missing = [option for option in _NEEDED if option not in supported]
        if missing:
            return Diagnosis(name="bubblewrap", works=False, sentence=f"bubblewrap is too old (no {missing[0]}).",
                             remedy="Install bubblewrap 0.7 or later.")
        try:
            done = self.run(Command(argv=("true",), folder=scratch, env={"PATH": "/usr/bin:/bin"}))
        except SandboxProblem as problem:
            return Diagnosis(name="bubblewrap", works=False, sentence=problem.what, remedy=remedy_for(self._program))
        if done.exit_code != 0:
            return Diagnosis(name="bubblewrap", works=False, remedy=remedy_for(self._program),
                             sentence=f"bubblewrap ran `true` and got exit code {done.exit_code}.")
        return Diagnosis(name="bubblewrap", works=True, sentence="bubblewrap works: no network, no home, "
                         "an empty environment, limits on the whole process tree.")


def remedy_for(program: str, settings: Path = Path("/proc/sys")) -> str:
    """What lets bubblewrap make namespaces, by the kernel's own settings. `settings` is where they are read."""
    def says(name: str) -> str:
        try:
            return (settings / name).read_text().strip()
        except OSError:
            return ""

    if says("user/max_user_namespaces") == "0":
        return _SWITCHED_OFF.format(setting="user.max_user_namespaces=10000")
    if says("kernel/unprivileged_userns_clone") == "0":
        return _SWITCHED_OFF.format(setting="kernel.unprivileged_userns_clone=1")
    if says("kernel/apparmor_restrict_unprivileged_userns") == "1":
        return _APPARMOR.format(program=program)
    return _FORBIDDEN.format(program=program)


def _system(network: bool) -> list[str]:
    arguments: list[str] = []
    for folder in _SYSTEM:
        path = Path(folder)
        if path.is_symlink():
            arguments += ["--symlink", str(path.readlink()), folder]
        elif path.is_dir():
            arguments += ["--ro-bind", folder, folder]
    for name in _ETC + (_ETC_FOR_NETWORK if network else ()):
        arguments += ["--ro-bind-try", name, name]
    return arguments


def _proc_and_dev() -> list[str]:
    """Private /proc and /dev, without the handles that they give to root.

    When the bot runs as root, the sandbox's user is root's number without root's capabilities. That is still the
    owner of /proc/sys, whose core_pattern would run a program outside. (The devices: see the supervisor.)
    """
    arguments = ["--proc", "/proc"]
    for name in _PROC_CLOSED:
        if Path(name).exists():
            arguments += ["--ro-bind", name, name]
    for name in _PROC_HIDDEN:
        if Path(name).exists():
            arguments += ["--ro-bind", "/dev/null", name]
    return [*arguments, "--dev", "/dev"]


def _folders(command: Command) -> list[str]:
    """Bind the command's folders at their own paths, outer ones first, so that inner ones lie on top."""
    binds: dict[str, str] = {}
    for path in command.read_only:
        if not path.exists():
            raise SandboxProblem(f"{path}, which the run needs to read, does not exist.",
                                 "Check `python` and `setup` of the target in bot.toml.")
        for name in (str(path.absolute()), os.path.realpath(path)):
            binds[name] = "--ro-bind"
    for name in (str(command.folder.absolute()), os.path.realpath(command.folder)):
        binds[name] = "--bind"
    arguments = []
    for name in sorted(binds, key=lambda each: (each.count("/"), each)):
        if not re.match(r"/(usr|bin|sbin|lib\w*)(/|$)", name) or binds[name] == "--bind":
            arguments += [binds[name], name, name]
    return arguments


def _small_files() -> dict[str, str]:
    """What programs expect in /etc, with nothing of this machine's in it."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = "user"
    return {
        "/etc/passwd": f"{user}:x:{os.getuid()}:{os.getgid()}::/nonexistent:/bin/sh\n",
        "/etc/group": f"{user}:x:{os.getgid()}:\n",
        "/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n127.0.0.1 sandbox\n",
        "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    }


def _in_memory(text: str) -> int:
    handle = os.memfd_create("whybot", 0)
    os.write(handle, text.encode())
    os.lseek(handle, 0, os.SEEK_SET)
    return handle
