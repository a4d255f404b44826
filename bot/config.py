"""Reads `bot.toml`, lays it over the presets, and names the key that is wrong."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from bot.config_mistakes import in_words
from bot.domain.config import BotConfig, ModelConfig, RepositoryConfig
from bot.domain.errors import ConfigProblem, UsageProblem
from bot.domain.logs import Focus, Severity
from bot.domain.model_names import SCRIPTED

FILE = "bot.toml"

RESERVED = frozenset({"demo", "environments", "forge", "lock", "prove", "report", "scratch", "spool"})
"""Folders of the state beside those of the focuses."""

PRESETS: Mapping[str, Focus] = {
    focus.name: focus
    for focus in (
        Focus(
            name="startup",
            title="Startup",
            impact="Instances that do not start serve nobody.",
            terms=(
                "startup", "start up", "starting", "failed to boot", "failed to start", "setup fail", "not ready",
                "readiness", "No module named", "ModuleNotFoundError", "ImportError", "exited with code",
                "Container called exit",
            ),
        ),
        Focus(
            name="errors",
            title="Errors",
            impact="Something that should work does not.",
            least_severity=Severity.ERROR,
        ),
        Focus(
            name="http-5xx",
            title="HTTP 5xx",
            impact="Callers get a server error instead of an answer.",
            least_http_status=500,
            least_severity=Severity.ERROR,
        ),
        Focus(
            name="message-routing",
            title="Message routing",
            impact="Messages that are not routed do not reach the people who wait for them.",
            terms=("websocket", "1011", "routing", "route", "router", "broker", "subscriber", "readiness", "deliver"),
        ),
    )
}
"""The focuses that work without a `bot.toml`."""


def load_config(path: Path | None) -> BotConfig:
    """Read a configuration file; None gives the defaults, with the clone around the current folder.

    Paths in the file are relative to its folder. A focus that has a preset's name overrides just the keys that
    it gives. Raises ConfigProblem.
    """
    if path is None:
        clone = nearest(".git")
        repository = RepositoryConfig(path=str(clone.parent) if clone is not None else ".")
        return BotConfig(focus=dict(PRESETS), repository=repository)
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigProblem(
            f"{path} cannot be read: {error.strerror}.", "`bot init` writes one; --config names another."
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigProblem(f"{path} is not UTF-8 text.", "Save it as UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigProblem(f"{path} is not TOML: {error}.", "Mend that line.") from error
    focuses = document.get("focus", {})
    if isinstance(focuses, dict):
        document["focus"] = {name: _over_preset(name, given) for name, given in focuses.items()}
        _refuse_switches(path, focuses)
    try:
        config = BotConfig.model_validate(document)
    except ValidationError as error:
        raise ConfigProblem(
            f"{path}: {in_words(error)}.",
            "Mend the key; `bot init --print` shows every key with its meaning.",
        ) from error
    repository = config.repository.model_copy(update={"path": str(path.parent / config.repository.path)})
    return config.model_copy(update={
        "focus": {**PRESETS, **config.focus}, "repository": repository,
        "logs": config.logs.model_copy(update={"source": absolute_source(config.logs.source, path.parent)}),
        "model": _found_from_everywhere(config.model, path.parent),
    })


def _found_from_everywhere(model: ModelConfig, folder: Path) -> ModelConfig:
    steps = {
        name: step.model_copy(update={"name": step.name and absolute_model(step.name, folder)})
        for name, step in model.step.items()
    }
    return model.model_copy(update={"name": absolute_model(model.name, folder), "step": steps})


def absolute_source(source: str, folder: Path) -> str:
    """A log source whose file, if it names one relative to a folder, is found from everywhere.

    Links stay as they are: /dev/stdin and /dev/fd/63 lead to what has no name of its own.
    """
    kind, colon, rest = source.partition(":")
    if kind != "file" or not rest or rest == "-":
        return source
    return f"{kind}{colon}{(folder / rest).absolute()}"


DEMO_MODEL = "script:demo"


def absolute_model(name: str, folder: Path) -> str:
    """A model whose folder, if it names one relative to a folder, is found from everywhere."""
    kind, colon, rest = name.partition(":")
    if kind not in SCRIPTED or not rest or name == DEMO_MODEL:
        return name
    return f"{kind}{colon}{(folder / rest).absolute()}"


def nearest(name: str) -> Path | None:
    """The file or folder of that name here or in the nearest folder above."""
    here = Path.cwd()
    return next((folder / name for folder in (here, *here.parents) if (folder / name).exists()), None)


def focus_named(config: BotConfig, name: str) -> Focus:
    """The focus of that name. Raises UsageProblem, naming those there are, or for a name that is a folder's."""
    if name in RESERVED:
        raise UsageProblem(
            f"A focus cannot be called {name!r}, which is a folder of the state.", f"Rename [focus.{name}] in {FILE}."
        )
    if name not in config.focus:
        known = ", ".join(sorted(config.focus))
        raise UsageProblem(
            f"There is no focus {name!r}; there are {known}.", f"Take one of these, or add [focus.{name}] to {FILE}."
        )
    return config.focus[name]


def _over_preset(name: str, given: object) -> object:
    if not isinstance(given, dict):
        return given
    base: dict[str, object] = {"title": name.replace("-", " ").capitalize(), "impact": "Not stated."}
    if name in PRESETS:
        base = PRESETS[name].model_dump(mode="json")
    return {**base, **given, "name": name}


def _refuse_switches(path: Path, focuses: Mapping[str, object]) -> None:
    """Raise ConfigProblem for true and false, which would pass for 1 and 0; no key of a focus takes them."""
    for name, given in focuses.items():
        for key, value in given.items() if isinstance(given, dict) else ():
            if isinstance(value, bool):
                raise ConfigProblem(
                    f"{path}: focus.{name}.{key} is {str(value).lower()}, which that key cannot be.",
                    "Mend the key; `bot init --print` shows every key with its meaning.",
                )
