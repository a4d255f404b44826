"""Stopped at every call to the forge, before it and after it took effect: done again, all is as if nothing had been."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bot.adapters.local_forge import LocalForge
from bot.domain.effects import Annotation, Effect, IssueKey, RecordedEffect
from bot.domain.errors import ForgeProblem
from bot.ports import Forge
from tests.engine.publishing import TARGET, Bench, Desk, check, comment, issue, pull, reply, tracking

OTHER = IssueKey(repository="acme/shop", fingerprint="v1-ffffffffffffffff")
EARLIER = "20251106T081500Z-0a1b2c"
MOST_CALLS = 60


class Killed(BaseException):
    """The process is gone."""


class Interrupted:
    """A forge that stops at one call. `after`: it took effect, and the answer is lost."""

    def __init__(self, forge: Forge, at: int, after: bool, error: BaseException) -> None:
        self._forge = forge
        self._left = at
        self._after = after
        self._error = error
        self.stopped_in = ""

    def __getattr__(self, name: str) -> object:
        found = getattr(self._forge, name)
        if not callable(found):
            return found

        def call(*given: object, **more: object) -> object:
            self._left -= 1
            if self._left == 0:
                self.stopped_in = name
                if self._after:
                    result = found(*given, **more)
                    list(result) if name in {"issues", "comments", "pulls", "checks"} else None
                raise self._error
            return found(*given, **more)

        return call


def snapshot(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*.md"))}


def try_all_calls(
    bench: Bench, effects: Sequence[Effect], prepare: Callable[[Forge], None], tmp_path: Path,
    put_back: Callable[[], None] = lambda: None,
) -> int:
    """Interrupt at each call in turn; return how many there are."""
    workspace = bench.workspace if "_world" in vars(bench) else None

    def fresh(name: str) -> tuple[Forge, Path]:
        folder = tmp_path / name
        shutil.rmtree(folder, ignore_errors=True)
        put_back()
        forge = LocalForge(folder, workspace)  # type: ignore[arg-type]
        prepare(forge)
        return forge, folder

    def desk(forge: object) -> Desk:
        made = Desk(lambda: forge, workspace, None)  # type: ignore[arg-type,return-value]
        made.scope = made.scope.model_copy(update={"base": bench.scope.base})
        return made

    forge, folder = fresh("whole")
    desk(forge).apply_all(effects)
    wanted = snapshot(folder)
    assert wanted
    for at in range(1, MOST_CALLS):
        stopped = ""
        for after in (False, True):
            for resumed in (False, True):
                error: BaseException = Killed() if resumed else ForgeProblem("Time-out.", "")
                forge, folder = fresh("interrupted")
                first = Interrupted(forge, at, after, error)
                known = [RecordedEffect(effect=effect) for effect in effects]
                stopping = desk(first)
                try:
                    for index, effect in enumerate(effects):
                        receipt = stopping.publisher.apply(effect, stopping.scope, known, TARGET)
                        known[index] = RecordedEffect(effect=effect, receipt=receipt)
                except (Killed, ForgeProblem):
                    assert first.stopped_in
                again = desk(forge)
                # A record knows what was done; a file that is published again does not.
                known = known if resumed else [RecordedEffect(effect=effect) for effect in effects]
                for index, effect in enumerate(effects):
                    if known[index].receipt is None:
                        receipt = again.publisher.apply(effect, again.scope, known, TARGET)
                        known[index] = RecordedEffect(effect=effect, receipt=receipt)
                assert snapshot(folder) == wanted, (at, first.stopped_in, after, resumed)
                stopped = first.stopped_in
        if not stopped:
            return at - 1
    raise AssertionError("more calls than expected")


def nothing(forge: Forge) -> None:
    """An empty forge."""


def back_again(forge: Forge) -> None:
    """An issue of an earlier cycle that was closed, and a related one."""
    earlier = Desk(lambda: forge, None, None, run=EARLIER)
    earlier.apply(issue(priority="P2"))
    forge.close_issue(1, "completed")
    forge.create_issue("Other", f"<!-- whybot:{OTHER} -->", ())


def twins(forge: Forge) -> None:
    """Two open issues for the same incident, and a third that was closed."""
    earlier = Desk(lambda: forge, None, None, run=EARLIER)
    earlier.apply(issue(priority="P2"))
    (body,) = [one.body for one in forge.issues()]
    for number in (2, 3):
        assert forge.create_issue("Twin", body, ()).number == number
    forge.close_issue(3, "completed")


TEXTS = (
    tracking(), issue(priority="P0", related=(OTHER,), news="It is back."), comment("one"), comment("two"), reply(1),
    tracking(body="| 1 | done |", open=False),
)


@pytest.mark.parametrize("prepare", [nothing, back_again, twins])
def test_texts(tmp_path: Path, prepare: Callable[[Forge], None]) -> None:
    first = TEXTS if prepare is nothing else TEXTS[1:]
    calls = try_all_calls(Bench(tmp_path), first, prepare, tmp_path)
    assert calls > 12


def test_a_branch_its_pull_request_and_its_check(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    head = bench.commit()
    remark = Annotation(path="shop/app.py", start_line=1, end_line=1, level="warning", title="t", message="m")

    def put_back() -> None:
        (bench.clone / ".git/refs/heads/whybot/x").unlink(missing_ok=True)

    effects = (issue(), bench.branch(head), pull(), check(head, annotations=(remark,)))
    assert try_all_calls(bench, effects, nothing, tmp_path, put_back) == 9
