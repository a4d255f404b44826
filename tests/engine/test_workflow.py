from __future__ import annotations

import pkgutil
from pathlib import Path

import pytest

import bot.steps
from bot.domain.errors import ConfigProblem
from bot.domain.record import STEPS as NAMES
from bot.engine.workflow import load_workflow
from bot.resources import resource_folder
from bot.steps import STEPS

SHIPPED = resource_folder("workflows") / "remediation.toml"
HELPERS = {"asking", "believing", "bench", "context", "environment", "running", "showing"}


def test_the_shipped_workflow_is_in_order() -> None:
    workflow = load_workflow(SHIPPED, STEPS)
    assert [step.name for step in workflow.steps] == list(NAMES)
    assert [step.number for step in workflow.steps] == ["0", "1", "2", "2.1", "3", "4", "5", "6", "7", "8"]


def test_every_step_module_is_registered() -> None:
    modules = {module.name for module in pkgutil.iter_modules(bot.steps.__path__)} - HELPERS
    assert modules == set(STEPS), "register it in bot/steps/__init__.py"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("schema = 1", "schema = 2"), "wrong at schema"),
        (('name = "plan"', 'name = "plann"'), "'plann', which does not exist"),
        (('name = "plan"', 'name = "retrieve"'), "'retrieve' twice"),
        (('back_to = "write_tests"', 'back_to = "prove"'), "holds back to 'prove'"),
        (("cycles = 10", "cycles = 11"), "wrong at cycles"),
        (('title = "Remediation"', "title = "), "is not TOML"),
        (('ends = "tests rejected"', 'ends = "never"'), "wrong at step.5.hold.ends"),
    ],
)
def test_a_wrong_workflow_is_named(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    path = tmp_path / "remediation.toml"
    text = SHIPPED.read_text()
    assert change[0] in text
    path.write_text(text.replace(*change, 1))
    with pytest.raises(ConfigProblem, match=message):
        load_workflow(path, STEPS)


def test_a_step_before_what_it_takes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "remediation.toml"
    text = SHIPPED.read_text()
    path.write_text(text.replace('"five_whys"', '"x"').replace('"plan"', '"five_whys"').replace('"x"', '"plan"'))
    with pytest.raises(ConfigProblem, match="'plan' takes FiveWhys"):
        load_workflow(path, STEPS)


def test_a_missing_workflow_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigProblem, match="cannot be read"):
        load_workflow(tmp_path / "nowhere.toml", STEPS)
