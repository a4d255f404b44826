"""Finds the `prompts` and `workflows` folders, from a clone, an editable install or a wheel."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

_PACKAGE = Path(__file__).resolve().parent


def resource_folder(name: Literal["prompts", "workflows"]) -> Path:
    """Return the folder.

    A wheel carries it inside the package as `_prompts` or `_workflows`; a clone has it beside the package.
    Raises FileNotFoundError when neither is there, which is a broken installation.
    """
    for folder in (_PACKAGE / f"_{name}", _PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"{name}: neither in the package nor beside it; install whybot again")
