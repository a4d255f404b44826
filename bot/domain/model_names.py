"""The names by which a model is asked for, and of where it is asked: what can be told of them without asking."""

from __future__ import annotations

import re

SCRIPTED = frozenset({"script", "replay"})
"""Providers of models whose answers come from files: they cost nothing, and their names hold a folder."""


def model_name(name: str) -> str:
    """Return the name of a model, as for --model. Raises ValueError for one that names none.

    Whether there is such a model is not looked at.
    """
    kind, colon, rest = name.partition(":")
    if not colon and not name.strip():
        raise ValueError(f"{name!r} is not the name of a model")
    if colon and not rest.strip():
        wanted = f"the folder, as {kind}:DIR" if kind in SCRIPTED else f"the id of a model, as {kind}:MODEL"
        raise ValueError(f"{name!r} is not the name of a model; after the colon stands {wanted}")
    if "\0" in name or (kind not in SCRIPTED and any(sign.isspace() or not sign.isprintable() for sign in name)):
        raise ValueError(f"{name!r} is not the name of a model: no such name has white space or control characters")
    return name


_REGION = re.compile(r"[a-z0-9-]{2,40}")
_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:-]{0,99}")


def region_name(name: str) -> str:
    """Return the name of a cloud's region, or nothing where nothing is given. Raises ValueError for what is none."""
    if name and _REGION.fullmatch(name) is None:
        raise ValueError(f"{name!r} is not a region; one has 2 to 40 of the characters a-z, 0-9 and -, as us-east-1")
    return name


def project_name(name: str) -> str:
    """Return the id of a Google Cloud project, or nothing. Raises ValueError for what is none."""
    if name and _PROJECT.fullmatch(name) is None:
        raise ValueError(f"{name!r} is not the id of a project of Google Cloud")
    return name
