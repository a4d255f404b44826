"""Loads the workflow file and checks that its order can work."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from bot.domain.base import Frozen
from bot.domain.errors import ConfigProblem
from bot.domain.workflow import Workflow
from bot.steps.context import Step


def load_workflow(path: Path, steps: Mapping[str, Step]) -> Workflow:
    """Read a workflow file and check it against the steps that exist.

    Raises ConfigProblem when it is unreadable, names an unknown step or one twice, asks for a step before
    what it takes is given, or holds to a step that does not come before.
    """
    remedy = f"Mend {path.name}; the one that comes with whybot is workflows/remediation.toml."
    try:
        workflow = Workflow.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigProblem(f"The workflow file {path} cannot be read: {error.strerror}.", remedy) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigProblem(f"The workflow file {path} is not TOML: {error}.", remedy) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigProblem(f"The workflow file {path} is wrong at {where}: {first['msg']}.", remedy) from error
    given: set[type[Frozen]] = set()
    seen: list[str] = []
    for place in workflow.steps:
        if place.name not in steps:
            known = ", ".join(sorted(steps))
            raise ConfigProblem(f"The workflow names the step {place.name!r}, which does not exist ({known}).", remedy)
        if place.name in seen:
            raise ConfigProblem(f"The workflow names the step {place.name!r} twice.", remedy)
        seen.append(place.name)
        missing = [kind.__name__ for kind in steps[place.name].takes if kind not in given]
        if missing:
            raise ConfigProblem(
                f"The step {place.name!r} takes {', '.join(missing)}, which no step before it gives.", remedy
            )
        given.add(steps[place.name].gives)
        if place.hold is not None and place.hold.back_to not in seen:
            raise ConfigProblem(
                f"The step {place.name!r} holds back to {place.hold.back_to!r}, which does not come before it.", remedy
            )
    return workflow
