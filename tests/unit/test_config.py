from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from bot.config import PRESETS, absolute_source, focus_named, load_config
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
        ("[modell]\n", r"there is no key 'modell' \(there are budget, focus, forge"),
        ('[model]\nnam = "x"', r"there is no key 'model.nam' \(there are bedrock, effort, investigation"),
        ('[target.shop]\nrooot = "x"', r"there is no key 'target.shop.rooot' \(there are code, pytest_args"),
        ('[sandbox]\nkind = "jail"', r"sandbox.kind is 'jail', but may be 'auto', 'bubblewrap' or 'process'"),
        ("[limits]\nseconds = 0", "limits.seconds: input should be greater than 0"),
        ('[target.shop]\nroot = "../x"', "target.shop.root"),
        ('[focus.checkout]\nleast_severity = "LOUD"', "focus.checkout.least_severity is 'LOUD', but may be 'DEFAULT'"),
        *((f"[focus.errors]\nwindow_hours = {hours}", "focus.errors.window_hours: input should be ")
          for hours in ("nan", "inf", "-inf", "1e308", "99999999", "8784.5", "0", "-1")),
        ("[logs]\ncommit_label = 'x'", r"there is no key 'logs.commit_label' \(there are commit, project, source\)"),
        ("[logs.commit]\nsources = ['tag']", "logs.commit.sources.0: "),
        ("[logs.commit]\nrevision_pattern = '[0-9a-f]+'", "has 0 groups; exactly one must hold the commit"),
        ("[logs.commit]\nimage_pattern = '('", "is not a regular expression"),
        ("[[mute]]\nfingerprint = 'x'\nuntil = 2026-01-01\nwhy = 'y'", "mute.0.fingerprint: "),
        ("[[mute]]\nfingerprint = 'v1-0123456789abcdef'\nwhy = 'y'", "mute.0.until: field required"),
        ("[[mute]]\ntill = 2026-01-01", r"there is no key 'mute.0.till' \(there are fingerprint, until, why\)"),
        ("focus = 3", "focus: input should be a valid dictionary"),
        ("[model\n", "is not TOML"),
    ],
)
def test_a_wrong_key_is_named_with_what_is_allowed(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigProblem, match=message):
        load_config(written(tmp_path, text))


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
    whole = load_config(written(tmp_path, "\n".join(uncommented)))
    defaults = load_config(None)
    assert whole.limits == defaults.limits
    assert whole.budget == defaults.budget
    assert whole.sandbox == defaults.sandbox
    assert whole.forge == defaults.forge
    assert whole.model.name == defaults.model.name
