"""What can be known of a model without asking it is said by the command before it reads a log or writes a record."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.demo import logs_path, script_path
from tests.e2e.command import ROOT, Said, bot, environment, record_of

CYCLE = ("cycle", "--focus", "message-routing", "--demo", "--state", "state")
CLAUDE = (*CYCLE, "--model", "claude-opus-5-5")
VERTEX = (*CYCLE, "--model", "vertex:claude-opus-5-5")
BEDROCK = (*CYCLE, "--model", "bedrock:global.anthropic.claude-opus-5-5")
KEY = {"ANTHROPIC_API_KEY": "sk-none"}
NO_CLOUD = {"NO_GCE_CHECK": "true", "AWS_EC2_METADATA_DISABLED": "true"}
AWS = {**NO_CLOUD, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}


def run(folder: Path, *arguments: str, config: str = "", **variables: str) -> Said:
    (folder / "bot.toml").write_text(config)
    return bot(*arguments, "--config", "bot.toml", cwd=folder, env=environment(HOME=str(folder), **variables))


def untouched(folder: Path) -> bool:
    return list(folder.glob("state/*/*/cycle-*")) == []


@pytest.mark.parametrize(("name", "words"), [
    ("", "--model: '' is not the name of a model"), (" ", "--model: ' ' is not the name of a model"),
    ("claude:", "the id of a model, as claude:MODEL"), ("vertex:", "as vertex:MODEL"),
    ("bedrock: ", "as bedrock:MODEL"),
    ("replay:", "the folder, as replay:DIR"), ("script:", "the folder, as script:DIR"), ("a b", "white space"),
    ("oracle:x", "There is no model provider 'oracle'"),
])
def test_a_model_that_is_none_on_the_command_line_is_usage(tmp_path: Path, name: str, words: str) -> None:
    said = run(tmp_path, *CYCLE, "--model", name)
    assert said.code == 2, said.everything
    assert words in said.everything
    assert "price" not in said.everything
    assert untouched(tmp_path)


@pytest.mark.parametrize(("config", "words"), [
    ('[model]\nname = ""', "model.name is wrong: '' is not the name of a model"),
    ('[model.step.plan]\nname = ""', "model.step.plan.name is wrong: '' is not the name of a model"),
    ('[model]\nname = "replay:"', "the folder, as replay:DIR"),
    ('[model]\nname = "oracle:x"', "There is no model provider 'oracle'"),
    ('[model.prices.x]\ninput = -1\noutput = 1', "model.prices.x.input is -1, but must be at least 0"),
    ("[model]\ntimeout_seconds = inf", "model.timeout_seconds is inf, but must be a finite number"),
])
def test_a_model_that_is_none_in_bot_toml_is_configuration(tmp_path: Path, config: str, words: str) -> None:
    said = run(tmp_path, "cycle", "--focus", "errors", "--logs", "file:none", "--state", "state", config=config)
    assert said.code == 3, said.everything
    assert words in said.everything
    assert untouched(tmp_path)


VERTEX_TOML = '[model.vertex]\nproject = "p"\nregion = "global"'
BEDROCK_TOML = '[model.bedrock]\nregion = "eu-west-1"'


@pytest.mark.parametrize(("arguments", "config", "variables", "words"), [
    (CLAUDE, "", {}, "There is no key for Claude"),
    (CLAUDE, "", {**KEY, "ANTHROPIC_BASE_URL": "nonsense"}, "What ANTHROPIC_BASE_URL says is not the address"),
    ((*CYCLE, "--model", "claude-next"), "", KEY, "The price of the model 'claude-next' is not known"),
    (VERTEX, VERTEX_TOML, NO_CLOUD, "There are no Google Cloud credentials"),
    (VERTEX, VERTEX_TOML, {**NO_CLOUD, "GOOGLE_APPLICATION_CREDENTIALS": "/nonexistent"}, "nonexistent"),
    (VERTEX, '[model.vertex]\nregion = "  "', NO_CLOUD, "' ' is not a region"),
    (BEDROCK, BEDROCK_TOML, NO_CLOUD, "There are no AWS credentials"),
    (BEDROCK, "", AWS, "in which region of AWS"),
    (BEDROCK, '[model.bedrock]\nregion = "no such region/.."', AWS, "'no such region/..' is not a region"),
], ids=["key", "address", "price", "login", "file", "blank region", "aws", "region", "wrong region"])
def test_what_is_missing_is_said_at_the_start(
    tmp_path: Path, arguments: tuple[str, ...], config: str, variables: dict[str, str], words: str,
) -> None:
    said = run(tmp_path, *arguments, config=config, **variables)
    assert said.code == 3, said.everything
    assert words in said.everything
    assert "Retrieve" not in said.everything
    assert untouched(tmp_path)


def without(folder: Path, package: str) -> str:
    """A PYTHONPATH on which a package cannot be imported."""
    (folder / "without").mkdir()
    (folder / "without" / f"{package}.py").write_text("raise ImportError('not installed')\n")
    return f"{folder / 'without'}:{ROOT}"


def test_without_boto3_it_does_not_start(tmp_path: Path) -> None:
    said = run(tmp_path, *BEDROCK, config=BEDROCK_TOML, PYTHONPATH=without(tmp_path, "boto3"), **AWS)
    assert said.code == 3, said.everything
    assert "pip install 'whybot[bedrock]'" in said.everything
    assert untouched(tmp_path)


def test_what_asks_no_model_needs_no_key_and_no_sdk(tmp_path: Path) -> None:
    path = without(tmp_path, "anthropic")
    for arguments in (("--help",), ("init", "--print")):
        assert bot(*arguments, cwd=tmp_path, env=environment(PYTHONPATH=path)).code == 0
    said = run(tmp_path, *CLAUDE, "--until", "retrieve", PYTHONPATH=path)
    assert said.code == 0, said.everything
    record = record_of(tmp_path / "state")
    # Going on needs the key, and leaves the record as it is while there is none.
    said = run(tmp_path, "resume", "--state", "state", "--until", "plan")
    assert said.code == 3, said.everything
    assert "There is no key for Claude" in said.everything
    assert record_of(tmp_path / "state") == record


def test_the_models_of_the_steps_that_are_asked_for_count(tmp_path: Path) -> None:
    config = f"[model]\nname = 'script:{script_path()}'\n[model.step.fix]\nname = 'claude-opus-5-5'"
    arguments = ("cycle", "--focus", "message-routing", "--logs", f"file:{logs_path()}", "--state", "state", "--until")
    said = run(tmp_path, *arguments, "fix", config=config)
    assert (said.code, untouched(tmp_path)) == (3, True), said.everything
    assert "There is no key for Claude" in said.everything
    said = run(tmp_path, *arguments, "plan", config=config)
    assert "key" not in said.everything
    assert not untouched(tmp_path)


def test_the_doctor_sees_every_placeholder(tmp_path: Path) -> None:
    said = run(tmp_path, "doctor", config='[model.vertex]\nproject = "PROJECT-ID"\n[model.prices.MODEL]\ninput = 1\n'
                                          'output = 2')
    assert said.code == 1
    assert "still says PROJECT-ID (project under [model.vertex]), MODEL ([model.prices.\"MODEL\"])" in said.everything


def test_a_key_beside_a_profile_is_not_remarked_on(tmp_path: Path) -> None:
    said = run(tmp_path, "doctor", ANTHROPIC_PROFILE="work", **KEY)
    assert "credentials are there" in said.everything
    assert "precedence" not in said.everything
