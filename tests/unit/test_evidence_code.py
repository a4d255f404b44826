from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.evidence import Suspect
from bot.evidence.code import CodeAt, redacted_lines

SHA = "d" * 40
SOURCE = '''import asyncio
from router.deep import helper
from . import neighbour


@deco(
    1,
)
async def outer():
    def inner():
        return 1
    return inner


class Broker:
    """A broker."""

    async def connect(self):
        self.connected = True

    class Part:
        def run(self): pass
'''


def code_at(files: dict[str, str], redact: object = None) -> CodeAt:
    return CodeAt(SHA, files.get, tuple(sorted(files)), redact or (lambda text: text))  # type: ignore[arg-type]


def test_functions_with_qualified_names_and_lines() -> None:
    spans = code_at({"a.py": SOURCE}).functions("a.py")
    assert [(span.name, span.first, span.last) for span in spans] == [
        ("outer", 6, 12), ("outer.<locals>.inner", 10, 11), ("Broker.connect", 18, 19), ("Broker.Part.run", 22, 22),
    ]


def test_functions_of_a_file_that_does_not_parse_come_from_its_indentation() -> None:
    spans = code_at({"a.py": SOURCE + "\nx = <token:12ab>\n"}).functions("a.py")
    assert {span.name for span in spans} == {"outer", "outer.inner", "Broker.connect", "Broker.Part.run"}
    assert next(span for span in spans if span.name == "Broker.connect").first == 18


@given(st.text(alphabet="def clas():\n \tx@\x00\"'\\", max_size=80))
def test_any_text_has_functions_or_none(text: str) -> None:
    spans = code_at({"a.py": text}).functions("a.py")
    assert all(1 <= span.first <= span.last <= text.count("\n") + 1 for span in spans)


def test_a_suspect_is_found_by_its_name() -> None:
    code = code_at({"a.py": SOURCE})
    assert code.find(Suspect(path="a.py", function="Broker.connect")) is not None
    assert code.find(Suspect(path="a.py", function="outer.inner")) is not None
    assert code.find(Suspect(path="a.py", function="Broker")) is None
    assert code.find(Suspect(path="a.py", function="connect")) is None
    assert code.find(Suspect(path="b.py", function="outer")) is None


def test_the_innermost_function_is_the_enclosing_one() -> None:
    code = code_at({"a.py": SOURCE})
    assert getattr(code.enclosing("a.py", 11), "name", None) == "outer.<locals>.inner"
    assert code.enclosing("a.py", 2) is None


def test_imports_resolve_to_files_of_the_commit() -> None:
    files = {"svc/router/app.py": SOURCE, "svc/router/deep.py": "", "svc/router/neighbour.py": "", "other/deep.py": ""}
    assert set(code_at(files).imports("svc/router/app.py")) == {"svc/router/deep.py", "svc/router/neighbour.py"}


@pytest.mark.parametrize(("frame", "path"), [
    ("/app/router/broker.py", "svc/router/broker.py"), ("router/broker.py", "svc/router/broker.py"),
    ("/usr/lib/python3.11/asyncio/tasks.py", None), ("/app/__init__.py", None), ("main.py", "svc/main.py"),
    ("C:\\app\\router\\broker.py", "svc/router/broker.py"), ("", None), ("<string>", None),
])
def test_a_frame_resolves_to_the_one_file_that_fits(frame: str, path: str | None) -> None:
    files = dict.fromkeys(["svc/router/broker.py", "old/broker.py", "svc/main.py", "a/__init__.py",
    "b/__init__.py"], "")
    assert code_at(files).resolve(frame) == path


def test_redaction_never_moves_a_line() -> None:
    text = "a = 1\nKEY = '''-----BEGIN\nabc\ndef\n-----END'''\nb = 2\nc = 'secret'\n"

    def redact(given: str) -> str:
        start, end = given.find("-----BEGIN"), given.find("-----END")
        return (given[:start] + "<key>" + given[end + 8:] if start >= 0 else given).replace("secret", "<s>")

    lines = redacted_lines(text, redact)
    assert len(lines) == len(text.split("\n"))
    assert (lines[0], lines[5], lines[6]) == ("a = 1", "b = 2", "c = '<s>'")
    assert not any(word in "\n".join(lines) for word in ("BEGIN", "abc", "def", "secret"))


@given(st.lists(st.text(alphabet="ab ", max_size=4), max_size=12), st.data())
def test_redacted_lines_keep_their_number_whatever_the_redaction_does(lines: list[str], data: st.DataObject) -> None:
    text = "\n".join(lines)
    after = data.draw(st.lists(st.sampled_from([*lines, "<x>"]) if lines else st.just("<x>"), max_size=14))
    assert len(redacted_lines(text, lambda _: "\n".join(after))) == len(text.split("\n"))


def test_unknown_files_are_not_read() -> None:
    asked = []

    def read(path: str) -> str | None:
        asked.append(path)
        return "x"

    code = CodeAt(SHA, read, ("a.py",), lambda text: text)
    assert code.lines("../../etc/passwd") is None
    assert code.lines("a.py") == ("x",)
    assert code.lines("a.py") == ("x",)
    assert asked == ["a.py"]
