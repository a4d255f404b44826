from __future__ import annotations

import re
from pathlib import Path

from bot.domain.errors import FAMILIES, AnswerRefused, BotError, Interrupted, ModelProblem

ROOT = Path(__file__).parents[2]


def test_each_family_has_its_own_exit_code_and_the_readme_names_them() -> None:
    assert [family.exit_code for family in FAMILIES] == list(range(2, 12))
    readme = (ROOT / "README.md").read_text()
    (listed,) = re.findall(r"\*\*Exit codes\*\*: (.*?)130 interrupted", readme, re.DOTALL)
    assert [int(number) for number in re.findall(r"(?:^|· )(\d+) ", listed)] == [0, 1, *range(2, 12), 70]


def test_every_error_of_ours_is_of_a_family() -> None:
    def below(kind: type[BotError]) -> set[type[BotError]]:
        return {kind, *(found for child in kind.__subclasses__() for found in below(child))}

    for kind in below(BotError) - {BotError, Interrupted}:
        assert issubclass(kind, FAMILIES), kind
    assert AnswerRefused.exit_code == ModelProblem.exit_code


def test_an_error_says_what_happened_and_what_to_do() -> None:
    assert str(ModelProblem("It did not answer.", "Ask again.")) == "It did not answer. Ask again."
