"""What a run recorded, told with the paths that the rest of an audit uses: from the current folder."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from bot.domain.logs import Frame
from bot.domain.suite import Observation, Outcome, RaisedException
from bot.standalone.files import shown

Place = Callable[[str], str]


def place_in(root: Path) -> Place:
    """A function from a path relative to a project's root to the path as it is shown; others it leaves as they are."""
    known: dict[str, str] = {}

    def place(path: str) -> str:
        if path not in known:
            known[path] = path if not path or path.startswith(("/", "<")) else shown(root / path)
        return known[path]

    return place


def observation_from_here(seen: Observation, place: Place) -> Observation:
    """An observation with all its paths changed, those of libraries left as they are."""
    return seen.model_copy(update={
        "test": rebased_test(seen.test, place),
        "path": place(seen.path),
        "exceptions": tuple(_exception(raised, place) for raised in seen.exceptions),
        "caught": tuple(_exception(raised, place) for raised in seen.caught),
        "warnings": tuple(one.model_copy(update={"path": place(one.path)}) for one in seen.warnings),
        "reached": tuple(rebased_test(key, place) for key in seen.reached),
        "lines": tuple(one.model_copy(update={"path": place(one.path)}) for one in seen.lines),
        "mocks": tuple(one.model_copy(update={"path": place(one.path)}) for one in seen.mocks),
    })


def outcome_from_here(outcome: Outcome, place: Place, paths: frozenset[str]) -> Outcome:
    """An outcome with its paths changed, in its reason those of `paths` that it names."""
    return outcome.model_copy(update={
        "test": rebased_test(outcome.test, place),
        "frame": _frame(outcome.frame, place) if outcome.frame is not None else None,
        "reason": re.sub(
            r"(?<![\w./-])[\w./-]+\.py(?![\w/-])",
            lambda match: place(match.group()) if match.group() in paths else match.group(), outcome.reason,
        ),
    })


def paths_of(seen: Observation) -> frozenset[str]:
    """The files of the project that an observation names."""
    frames = {frame.path for raised in (*seen.exceptions, *seen.caught) for frame in raised.frames if frame.in_app}
    return frozenset({seen.path, *frames, *(key.partition("::")[0] for key in seen.reached)})


def rebased_test(test: str, place: Place) -> str:
    """A node id whose path is told from elsewhere."""
    path, colons, rest = test.partition("::")
    return f"{place(path)}{colons}{rest}"


def _exception(raised: RaisedException, place: Place) -> RaisedException:
    return raised.model_copy(update={"frames": tuple(_frame(frame, place) for frame in raised.frames)})


def _frame(frame: Frame, place: Place) -> Frame:
    return frame.model_copy(update={"path": place(frame.path)}) if frame.in_app else frame
