"""`bot audit` as a person runs it: in a strange repository, without configuration, git or network."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bot.audit_command import AuditOptions, run_audit, show_rules
from bot.domain.errors import BotError
from tests.e2e.command import bot, environment

FAKE = """\
import unittest.mock

from shop import price


def test_price():
    assert price(2) == 20


def test_is_fine():
    assert True


def test_renamed():
    assert price(amount=2) == 20
"""
SHOP = "def price(count):\n    return 10 * count\n"
PLAN: dict[str, object] = {
    "summary": "Prices.",
    "tests": [{
        "name": "test_discount", "path": "tests/test_shop.py", "level": "unit", "difficulty": "normal", "purpose": "p",
        "expectation": {
            "failure": "assertion", "message": "18", "reaches": {"path": "shop.py", "function": "price"},
        },
    }],
}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A small project that has nothing but code and tests."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "tests/test_shop.py").write_text(FAKE)
    return tmp_path


def test_a_strange_folder_is_audited_at_once(shop: Path) -> None:
    before = sorted(shop.rglob("*"))
    said = bot("audit", "tests", cwd=shop)
    assert said.code == 1
    assert "tests/test_shop.py:11: error[tautology] " in said.out
    assert "tests/test_shop.py:15: error[wrong-signature] " in said.out
    assert "\nHOLD: 2 errors of 2 rules: " in said.out
    assert "What must change:" in said.out
    assert said.err == ""
    assert sorted(shop.rglob("*")) == before, "nothing is left behind"


def test_for_programs_and_narrowed_to_one_test(shop: Path) -> None:
    said = bot("audit", "tests", "--format", "json", cwd=shop)
    document = said.json()
    assert (said.code, document["recommendation"]) == (1, "HOLD")
    assert document["tests"] == [
        {"test": "tests/test_shop.py::test_price", "verdict": "good"},
        {"test": "tests/test_shop.py::test_is_fine", "verdict": "defect"},
        {"test": "tests/test_shop.py::test_renamed", "verdict": "defect"},
    ]
    one = bot("audit", "tests/test_shop.py::test_price", "--format", "json", cwd=shop)
    assert (one.code, one.json()["findings"]) == (0, [])
    assert bot("audit", "tests/test_shop.py::test_gone", cwd=shop).code == 2


def test_tests_and_code_in_different_places(tmp_path: Path) -> None:
    for path, text in (("samples/tests/test_x.py", FAKE), ("samples/src/shop.py", SHOP)):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "else").mkdir()
    said = bot("audit", "../samples/tests/test_x.py", "--implementation", "../samples/src", "--format", "json",
               cwd=tmp_path / "else")
    found = said.json()["findings"]
    assert isinstance(found, list)
    assert {item["path"] for item in found} == {"../samples/tests/test_x.py"}
    assert {item["rule"] for item in found} == {"tautology", "wrong-signature"}


def test_github_gets_annotations_and_a_summary(shop: Path) -> None:
    summary = shop / "summary.md"
    summary.write_text("before\n")
    said = bot("audit", "tests", "--format", "github", cwd=shop, env=environment(GITHUB_STEP_SUMMARY=str(summary)))
    lines = said.out.splitlines()
    assert [line.split(" ")[0] for line in lines] == ["::error", "::error", "::notice"]
    assert lines[0].startswith("::error file=tests/test_shop.py,line=")
    assert summary.read_text().startswith("before\n# Test audit\n")
    (shop / "folder").mkdir()
    unwritable = environment(GITHUB_STEP_SUMMARY=str(shop / "folder"))
    odd = bot("audit", "tests", "--format", "github", cwd=shop, env=unwritable)
    assert odd.out == said.out
    assert "summary of this step cannot be written" in odd.err


@pytest.fixture
def inside(shop: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project as the current folder, for what needs no process of its own."""
    monkeypatch.chdir(shop)
    return shop


def refused(**given: object) -> BotError:
    with pytest.raises(BotError) as refusal:
        run_audit(AuditOptions(**{"paths": ("tests",), **given}))  # type: ignore[arg-type]
    return refusal.value


@pytest.mark.parametrize("form", ["text", "markdown", "sarif", "json"])
def test_a_hostile_file_gives_no_command(inside: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    (inside / "tests/test_shop.py").write_text(
        '"""\n::error::pwned\n"""\n\n\ndef test_x():\n    assert "::stop-commands::x ##[error]y" == \\\n'
        '        "::stop-commands::x ##[error]y"\n'
    )
    (inside / "tests/test_y.py").write_text("::error::pwned\n")
    assert run_audit(AuditOptions(("tests",), format=form)) == 1
    out = capsys.readouterr().out
    assert "stop-commands" in out
    assert "pwned" in out or form == "markdown", "which shows no code"
    assert not [line for line in out.splitlines() if line.strip().startswith("::") or "##[" in line]


@pytest.mark.parametrize("form", ["text", "json", "sarif", "markdown"])
def test_the_result_can_go_to_a_file(inside: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    assert run_audit(AuditOptions(("tests",), format=form, output=Path("result"))) == 1
    assert capsys.readouterr().out == ""
    text = (inside / "result").read_text()
    assert "tautology" in text
    if form in {"json", "sarif"}:
        json.loads(text)
    assert refused(format=form, output=Path("no/where")).exit_code == 3


def test_what_counts_as_a_failure(inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    test = inside / "tests/test_shop.py"
    test.write_text(
        "from shop import price\n\n\ndef test_price():\n    assert price(2) == 20\n    assert price is price\n"
    )
    assert run_audit(AuditOptions(("tests",), format="json")) == 0
    held = json.loads(capsys.readouterr().out)
    assert held["recommendation"] == "GO"
    assert held["findings"], "this test needs a warning"
    assert run_audit(AuditOptions(("tests",), fail_on="finding")) == 1
    test.write_text(test.read_text().replace("is price\n", "is price  # bot: allow tautology for show\n"))
    assert run_audit(AuditOptions(("tests",), fail_on="finding")) == 0
    for useless in ("no-such-rule for show", "tautology", "no-assert for show"):
        test.write_text(test.read_text().partition("  # bot")[0] + f"  # bot: allow {useless}\n")
        assert run_audit(AuditOptions(("tests",), fail_on="finding")) == 1, useless


def test_the_rules_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert show_rules((), "text") == 0
    assert "unreadable-file" in capsys.readouterr().out
    assert show_rules(("tautology", "no-assert"), "text") == 0
    assert capsys.readouterr().out.count("Not so:") == 2
    assert show_rules((), "json") == 0
    assert len(json.loads(capsys.readouterr().out)["rules"]) > 20
    with pytest.raises(BotError, match="no rule 'no-such-rule'"):
        show_rules(("no-such-rule",), "text")


def test_tests_are_held_to_a_plan(inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (inside / "plan.json").write_text(json.dumps(PLAN))
    run_audit(AuditOptions(("tests",), format="json", plan=Path("plan.json")))
    assert "1 of 1 planned test missing" in capsys.readouterr().out
    (inside / "plan.toml").write_text(
        'summary = "Prices."\n[[tests]]\nname = "test_price"\npath = "tests/test_shop.py"\nlevel = "unit"\n'
        'difficulty = "normal"\npurpose = "p"\n[tests.expectation]\nfailure = "assertion"\nmessage = "18"\n'
        'reaches = {path = "shop.py", function = "price"}\n'
    )
    run_audit(AuditOptions(("tests",), format="json", plan=Path("plan.toml")))
    assert "missing" not in capsys.readouterr().out


def test_a_plan_is_found_from_below_the_root(inside: Path, monkeypatch: pytest.MonkeyPatch,
                                             capsys: pytest.CaptureFixture[str]) -> None:
    (inside / "pyproject.toml").write_text("")
    (inside / "plan.json").write_text(json.dumps(PLAN).replace("test_discount", "test_price"))
    monkeypatch.chdir(inside / "tests")
    run_audit(AuditOptions(("test_shop.py",), format="json", plan=Path("../plan.json")))
    assert "missing" not in capsys.readouterr().out


@pytest.mark.parametrize(("name", "text", "words"), [
    ("a.json", json.dumps(PLAN).replace('"unit"', '"huge"'), "`tests[0].level`"),
    ("b.json", json.dumps({**PLAN, "more": 1}), "`more`"),
    ("c.json", "{", "not JSON"),
    ("d.toml", "=", "not TOML"),
    ("e.json", "[" * 50_000, "not JSON"),
], ids=["value", "key", "json", "toml", "deep"])
def test_a_plan_that_is_none_is_told_by_its_key(inside: Path, name: str, text: str, words: str) -> None:
    (inside / name).write_text(text)
    problem = refused(plan=Path(name))
    assert (problem.exit_code, words in problem.what) == (3, True), problem.what


@pytest.mark.parametrize(("given", "code", "words"), [
    ({"paths": ("nowhere",)}, 2, "There is no file or folder 'nowhere'."),
    ({"paths": ("empty",)}, 2, "There is no test file in empty: looked for test_*.py or *_test.py"),
    ({"implementation": ("nowhere",)}, 2, "'nowhere'"),
    ({"format": "xml"}, 2, "--format is 'xml'."),
    ({"fail_on": "x"}, 2, "--fail-on is 'x'."),
    ({"sandbox": "x"}, 2, "--sandbox is 'x'."),
    ({"format": "github", "output": Path("x")}, 2, "does not go with"),
    ({"junit": (Path("x.xml"),), "run": True}, 2, "The results x.xml cannot be read"),
    ({"output": Path("empty")}, 3, "it is a folder"),
    ({"output": Path("no/x")}, 3, "in no folder"),
    ({"config": Path("nowhere.toml")}, 3, "nowhere.toml"),
    ({"plan": Path("nowhere.json")}, 2, "nowhere.json"),
], ids=["path", "empty", "implementation", "format", "fail-on", "sandbox", "output", "junit", "to-folder",
        "to-nowhere", "config", "plan"])
def test_what_does_not_fit_is_said(inside: Path, given: dict[str, object], code: int, words: str) -> None:
    (inside / "empty").mkdir()
    problem = refused(**given)
    assert problem.exit_code == code
    assert words in problem.what


def test_with_json_an_error_is_a_document(shop: Path) -> None:
    said = bot("audit", "nowhere", "--format", "json", cwd=shop)
    assert (said.code, said.json()["family"]) == (2, "usage")


def test_bot_toml_says_what_the_code_is(inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (inside / "shop.py").write_text("def cost(count):\n    return 10 * count\n")
    (inside / "bot.toml").write_text('[target.shop]\ncode = ["shop.py"]\n')
    run_audit(AuditOptions(("tests",)))
    assert "missing-symbol" in capsys.readouterr().out
    (inside / "bot.toml").write_text("[target.shop]\ncodes = 1\n")
    assert refused().exit_code == 3


def test_bot_toml_says_which_rules_are_not_asked(inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (inside / "bot.toml").write_text('[audit]\nignore = ["tautology"]\n')
    assert run_audit(AuditOptions(("tests",))) == 1
    out = capsys.readouterr().out
    assert "[tautology]" not in out
    assert "[wrong-signature]" in out
    assert "Not asked, as bot.toml says: tautology." in out
    (inside / "bot.toml").write_text('[audit]\nignore = ["tautologie"]\n')
    problem = refused()
    assert (problem.exit_code, problem.remedy) == (3, "Did you mean 'tautology'?")


RESULTS = """\
<testsuite><testcase classname="tests.test_shop" name="test_price"><failure message="x">x</failure></testcase>
<testcase classname="tests.test_shop" name="test_is_fine"/></testsuite>
"""


def test_a_run_decides_where_results_say_another_thing(shop: Path) -> None:
    (shop / "results.xml").write_text(RESULTS)
    said = bot("audit", "tests", "--run", "--junit", "results.xml", "--sandbox", "process", cwd=shop,
               env=environment(PATH=f"{Path(sys.executable).parent}:{environment()['PATH']}"))
    (note,) = [line for line in said.out.splitlines() if "decides" in line]
    assert note.startswith("tests/test_shop.py::test_price "), said.err


def test_a_run_in_which_pytest_gives_up_is_no_verdict(shop: Path) -> None:
    (shop / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    said = bot("audit", "tests", "--run", "--sandbox", "process", cwd=shop,
               env=environment(PATH=f"{Path(sys.executable).parent}:{environment()['PATH']}"))
    assert (said.code, said.out) == (11, "")
    assert "exit code 4: unrecognized arguments: --no-such-option" in said.err


def test_a_run_adds_what_happened(tmp_path: Path) -> None:
    for path, text in (("samples/tests/test_x.py", FAKE), ("samples/src/shop.py", SHOP)):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "else").mkdir()
    said = bot(
        "audit", "../samples/tests/test_x.py", "--implementation", "../samples/src", "--run", "--sandbox", "process",
        "--format", "json", cwd=tmp_path / "else",
        env=environment(PATH=f"{Path(sys.executable).parent}:{environment()['PATH']}"),
    )
    document = said.json()
    assert (said.code, document["depth"]) == (1, "run"), said.err
    tests = document["tests"]
    assert isinstance(tests, list)
    test = "../samples/tests/test_x.py"
    assert {item["test"]: (item["verdict"], item["kind"]) for item in tests} == {
        f"{test}::test_price": ("good", "passed"), f"{test}::test_is_fine": ("defect", "passed"),
        f"{test}::test_renamed": ("defect", "harness"),
    }
    assert f"at {test}:15." in tests[2]["reason"]


def test_help_needs_none_of_it(tmp_path: Path) -> None:
    program = (
        "import sys\nsys.argv = ['bot', 'audit', '--help']\nfrom bot.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = ('bot.audit', 'bot.standalone', 'bot.adapters', 'bot.reports', 'jinja2', 'rich.')\n"
        "print(sorted(name for name in sys.modules if name.startswith(heavy)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment(), capture_output=True, check=True
    )
    assert b"--implementation" in done.stdout
    assert done.stdout.splitlines()[-1] == b"[]"
