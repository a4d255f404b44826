"""A whole cycle published to a GitHub on which each request fails once: each kind of fault, never a duplicate."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.adapters.directory_store import DirectoryStore
from bot.domain.errors import ForgeProblem
from tests.e2e.github_cycle import APP, everything, live, served
from tests.e2e.github_cycle import TOKEN as APP_TOKEN
from tests.e2e.github_faults import ENDING, KINDS, TOKEN, Office, Storm, pattern_of, portion
from tests.engine.github_driver import cycle, prepare, recorded
from tests.fakes.github_api import every_kind
from tests.once import once

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return once(tmp_path_factory, "live-on-github", live)


@pytest.fixture(scope="module")
def office(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Office:
    return Office(made, tmp_path_factory.mktemp("office"))


@pytest.fixture(scope="module")
def undisturbed(office: Office) -> tuple[dict[str, object], list[str]]:
    return office.requests()


def check_words(storm: Storm) -> None:
    """Whatever was not done was said, by an error of the forge's or in a receipt."""
    for run in storm.runs:
        if run.error is not None:
            assert isinstance(run.error, ForgeProblem)
            assert (run.error.exit_code, run.error.family) == (9, "forge")
            assert len(run.error.what) > 30
            assert run.error.remedy
            assert TOKEN not in str(run.error)
        assert all(run.missing)


# To the bot a 502 is a 500; the table of all kinds has both.
@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.startswith("502")])
def test_each_request_fails_once(office: Office, undisturbed: tuple[dict[str, object], list[str]], kind: str) -> None:
    wanted, patterns = undisturbed
    assert len(patterns) >= 25
    struck = portion(kind, patterns)
    storm = office.storm(kind, struck)
    check_words(storm)
    # A thing that answers 404 is taken for one that is not there, so what follows on it is not asked.
    assert len(struck) - 1 <= storm.faults <= len(struck)
    assert storm.runs[-1].github == wanted
    for run in storm.runs:
        assert run.error is not None or run.missing or run.github == wanted, "what is not there is said"
    for run in storm.runs:
        assert len(run.github["issues"]) <= 2  # type: ignore[arg-type]
        assert max(len(run.github[what]) for what in ("comments", "pulls", "checks")) <= 1  # type: ignore[arg-type]
    if struck == patterns:
        # Only what may have taken effect unheard, and git itself, is left to the next run.
        assert storm.healed >= 19


def test_each_request_is_hit_by_faults_that_end_a_run(undisturbed: tuple[dict[str, object], list[str]]) -> None:
    _, patterns = undisturbed
    hit = [pattern for kind in ENDING for pattern in portion(kind, patterns)]
    assert {hit.count(pattern) for pattern in patterns} == {2}


@pytest.mark.parametrize("kind", ["403", "500 after the effect"])
def test_each_request_of_a_regression_fails_once(made: Path, tmp_path: Path, kind: str) -> None:
    office = Office(made, tmp_path, back=True)
    wanted, patterns = office.requests()
    assert any("PATCH" in pattern and "issues/1$" in pattern for pattern in patterns)
    storm = office.storm(kind, patterns)
    check_words(storm)
    assert storm.runs[-1].github == wanted


def test_an_issue_that_is_said_to_be_gone_and_is_not(made: Path, tmp_path: Path) -> None:
    """It is made anew, as the receipt says; of the two the one that is open is brought up to date from then on."""
    office = Office(made, tmp_path, back=True)
    wanted, patterns = office.requests()
    storm = office.storm("404", [pattern for pattern in patterns if pattern.endswith("issues/1$") and "GET" in pattern])
    assert storm.faults == 1
    assert any("not there any more" in receipt.note for receipt in storm.runs[0].receipts)
    issues = storm.runs[-1].github["issues"]
    assert isinstance(issues, dict)
    assert len([one for one in issues.values() if one[2] == "open"]) == len(wanted["issues"])  # type: ignore[arg-type]


class Live:
    """A cycle on GitHub that is run until it is through: the errors that it met, and the whole of GitHub."""

    def __init__(self, made: Path, folder: Path, kind: str, patterns: list[str]) -> None:
        record, state = recorded(made), folder / "state"
        prepare(made, state)
        self.errors: list[ForgeProblem] = []
        with served(folder, {APP_TOKEN: APP}) as hub:
            for pattern in patterns:
                fault = every_kind()[kind]
                fault.method, fault.path = pattern.split(" ", 1)
                hub.faults.append(fault)
            while len(self.errors) <= len(patterns):
                try:
                    cycle(record, made / "bot.toml", state, hub.url)
                    break
                except ForgeProblem as problem:
                    self.errors.append(problem)
            self.faults = len(patterns) - sum(fault.times for fault in hub.faults)
            self.github = everything(hub)
            receipts = [item.receipt for item in DirectoryStore(state).load(record.ref).effects() if item.receipt]
            self.missing = [receipt.note for receipt in receipts if receipt.did == "not published"]
            self.patterns = list(dict.fromkeys(map(pattern_of, hub.requests)))


def test_a_live_cycle_is_resumed(made: Path, tmp_path: Path) -> None:
    undisturbed = Live(made, tmp_path / "undisturbed", "500", [])
    assert undisturbed.errors == []
    for kind in ("401", "cut after the effect"):
        live_cycle = Live(made, tmp_path / kind, kind, undisturbed.patterns)
        assert live_cycle.errors, "something in it cannot be healed on the spot"
        assert all(error.exit_code == 9 and error.remedy for error in live_cycle.errors)
        assert live_cycle.faults >= len(undisturbed.patterns) - 1
        assert live_cycle.missing == []
        assert live_cycle.github == undisturbed.github, kind
    # A check is a convenience: without the permission the cycle goes on, and says so.
    checks = [pattern for pattern in undisturbed.patterns if pattern.startswith("POST") and "check" in pattern]
    without = Live(made, tmp_path / "without", "403", checks)
    assert (without.errors, without.faults, without.github["checks"]) == ([], 1, [])
    assert ["checks: write" in note for note in without.missing] == [True]
    for what in ("issues", "branches", "pulls"):
        assert len(without.github[what]) == len(undisturbed.github[what])  # type: ignore[arg-type]
