"""Finding a project's tests and code from the paths that somebody gave, in all the layouts there are."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.audit.examine import examine
from bot.domain.config import TargetConfig
from bot.domain.errors import UsageProblem
from bot.standalone import project as project_module
from bot.standalone.files import NO_PYTHON, python_files, read_text
from bot.standalone.imports import ModuleIndex, imports_of, mentions_of, reached
from bot.standalone.narrowing import narrowed
from bot.standalone.project import Project, find_project
from bot.standalone.pytest_settings import pytest_settings

TEST = "from app.core import one\n\n\ndef test_one():\n    assert one() == 1\n"
CODE = "def one():\n    return 1\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, below which nothing is a project unless a test makes it one."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def tree(folder: Path, files: Mapping[str, str | bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


def errors(project: Project) -> list[str]:
    report = narrowed(examine(project.tests, project.implementation, named=project.named), project)
    return [f"{item.rule} {item.message}" for item in report.findings if item.severity == "error"]


def flat(here: Path) -> None:
    tree(here, {"pyproject.toml": "", "app/__init__.py": "", "app/core.py": CODE, "tests/test_a.py": TEST})


# layouts: what tests import is found, and a name that is not there is missed

@pytest.mark.parametrize(("files", "paths", "implementation"), [
    ({"app/__init__.py": "", "app/core.py": CODE, "tests/test_a.py": TEST}, ["tests"], []),
    ({"src/app/__init__.py": "", "src/app/core.py": CODE, "tests/unit/test_a.py": TEST}, ["tests"], []),
    ({"app/core.py": CODE, "tests/__init__.py": "", "tests/test_a.py": TEST}, ["tests/test_a.py"], []),
    ({"backend/app/__init__.py": "", "backend/app/core.py": CODE, "backend/tests/test_a.py": TEST}, ["backend"], []),
    ({"backend/app/__init__.py": "", "backend/app/core.py": CODE, "e2e/test_a.py": TEST}, ["e2e"], []),
    ({"samples/src/app/core.py": CODE, "samples/tests/test_a.py": TEST}, ["samples/tests/test_a.py"], ["samples/src"]),
    ({"samples/src/app/core.py": CODE, "other/t/test_a.py": TEST}, ["other/t"], ["samples/src/app/core.py"]),
    ({"app/core.py": CODE, "app/test_a.py": TEST}, ["app"], []),
    ({"app/__init__.py": "", "app/core.py": CODE, "app/tests/test_a.py": TEST}, ["."], []),
    ({"app/core.py": CODE, "strange.py": TEST}, ["strange.py"], []),
    ({"../aside/app/core.py": CODE, "../aside/tests/test_a.py": TEST}, ["../aside/tests"], []),
    ({"../aside/app/core.py": CODE, "tests/test_a.py": TEST}, ["tests"], ["../aside"]),
    ({"../aside/pyproject.toml": "", "../aside/app/core.py": CODE, "../aside/x/test_a.py": TEST}, ["../aside/x"], []),
], ids=["flat", "src", "one-file", "monorepo", "tests-apart", "two-roots", "code-file", "beside", "inside", "any-name",
        "outside", "code-outside", "outside-marked"])
def test_imports_resolve_in_every_layout(
    here: Path, files: dict[str, str], paths: list[str], implementation: list[str]
) -> None:
    tree(here, files)
    found = find_project(paths, implementation)
    assert len(found.asked) == 1
    assert [path for path in found.implementation if path.endswith("core.py")]
    assert not errors(found)
    tree(here, {name: text.replace("one", "gone") if text == TEST else text for name, text in files.items()})
    assert any(item.startswith("missing-symbol") for item in errors(find_project(paths, implementation)))


def test_a_project_among_the_tests_of_another(here: Path) -> None:
    flat(here)
    tree(here, {
        "tests/corpus/shop/goods/core.py": CODE, "tests/corpus/shop/tests/test_g.py": "from goods.core import one\n",
        "tests/api/integration_tests/test_i.py": TEST, "tests/corpus/shop/conftest.py": "",
    })
    found = find_project(["tests/corpus/shop/tests"])
    assert set(found.implementation) == {"tests/corpus/shop/goods/core.py"}
    assert "tests/corpus/shop/conftest.py" in found.tests
    assert set(find_project(["tests/api"]).implementation) == {"app/__init__.py", "app/core.py"}
    assert set(find_project(["tests"]).implementation) >= {"app/__init__.py", "app/core.py"}


def test_paths_are_relative_to_the_current_folder(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flat(here)
    assert find_project(["tests"]).asked == {"tests/test_a.py"}
    assert find_project([str(here / "tests")]).asked == {"tests/test_a.py"}
    monkeypatch.chdir(here / "app")
    found = find_project(["../tests"])
    assert found.asked == {"../tests/test_a.py"}
    assert set(found.implementation) == {"__init__.py", "core.py"}
    assert found.root == here


def test_without_a_path_the_testpaths_of_pytest_or_everything(here: Path) -> None:
    flat(here)
    tree(here, {"checks/test_b.py": TEST})
    assert find_project([]).asked == {"tests/test_a.py", "checks/test_b.py"}
    tree(here, {"pyproject.toml": "[tool.pytest.ini_options]\ntestpaths = ['checks']\n"})
    assert find_project([]).asked == {"checks/test_b.py"}


# what is test code, and what is not the code

def test_from_within_the_folder_of_tests_the_code_beside_it_is_found(
    here: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    tree(here, {"app/core.py": CODE, "tests/unit/test_a.py": TEST.replace("one() ==", "one(1) ==")})
    monkeypatch.chdir(here / "tests")
    assert "wrong-signature" in str(errors(find_project([])))
    (here / "tests").rename(here / "test_shop")
    tree(here, {"test_shop/core.py": CODE})
    monkeypatch.chdir(here / "test_shop")
    assert find_project([]).root == here / "test_shop", "a project may be called so"


def test_a_file_and_a_test_in_it_are_the_whole_file(here: Path) -> None:
    flat(here)
    node = "tests/test_a.py::test_one"
    assert find_project([node]).only == (node,)
    for whole in ("tests", "tests/test_a.py"):
        assert find_project([whole, node]).only == find_project([node, whole]).only == ()


def test_what_unittest_would_find_is_found_where_pytest_finds_nothing(here: Path) -> None:
    case = "import unittest\n\n\nclass ATest(unittest.TestCase):\n    def testOne(self):\n        assert True\n"
    tree(here, {"test/testone.py": case, "test/testdata.py": "A = 1\n"})
    project = find_project(["test"])
    assert project.asked == {"test/testone.py"}
    assert len(errors(project)) == 1
    tree(here, {"test/test_two.py": TEST})
    python_files.cache_clear()
    assert find_project(["test"]).asked == {"test/test_two.py"}


def test_that_no_code_was_found_is_said(here: Path) -> None:
    tree(here, {"tests/test_a.py": TEST})
    assert "No code under test was found in this folder" in find_project(["tests"]).notes[0]
    tree(here, {"app/core.py": CODE})
    python_files.cache_clear()
    assert find_project(["tests"]).notes == ()


def test_helpers_conftests_and_settings_come_with_the_tests(here: Path) -> None:
    flat(here)
    tree(here, {
        "conftest.py": "", "tests/conftest.py": "pytest_plugins = ['tests.plugins.db']\n", "tests/__init__.py": "",
        "tests/helpers.py": "", "tests/plugins/db.py": "import tests.deep\n", "tests/deep.py": "",
        "tests/data/broken.py": "def (", "tests/test_b.py": "from tests.helpers import *\n",
        "pytest.ini": "[pytest]\nasyncio_mode = auto\n",
    })
    found = find_project(["tests/test_a.py", "tests/test_b.py"])
    assert set(found.tests) - found.asked == {
        "conftest.py", "tests/conftest.py", "tests/__init__.py", "tests/helpers.py", "tests/plugins/db.py",
        "tests/deep.py", "pytest.ini",
    }
    assert set(found.implementation) == {"app/__init__.py", "app/core.py"}


def test_the_implementation_is_neither_tests_nor_docs_nor_what_others_wrote(here: Path) -> None:
    flat(here)
    no = {
        "docs/conf.py", "examples/demo.py", ".tox/x.py", "node_modules/x.py", "build/lib/app/core.py", "dist/x.py",
        "lib/site-packages/x.py", "env/lib/x.py", "setup.py", "app/tests/util.py", "app/core_test.py",
        "app/conftest.py", "test_framework/base.py", "x.egg-info/y.py",
    }
    yes = {"app/migrations/0001_initial.py", "app/testing/__init__.py", "manage.py", "scripts/job.py"}
    tree(here, dict.fromkeys((*no, *yes, "env/pyvenv.cfg"), ""))
    assert set(find_project(["tests"]).implementation) == {"app/__init__.py", "app/core.py", *yes}


def test_what_tests_import_is_read_wherever_it_lies(here: Path) -> None:
    flat(here)
    tree(here, {
        "examples/shop.py": "def sell():\n    return 1\n", "app/tests/util.py": "def make():\n    return 1\n",
        "tests/test_a.py": "from app.tests.util import make\nfrom examples.shop import sell\n"
        "\n\ndef test_sell():\n    assert sell() == make()\n",
    })
    found = find_project(["tests"])
    assert "examples/shop.py" in found.implementation
    assert "app/tests/util.py" in found.tests
    assert not errors(found)


def test_of_a_large_project_what_the_tests_lead_to_is_read(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project_module, "MOST_WHOLE", 5)
    flat(here)
    tree(here, {f"app/part{number}.py": "" for number in range(9)} | {
        "app/core.py": "from .part1 import *\nfrom app import part2\n\n\ndef one():\n    return 1\n",
        "tests/test_a.py": TEST + "\n\ndef test_two(mocker):\n    mocker.patch('app.part3.x', create=True)\n"
        "    assert one() == 1\n",
    })
    found = find_project(["tests"])
    assert set(found.implementation) == {"app/__init__.py", "app/core.py", *(f"app/part{n}.py" for n in (1, 2, 3))}
    assert "5 were read" in found.notes[0]
    assert not errors(found)


def test_the_code_of_a_target_goes_before_what_is_found(here: Path) -> None:
    flat(here)
    tree(here, {"service/core.py": CODE, "service/more.py": "", "service/tests/test_s.py": "from core import one\n"})
    target = TargetConfig(root="service", code=("core.py",), tests=("tests",))
    tests = ["service/tests"]
    assert set(find_project(tests, targets=[(here, target)]).implementation) == {"service/core.py"}
    assert set(find_project(tests, ["app"], [(here, target)]).implementation) == {"app/__init__.py", "app/core.py"}
    assert "service/more.py" in find_project(tests).implementation


def test_git_says_what_is_ignored(here: Path) -> None:
    flat(here)
    git(here, "init", "-q")
    tree(here, {".gitignore": "generated/\n", "generated/x.py": "", "app/new.py": "", "generated/test_g.py": TEST})
    git(here, "config", "core.fsmonitor", f"touch {here}/was-run;")
    found = find_project(["tests"])
    assert set(found.implementation) == {"app/__init__.py", "app/core.py", "app/new.py"}
    assert find_project(["."]).asked == {"tests/test_a.py"}
    assert find_project(["generated"]).asked == {"generated/test_g.py"}, "whoever names it means it"
    assert not (here / "was-run").exists()


# which files are tests

@pytest.mark.parametrize(("name", "text"), [
    ("pyproject.toml", "[tool.pytest.ini_options]\npython_files = ['check_*.py', 'test_*.py']\n"),
    ("pyproject.toml", "[tool.pytest]\npython_files = ['check_*.py', 'test_*.py']\n"),
    ("pytest.ini", "[pytest]\npython_files = check_*.py test_*.py\n"),
    (".pytest.ini", "[pytest]\npython_files =\n    check_*.py\n    test_*.py\n"),
    ("tox.ini", "[tox]\nenvlist = %(x)s\n[pytest]\npython_files = check_*.py test_*.py\n"),
    ("setup.cfg", "[tool:pytest]\npython_files = check_*.py test_*.py\n"),
], ids=["pyproject", "pyproject-9", "pytest.ini", "dot", "tox", "setup.cfg"])
def test_the_names_of_test_files_are_those_of_pytest(here: Path, name: str, text: str) -> None:
    flat(here)
    tree(here, {name: text, "tests/check_b.py": TEST.replace("test_one", "test_b")})
    found = find_project(["tests"])
    assert found.asked == {"tests/test_a.py", "tests/check_b.py"}
    assert found.named == {"tests/check_b.py"}
    assert len(examine(found.tests, found.implementation, named=found.named).tests) == 2


def test_whoever_collects_every_file_means_those_of_the_folders_with_tests(here: Path) -> None:
    flat(here)
    tree(here, {"pytest.ini": "[pytest]\npython_files = *.py\n", "tests/b.py": TEST})
    assert find_project(["."]).asked == {"tests/test_a.py", "tests/b.py"}


def test_the_tests_of_a_django_app_are_tests(here: Path) -> None:
    tree(here, {"manage.py": "", "shop/models.py": "", "shop/tests.py": (
        "from django.test import TestCase\n\n\nclass ShopTest(TestCase):\n    def test_x(self):\n        pass\n"
    ), "other/tests.py": "x = 1\n"})
    assert find_project(["."]).asked == {"shop/tests.py"}


@pytest.mark.parametrize("text", ["[pytest\n", "=\n", "\0", "[tool.pytest.ini_options]\npython_files = 3\n"])
@pytest.mark.parametrize("name", ["pytest.ini", "pyproject.toml", "setup.cfg"])
def test_broken_settings_are_none(here: Path, name: str, text: str) -> None:
    tree(here, {name: text})
    assert pytest_settings(here, here).python_files == ("test_*.py", "*_test.py")


# narrowing

def test_a_node_id_narrows_to_its_test(here: Path) -> None:
    flat(here)
    tree(here, {"tests/test_a.py": (
        "from app.core import one\n\n\ndef test_fake():\n    assert True\n\n\n"
        "class TestOne:\n    def test_one(self):\n        assert one() == 1\n\n"
        "    def test_two(self):\n        assert True\n"
    )})

    def verdict(*paths: str) -> tuple[str, tuple[str, ...], int]:
        project = find_project(paths)
        report = narrowed(examine(project.tests, project.implementation, named=project.named), project)
        return report.recommendation.value, report.tests, len(report.defects)

    a = "tests/test_a.py"
    assert verdict(f"{a}::TestOne::test_one") == ("GO", (f"{a}::TestOne::test_one",), 0)
    assert verdict(f"{a}::TestOne::test_one[3-x::y]")[0] == "GO"
    assert verdict(f"{a}::TestOne") == ("HOLD", (f"{a}::TestOne::test_one", f"{a}::TestOne::test_two"), 1)
    assert verdict(f"{a}::test_fake") == ("HOLD", (f"{a}::test_fake",), 1)
    assert len(verdict(f"{a}::test_fake", f"{a}::TestOne::test_one")[1]) == 2
    with pytest.raises(UsageProblem, match=r"no test tests/test_a\.py::test_gone"):
        verdict(f"{a}::test_gone")


def test_tests_that_were_only_imported_are_not_judged(here: Path) -> None:
    flat(here)
    tree(here, {
        "tests/__init__.py": "",
        "tests/test_b.py": "def helper():\n    return 1\n\n\ndef test_fake():\n    assert True\n",
        "tests/test_a.py": TEST.replace("import one\n", "import one\nfrom tests.test_b import helper\n")
        + "    assert helper() == one()\n",
    })
    found = find_project(["tests/test_a.py"])
    assert "tests/test_b.py" in found.tests
    assert not errors(found)


# what cannot be read

BOMBS: dict[str, bytes] = {
    "tests/test_latin.py": b"# -*- coding: latin-1 -*-\n" + TEST.replace("test_one", "test_café").encode("latin-1"),
    "tests/test_bom.py": b"\xef\xbb\xbf" + TEST.encode(),
    "tests/test_mac.py": TEST.replace("\n", "\r").encode(),
    "tests/test_dos.py": TEST.replace("\n", "\r\n").encode(),
}
BAD: dict[str, bytes] = {
    "tests/test_junk.py": bytes(range(256)) * 3,
    "tests/test_no_cookie.py": b"x = 'caf\xe9'\n",
    "tests/test_cookie.py": b"# coding: no-such-thing\n",
    "tests/test_rot13.py": b"# coding: rot13\nx = 1\n",
    "tests/test_zlib.py": b"# coding: zlib_codec\nx = 1\n",
    "tests/test_utf16.py": TEST.encode("utf-16"),
    "tests/test_null.py": b"x = 1\0\n",
    "tests/test_syntax.py": b"def test_(:\n",
    "tests/test_larger.py": b"#" * 2_100_000,
    "tests/test_deep.py": b"x = " + b"(" * 5000,
}


def test_what_python_can_read_is_read(here: Path) -> None:
    flat(here)
    tree(here, BOMBS)
    found = find_project(["tests"])
    assert found.unreadable == {}
    assert len(found.asked) == 5
    assert not errors(found)


@pytest.mark.parametrize("name", sorted(BAD))
def test_what_python_cannot_read_is_a_finding(here: Path, name: str) -> None:
    flat(here)
    tree(here, {name: BAD[name]})
    assert [item.partition(" ")[0] for item in errors(find_project(["tests"]))] == ["unreadable-file"]


def test_what_is_only_large_is_a_warning(here: Path) -> None:
    flat(here)
    tree(here, {"tests/test_large.py": b"x = 1\n" * 180_000})
    assert errors(find_project(["tests"])) == []


def test_the_finding_says_why(here: Path) -> None:
    flat(here)
    tree(here, {"tests/test_x.py": b"x = 'caf\xe9'\n"})
    assert "cannot be examined: its text cannot be decoded" in errors(find_project(["tests"]))[0]


def test_what_a_link_leads_to_outside_is_not_shown(here: Path) -> None:
    flat(here)
    (here.parent / "secret").write_text("canary = = 1\n")
    (here / "tests/test_link.py").symlink_to(here.parent / "secret")
    (here / "tests/test_inner.py").symlink_to(here / "tests/test_a.py")
    found = find_project(["tests"])
    assert "canary" not in str(found)
    assert found.unreadable == {"tests/test_link.py": "it is a link that leads out of the project"}
    (here.parent / "named.py").write_text(TEST)
    (here / "alias.py").symlink_to(here.parent / "named.py")
    assert not find_project(["alias.py"]).unreadable, "whoever names it means it"


def test_code_that_cannot_be_read_is_not_missed(here: Path) -> None:
    flat(here)
    tree(here, {"app/core.py": b"# coding: no-such-thing\n"})
    assert not errors(find_project(["tests"]))


def test_odd_things_on_disk_are_no_problem(here: Path) -> None:
    flat(here)
    (here / "tests/loop").symlink_to(here / "tests", target_is_directory=True)
    (here / "tests/test_gone.py").symlink_to(here / "nowhere.py")
    (here / "tests/folder.py").mkdir()
    (here / "tests/test_folder.py").mkdir()
    os.mkfifo(here / "tests/test_pipe.py")
    (here / os.fsdecode(b"tests/test_caf\xe9.py")).write_text(TEST)
    (here / "tests/test_new\nline.py").write_text(TEST)
    found = find_project(["tests"])
    assert found.asked == {"tests/test_a.py", "tests/test_caf\\xe9.py", "tests/test_new\nline.py"}
    assert not errors(found)
    assert len(find_project(["tests/loop"]).asked) == 3, "a link that is named is followed"


# what is no project

@pytest.mark.parametrize(("path", "said"), [
    ("nowhere", "no file or folder 'nowhere'"),
    ("", "no file or folder ''"),
    ("a\0b", "no file or folder"),
    ("x" * 5000, "no file or folder"),
    ("app/core.txt", "no Python file"),
    ("app", r"no test file in app: looked for test_\*.py or \*_test.py"),
    ("nowhere::test_x", "no file or folder 'nowhere'"),
])
def test_a_path_that_is_no_test_is_a_usage_problem(here: Path, path: str, said: str) -> None:
    flat(here)
    tree(here, {"app/core.txt": ""})
    with pytest.raises(UsageProblem, match=said):
        find_project([path])


@pytest.mark.parametrize("implementation", ["nowhere", "empty"])
def test_an_implementation_that_is_not_there_is_a_usage_problem(here: Path, implementation: str) -> None:
    flat(here)
    (here / "empty").mkdir()
    with pytest.raises(UsageProblem, match=implementation):
        find_project(["tests"], [implementation])


def test_what_is_too_much_is_left_out_and_said(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flat(here)
    tree(here, {f"tests/test_{number}.py": TEST for number in range(5)})
    monkeypatch.setattr(project_module, "MOST_TEST_FILES", 3)
    monkeypatch.setattr(project_module, "MOST_BYTES", 2 * len(TEST) + 1)
    found = find_project(["tests"])
    assert len([path for path in found.tests if path in found.asked]) == 2
    assert any("first 3 were read" in note for note in found.notes)
    assert any("left out" in note for note in found.notes)


def test_a_folder_with_too_many_files_is_cut(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.standalone.files.MOST_ENTRIES", 3)
    tree(here, {f"many/x{number}.py": "" for number in range(9)})
    listing = python_files(here / "many")
    assert listing.cut
    assert len(listing.paths) <= 4


# imports

@pytest.mark.parametrize(("text", "names"), [
    ("import a.b as c, d", {(0, "a.b"), (0, "d")}),
    ("from a.b import (\n    c,  # d\n    e as f,\n)", {(0, "a.b"), (0, "a.b.c"), (0, "a.b.e")}),
    ("  from . import x", {(1, ""), (1, "x")}),
    ("from ..y import *", {(2, "y")}),
    ("import", set()),
])
def test_imports_are_found_in_text(text: str, names: set[tuple[int, str]]) -> None:
    assert set(imports_of(text)) == names


def test_mentions_are_dotted_names_but_not_files() -> None:
    assert set(mentions_of("patch('a.b.c'); x.y(); 'run.py'; 1.5")) == {(0, "a.b.c"), (0, "x.y")}


def test_relative_imports_go_by_folder() -> None:
    paths = [Path("/r/p/a.py"), Path("/r/p/__init__.py"), Path("/r/p/q/b.py"), Path("/r/other/a.py")]
    text = {paths[2]: "from ..a import x\nfrom ....... import y\n"}
    found = reached([(paths[2], text[paths[2]])], ModuleIndex(paths), lambda path: text.get(path, ""), 10)
    assert set(found) == {paths[0], paths[1]}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=300))
def test_any_bytes_are_text_or_a_problem(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.py"
    path.write_bytes(content)
    found = read_text(path)
    assert (found.text == NO_PYTHON and found.problem) or not found.problem
    found.text.encode("utf-8")
