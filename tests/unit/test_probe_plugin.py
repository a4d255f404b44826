"""The probe itself: what stands alone in its one file."""

from __future__ import annotations

import ast
import os
import sys
from pathlib import Path

import pytest

from bot.domain.globs import matches_glob
from bot.probe import whybot_probe as probe

FILES = sorted(Path(probe.__file__).parent.glob("whybot_*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_is_python_3_9_and_imports_only_the_standard_library_and_pytest(file: Path) -> None:
    tree = ast.parse(file.read_text(), feature_version=(3, 9))
    names = {alias.name.partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import)
             for alias in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)} - {"collections.abc"}
    own = {each.stem for each in FILES}
    assert names <= {*sys.stdlib_module_names, "pytest", "bot.probe", *own, *(f"bot.probe.{name}" for name in own)}
    assert not any(isinstance(node, ast.Match | ast.TryStar) for node in ast.walk(tree))


@pytest.mark.parametrize("glob", ["**/*.py", "app", "app/", "app/**/*.py", "app/*.py", "src/**", "*.py", ".", "a?c.py",
                                  "app/core.py", "**/conftest.py", "[ab]*.py", "[!ab]*.py", "x.y"])
@pytest.mark.parametrize("path", ["app/core.py", "app/sub/core.py", "core.py", "apple/core.py", "src/a", "abc.py",
                                  "src", "app", "conftest.py", "tests/conftest.py", "cab.py", "xzy", "app/x.txt"])
def test_globs_mean_what_they_mean_elsewhere(glob: str, path: str) -> None:
    matched = probe._union([glob]).match(path) is not None
    assert matched == matches_glob(path, glob)


def test_places(tmp_path: Path) -> None:
    places = probe.Places(str(tmp_path), ["**/*.py"], ["tests"])
    for name in ("app/core.py", "tests/helpers.py", "app/test_core.py", ".venv/lib/python3.9/site-packages/x/y.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    assert places.place(str(tmp_path / "app/core.py")) == ("app/core.py", True, True)
    assert places.place(str(tmp_path / "tests/helpers.py")) == ("tests/helpers.py", True, False)
    assert places.place(str(tmp_path / "app/test_core.py")) == ("app/test_core.py", True, False)
    assert places.place(str(tmp_path / ".venv/lib/python3.9/site-packages/x/y.py")) == ("x/y.py", False, False)
    assert places.place("/usr/lib/python3.9/json/decoder.py") == ("json/decoder.py", False, False)
    assert places.place("<string>") == ("<string>", False, False)


def test_links_are_resolved_as_everywhere(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "x.py").write_text("")
    for name, target in {"rel": "a/./b", "a/up": "../a/b/..", "abs": str(tmp_path / "rel"), "loop": "loop",
                         "dead": "nothing/there"}.items():
        (tmp_path / name).symlink_to(target)
    for name in ("a/b/x.py", "rel/x.py", "a/up/b/x.py", "abs/x.py", "abs/../b/x.py", "dead", "none/x.py", "a//b/./x.py",
                 "", "."):
        assert probe._realpath(f"{tmp_path}/{name}") == os.path.realpath(f"{tmp_path}/{name}"), name
    assert probe._realpath("x.py") == os.path.realpath("x.py")
    assert probe._realpath("/") == "/"
    assert probe._realpath("/a\0b") == "/a\0b"
    assert probe._realpath(str(tmp_path / "loop")).startswith(str(tmp_path))


def test_qualified_names_before_3_11(tmp_path: Path) -> None:
    file = tmp_path / "code.py"
    file.write_text("import functools\nclass A:\n    class B:\n        @functools.cache\n        @property\n"
                    "        async def c(self):\n            def d():\n                class E:\n"
                    "                    def f(self): pass\n    def g(self): pass\nif True:\n    def h(): pass\n")
    compiled = compile(file.read_text(), str(file), "exec")
    expected = {}
    waiting = [compiled]
    while waiting:
        code = waiting.pop()
        for constant in code.co_consts:
            if hasattr(constant, "co_code"):
                waiting.append(constant)
                expected[constant.co_firstlineno, constant.co_name] = constant.co_qualname
    assert probe._qualified_names(str(file)) == expected
    assert len(expected) == 8
    broken = tmp_path / "broken.py"
    broken.write_text("def (")
    assert probe._qualified_names(str(broken)) == {}


def test_exceptions_that_resist(tmp_path: Path) -> None:
    class Hostile(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    chains = probe.Chains(probe.Places(str(tmp_path), [], []), probe.Names())
    (hostile,) = chains.chain(Hostile())
    assert hostile["message"] == "<its message cannot be read: RuntimeError>"
    (huge,) = chains.chain(ValueError("x" * 1_000_000))
    assert len(huge["message"]) <= probe.MOST_MESSAGE
    (odd,) = chains.chain(ValueError("lone \udc80 surrogate"))
    assert odd["message"] == "lone ? surrogate"
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    assert [each["message"] for each in chains.chain(first)] == ["first", "second"]
    long: BaseException = ValueError("0")
    for number in range(1, 50):
        outer = ValueError(str(number))
        outer.__context__ = long
        long = outer
    assert len(chains.chain(long)) == probe.MOST_EXCEPTIONS
    group = ExceptionGroup("several", [KeyError("a"), TypeError("b")])
    assert [each["type"] for each in chains.chain(group)] == ["ExceptionGroup", "KeyError", "TypeError"]


def test_deep_recursion_is_cut(tmp_path: Path) -> None:
    def deeper(depth: int) -> None:
        if depth == 0:
            raise ValueError("bottom")
        deeper(depth - 1)

    chains = probe.Chains(probe.Places(str(tmp_path), [], []), probe.Names())
    with pytest.raises(ValueError, match="bottom") as raised:
        deeper(300)
    (told,) = chains.chain(raised.value)
    assert len(told["frames"]) == probe.MOST_FRAMES
    assert told["frames"][-1]["source"] == 'raise ValueError("bottom")'
