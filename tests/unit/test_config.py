from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from bot.config import PRESETS, absolute_source, focus_named, load_config
from bot.config_mistakes import in_words
from bot.domain.config import BotConfig
from bot.domain.errors import ConfigProblem, UsageProblem
from bot.domain.logs import Severity

TEMPLATE = Path(__file__).parents[2] / "bot" / "template.toml"


def written(folder: Path, text: str) -> Path:
    path = folder / "bot.toml"
    path.write_text(text)
    return path


def test_without_a_file_the_presets_work() -> None:
    config = load_config(None)
    assert set(config.focus) == {"startup", "errors", "http-5xx", "message-routing"}
    assert focus_named(config, "errors").least_severity is Severity.ERROR


def test_a_focus_table_changes_just_the_keys_of_a_preset_that_it_gives(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, '[focus.startup]\nservices = ["shop"]\n[focus.checkout]\nterms = ["pay"]'))
    assert config.focus["startup"].services == ("shop",)
    assert config.focus["startup"].terms == PRESETS["startup"].terms
    assert config.focus["checkout"].title == "Checkout"
    assert "errors" in config.focus


def test_an_unknown_focus_names_those_there_are() -> None:
    with pytest.raises(UsageProblem, match=r"no focus 'mesage-routing'; there are errors, http-5xx, message-routing"):
        focus_named(load_config(None), "mesage-routing")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[modell]\n", r"there is no key 'modell' \(there are audit, budget, focus, forge"),
        ('[model]\nnam = "x"', r"there is no key 'model.nam' \(there are bedrock, effort, investigation"),
        ('[target.shop]\nrooot = "x"', r"there is no key 'target.shop.rooot' \(there are code, pytest_args"),
        ('[sandbox]\nkind = "jail"',
         r"sandbox.kind is 'jail', but may be 'auto', 'bubblewrap', 'container' or 'process'"),
        ("[limits]\nseconds = 0", "limits.seconds is 0, but must be more than 0"),
        ('[target.shop]\nroot = "../x"', "target.shop.root"),
        ('[focus.checkout]\nleast_severity = "LOUD"', "focus.checkout.least_severity is 'LOUD', but may be 'DEFAULT'"),
        *((f"[focus.errors]\nwindow_hours = {hours}", f"focus.errors.window_hours is {re.escape(hours)}, but must be ")
          for hours in ("nan", "inf", "-inf", "1e+308", "99999", "8784.5", "0", "-1")),
        ("[logs]\ncommit_label = 'x'", r"there is no key 'logs.commit_label' \(there are commit, project, source\)"),
        ("[logs.commit]\nsources = ['tag']", "logs.commit.sources.0 is 'tag', but must be text of the form "),
        ("[logs.commit]\nrevision_pattern = '[0-9a-f]+'", "has 0 groups; exactly one must hold the commit"),
        ("[logs.commit]\nimage_pattern = '('", "is not a regular expression"),
        ("[[mute]]\nfingerprint = 'x'\nuntil = 2026-01-01\nwhy = 'y'",
         "mute.0.fingerprint is 'x', but must be text of the form "),
        ("[[mute]]\nfingerprint = 'v1-0123456789abcdef'\nwhy = 'y'", "mute.0.until is missing"),
        ("[[mute]]\ntill = 2026-01-01", r"there is no key 'mute.0.till' \(there are fingerprint, until, why\)"),
        ("focus = 3", "focus is 3, but must be a table"),
        ("[model\n", "is not TOML"),
        ("model = 3", "model is 3, but must be a table"),
        ("[model]\ninvestigation = 'all'", "model.investigation is 'all', but must be a table"),
        ("[target]\nshop = []", "target.shop is empty, but must be a table"),
        ("[mute]\nwhy = 'x'", "mute is a table, but must be a list"),
        ("[model.step.nope]\nname = 'x'",
         r"no 'nope' under \[model.step\] \(there are five_whys, plan, write_tests, fix\)"),
        ("[target.shop]\ncode = []", "target.shop.code is empty, but must be a list of at least 1 item"),
        ("[logs]\nproject = 3", "logs.project is 3, but must be text in quotation marks"),
        ("[policy]\nlabels = ['ok', '" + 51 * "x" + "']",
         "policy.labels.1 .* but must be text of at most 50 characters"),
        ("[model.prices.'a.b']\ninput = 1", r'model.prices."a.b".output is missing'),
    ],
)
def test_a_wrong_key_is_named_with_what_is_allowed(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigProblem, match=message):
        load_config(written(tmp_path, text))


NUMBERS = (
    "limits.seconds", "limits.output_bytes", "limits.processes", "limits.memory_bytes", "limits.disk_bytes",
    "target.shop.setup_seconds", "model.most_output_tokens", "model.timeout_seconds", "model.pack_tokens",
    "model.step.plan.most_output_tokens", "model.investigation.most_turns", "model.investigation.most_tokens",
    "model.investigation.most_usd", "model.investigation.most_seconds", "model.prices.m.input",
    "model.prices.m.output", "model.prices.m.cache_read", "model.prices.m.cache_write", "budget.usd_per_cycle",
    "budget.usd_per_day", "budget.tokens_per_cycle", "policy.commands_per_hour", "policy.most_body_chars",
    "proof.reruns", "proof.mutants", "proof.workers",
    "service.redis.seconds",
    "focus.errors.window_hours",
)


@pytest.mark.parametrize("value", ["inf", "-inf", "nan", "1e300", "1" + 40 * "0", "-1", "true", "'many'", "[1]"])
@pytest.mark.parametrize("key", NUMBERS)
def test_every_number_is_finite_bounded_and_a_number(tmp_path: Path, key: str, value: str) -> None:
    table, _, name = key.rpartition(".")
    with pytest.raises(ConfigProblem) as caught:
        load_config(written(tmp_path, f"[{table}]\n{name} = {value}"))
    assert f"{key} is " in caught.value.what
    if value in {"inf", "-inf", "nan"}:
        assert re.search("must be a (finite|whole) number", caught.value.what)
    assert not re.search("input should|valid |Config|Focus", caught.value.what)


def test_no_number_is_left_out_above() -> None:
    def numbers(model: type[BaseModel], place: str) -> Iterator[str]:
        for name, field in model.model_fields.items():
            inside = get_args(field.annotation)
            parts = [field.annotation, *inside, *(part for each in inside for part in get_args(each))]
            tables = [part for part in parts if isinstance(part, type) and issubclass(part, BaseModel)]
            if tables:
                inner = "" if tables[0] is field.annotation else {"target": ".shop", "step": ".plan", "prices": ".m",
                                                                   "focus": ".errors",
                                                                   "service": ".redis"}.get(name, ".0")
                yield from numbers(tables[0], f"{place}{name}{inner}.")
            elif {int, float, Decimal} & set(parts):
                yield f"{place}{name}"

    # Any number is sent in a filter as a status: none overflows.
    assert set(numbers(BotConfig, "")) == {*NUMBERS, "focus.errors.least_http_status"}


@pytest.mark.parametrize(("text", "message"), [
    ("input = -1\noutput = 1", "input is -1, but must be at least 0"),
    ("input = 1\noutput = 100_001", "output is 100001, but must be at most 100000"),
    ("input = 1\noutput = 1\ncache_read = '-0.1'", "cache_read is '-0.1', but must be at least 0"),
    ("input = 1\noutput = 1\ncache_write = 'NaN'", "cache_write is 'NaN', but must be a finite number"),
    ("input = 1\noutput = '1e-400'", "output is '1e-400', but must be a number with at most 9 decimal places"),
    ("input = '…'\noutput = '…'", "input still says …, where a value of yours has to stand; .*output still says …"),
])
def test_no_price_switches_off_the_budget(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigProblem, match=message):
        load_config(written(tmp_path, f"[model.prices.m]\n{text}"))


@pytest.mark.parametrize("key", ["model.name", "model.step.plan.name"])
@pytest.mark.parametrize(("name", "message"), [
    ("", "'' is not the name of a model"), (" ", "' ' is not"), ("claude:", "the id of a model, as claude:MODEL"),
    ("vertex:", "vertex:MODEL"), ("bedrock: ", "bedrock:MODEL"), ("replay:", "the folder, as replay:DIR"),
    ("script:  ", "the folder, as script:DIR"), (" claude-opus-5-5", "white space"), ("vertex:a b", "white space"),
    ("claude\\u0000", "control characters"), ("script:a\\u0000", "control characters"),
])
def test_a_name_that_names_no_model(tmp_path: Path, key: str, name: str, message: str) -> None:
    table, _, last = key.rpartition(".")
    with pytest.raises(ConfigProblem, match=message) as caught:
        load_config(written(tmp_path, f'[{table}]\n{last} = "{name}"'))
    assert f"{key} is wrong: " in caught.value.what


@pytest.mark.parametrize("name", ["claude-opus-5-5", "claude:x", "vertex:claude@2026", "script:a folder", "replay:."])
def test_a_name_of_a_model(tmp_path: Path, name: str) -> None:
    assert load_config(written(tmp_path, f'[model]\nname = "{name}"')).model.name.startswith(name.partition(":")[0])


@pytest.mark.parametrize("key", ["vertex.region", "bedrock.region", "vertex.project"])
@pytest.mark.parametrize("value", [" ", "no such region/..", "a?b", "x/y", 101 * "x"])
def test_a_region_and_a_project_go_into_addresses(tmp_path: Path, key: str, value: str) -> None:
    table, _, name = key.partition(".")
    with pytest.raises(ConfigProblem, match=rf"model.{key} is wrong: '{re.escape(value)}' is not "):
        load_config(written(tmp_path, f"[model.{table}]\n{name} = '{value}'"))


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["model", "step", "prices", "target", "plan", "name", "focus", "errors", "mute", "root"])
        | st.text(max_size=3), inner, max_size=3), max_leaves=12))
@settings(max_examples=120, deadline=None)
def test_whatever_is_wrong_is_said_in_words(document: object) -> None:
    try:
        BotConfig.model_validate(document)
    except ValidationError as error:
        said = in_words(error)
        assert said
        assert "\n" not in said
        assert not re.search(r"Input should|Config\b|\[key\]|function-", said)


def test_a_mute_and_a_rule_for_commits_are_read(tmp_path: Path) -> None:
    config = load_config(written(
        tmp_path, "[logs.commit]\nsources = ['image', 'label:sha']\n[[mute]]\nfingerprint = 'v1-0123456789abcdef'\n"
        "until = 2026-01-31\nwhy = 'the vendor knows'",
    ))
    assert config.logs.commit.sources == ("image", "label:sha")
    assert [(mute.until, mute.why) for mute in config.mute] == [(date(2026, 1, 31), "the vendor knows")]


def test_a_year_is_a_window(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, "[focus.errors]\nwindow_hours = 8784\n"))
    assert config.focus["errors"].window_hours == 8784


def test_a_source_is_found_from_everywhere_and_its_links_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "self").symlink_to("self")
    (tmp_path / "link").symlink_to("a.ndjson")
    for name in ("self", "link", "logs/a.ndjson"):
        assert absolute_source(f"file:{name}", tmp_path) == f"file:{tmp_path / name}"
    assert absolute_source("file:/dev/stdin", tmp_path) == "file:/dev/stdin"
    assert absolute_source("file:-", tmp_path) == "file:-"
    config = load_config(written(tmp_path, '[logs]\nsource = "file:link"\n'))
    assert config.logs.source == f"file:{tmp_path / 'link'}"


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(ConfigProblem, match="cannot be read"):
        load_config(tmp_path / "bot.toml")
    (tmp_path / "bot.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigProblem, match="not UTF-8"):
        load_config(tmp_path / "bot.toml")


def test_the_commented_template_is_valid_with_and_without_its_comments(tmp_path: Path) -> None:
    text = TEMPLATE.read_text()
    config = load_config(written(tmp_path, text))
    assert set(config.target) == {"SERVICE"}
    uncommented = []
    for line in text.splitlines():
        bare = line.removeprefix("# ")
        uncommented.append(bare if line.startswith("# ") and (" = " in bare or bare.startswith("[")) else line)
    with pytest.raises(ConfigProblem, match=r"model.prices.MODEL.input still says …"):
        load_config(written(tmp_path, "\n".join(uncommented)))
    whole = load_config(written(tmp_path, "\n".join(uncommented).replace('"…"', "3")))
    defaults = load_config(None)
    assert whole.limits == defaults.limits
    assert whole.budget == defaults.budget
    assert whole.sandbox == defaults.sandbox
    assert whole.forge == defaults.forge
    assert whole.policy == defaults.policy
    assert whole.model.name == defaults.model.name
