"""Which Python runs a project's tests, and from where the project is imported there."""

from __future__ import annotations

import ast
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from bot.domain.errors import TargetSetupFailed
from bot.probe.launch import Interpreter, find_interpreter

_LOCAL = (".venv/bin/python", "venv/bin/python")
_ASK_SECONDS = 30


def find_python(root: Path, environ: Mapping[str, str]) -> Interpreter:
    """The Python for a project of which bot.toml says nothing: its virtual environment, the active one, or the path's.

    The first that has pytest. No program that lies in the project is run here. Raises TargetSetupFailed.
    """
    local = [root / name for name in _LOCAL]
    active = environ.get("VIRTUAL_ENV", "")
    if active:
        local.append(Path(active) / "bin" / "python")
    there = [program for program in local if os.access(program, os.X_OK)]
    for program in there:
        if any((folder / "pytest").is_dir() for folder in packages_of(program.parent.parent)):
            return find_interpreter(str(program), root, root)
    for program in _on_path(root, environ):
        if _has_pytest(program):
            return find_interpreter(str(program), root, root)
    looked = [*(str(program) for program in there), "python3 on the path"]
    raise TargetSetupFailed(
        f"No Python with pytest was found for {root} (there is none in {', '.join(looked)}).",
        "Make a virtual environment in `.venv` with pytest and what the project needs, or name its Python as `python` "
        "of a [target.NAME] in bot.toml.")


def packages_of(prefix: Path) -> tuple[Path, ...]:
    """The folders of installed packages under a prefix."""
    return tuple(sorted(folder for lib in ("lib", "lib64") for folder in prefix.glob(f"{lib}/python3*/site-packages")))


def _on_path(root: Path, environ: Mapping[str, str]) -> Iterator[Path]:
    for folder in environ.get("PATH", "").split(os.pathsep):
        program = Path(folder) / "python3"
        inside = Path(os.path.realpath(folder)).is_relative_to(root)
        if Path(folder).is_absolute() and not inside and os.access(program, os.X_OK):
            yield program


def _has_pytest(program: Path) -> bool:
    # -I: neither the folder we are in nor the person's own packages, which the sandbox does not show either.
    try:
        asked = subprocess.run((str(program), "-I", "-c", "import pytest"), capture_output=True, timeout=_ASK_SECONDS,
                               check=False, cwd="/")
    except (OSError, subprocess.SubprocessError):
        return False
    return asked.returncode == 0


def has_plugin(interpreter: Interpreter, module: str) -> bool:
    """Whether a module lies among the packages of an interpreter."""
    return any((folder / module).is_dir() for prefix in interpreter.read_only for folder in packages_of(prefix))


def editable(interpreter: Interpreter, root: Path) -> tuple[str, ...]:
    """The folders of the project, relative to `root`, from which an editable installation imports it.

    The copy under test has to stand before them on the path. Read from the text of `.pth` files and of the finders
    that setuptools writes; nothing of them is run.
    """
    real = Path(os.path.realpath(root))
    found: list[str] = []
    for packages in packages_of(interpreter.program.parent.parent):
        for folder in _named_in(packages):
            inside = Path(os.path.realpath(folder))
            if folder.startswith("/") and inside.is_relative_to(real) and inside.is_dir():
                path = str(inside.relative_to(real))
                if path not in found and not inside.is_relative_to(packages):
                    found.append(path)
    return tuple(found)


def _named_in(packages: Path) -> Iterator[str]:
    for file in sorted(packages.glob("*.pth")):
        for line in _text(file).splitlines():
            if line.startswith("/"):
                yield line.strip()
    for file in sorted(packages.glob("__editable__*_finder.py")):
        written = re.search(r"^MAPPING\b[^=\n]*= *(\{.*\})$", _text(file), re.MULTILINE)
        try:
            mapping = ast.literal_eval(written[1]) if written else {}
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        for name, folder in mapping.items() if isinstance(mapping, dict) else ():
            # A package is found in the folder that it lies in, if it lies there by its own name.
            if isinstance(name, str) and isinstance(folder, str):
                above, last = os.path.split(folder)
                if last.removesuffix(".py") == name.rpartition(".")[2] and "." not in name:
                    yield above


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8", errors="replace")[:1_000_000]
    except OSError:
        return ""
