"""An image for containers, made of this machine's own shell and libraries: no registry is asked."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from functools import cache
from pathlib import Path

import pytest

from bot.adapters.sandboxes import ContainerSandbox

NAME = "localhost/whybot-tests:1"
_PROGRAMS = ("/bin/sh", "/usr/bin/true", "/usr/bin/env", "/usr/bin/setsid", "/usr/bin/nohup", "/usr/bin/unshare")
_FOLDERS = ("tmp", "bin", "lib", "lib64", "usr", "usr/bin", "usr/lib", "dev", "proc", "sys", "etc")


def settings(folder: Path) -> dict[str, str]:
    """The environment in which podman works here: with runc where it is, which also takes cgroups of both versions."""
    env = {name: os.environ[name] for name in ("PATH", "HOME", "XDG_RUNTIME_DIR") if name in os.environ}
    if shutil.which("runc"):
        file = folder / "containers.conf"
        file.write_text('[engine]\nruntime = "runc"\n')
        env["CONTAINERS_CONF"] = str(file)
    return env


def make_image(folder: Path, env: dict[str, str]) -> str:
    """Make the image if podman does not have it; return why it cannot be made, empty when it is there."""
    podman = shutil.which("podman")
    if podman is None:
        return "podman is not installed (Debian: apt install podman runc catatonit)"
    if subprocess.run((podman, "image", "exists", NAME), env=env, check=False, capture_output=True).returncode == 0:
        return ""
    made = subprocess.run((podman, "import", "-q", "--change", "ENV=OF_THE_IMAGE=yes", "--change", "VOLUME=/volume",
                           str(archive(folder)), NAME), env=env, check=False, capture_output=True, text=True)
    return "" if made.returncode == 0 else f"podman makes no image: {made.stderr.strip()[-200:]}"


def archive(folder: Path) -> Path:
    """The image's files as a tar archive in a folder."""
    files = (*_PROGRAMS, *_libraries())
    folders = {*_FOLDERS, *(str(above) for name in files for above in Path(name.lstrip("/")).parents)} - {"."}
    with tarfile.open(folder / "image.tar", "w") as tar:
        for name in sorted(folders):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        for name in files:
            real = os.path.realpath(name)
            entry = tar.gettarinfo(real, name.lstrip("/"))
            entry.mode = 0o755
            with Path(real).open("rb") as stream:
                tar.addfile(entry, stream)
    return folder / "image.tar"


def a_container(folder: Path) -> ContainerSandbox:
    """A sandbox of that image, or the test is skipped."""
    env = settings(folder)
    refused = make_image(folder, env)
    if refused:
        pytest.skip(refused)
    return ContainerSandbox(NAME, shutil.which("podman") or "podman", env)


@cache
def _libraries() -> tuple[str, ...]:
    """What the programs and the modules of this Python are linked with, as long as it is no part of that Python."""
    prefix = Path(os.path.realpath(sys.base_prefix))
    # Beside Python's own modules: packages may come with libraries of C++ that need these.
    users = [os.path.realpath(sys.executable), *_PROGRAMS, *map(str, prefix.glob("lib/python3*/lib-dynload/*.so")),
             *map(str, Path(sys.prefix).glob("lib/python3*/site-packages/hypothesis/*.so"))]
    said = subprocess.run(("ldd", *users), capture_output=True, text=True, check=False).stdout
    found = {word for line in said.splitlines() if line.startswith("\t") for word in line.split() if word[0] == "/"}
    return tuple(sorted(path for path in found if not Path(path).is_relative_to(prefix)))
