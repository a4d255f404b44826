from __future__ import annotations

import traceback

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.logs.tracebacks import CUT_OFF, parse_tracebacks, place, telling_text

CHAIN = """Exception in worker process
Traceback (most recent call last):
  File "/app/ferry/dock.py", line 12, in land
    return berths[name]
           ~~~~~~^^^^^^
KeyError: 'north'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/usr/local/lib/python3.11/site-packages/starlette/routing.py", line 66, in app
    await handler(request)
  File "<frozen importlib._bootstrap>", line 1204, in _gcd_import
  File "/usr/local/lib/python3.11/asyncio/tasks.py", line 502, in wait_for
    return fut.result()
  File "/workspace/ferry/main.py", line 9, in <module>
    land("north")
ferry.errors.NoBerth: no berth
for north"""


def test_a_chain_has_its_cause_first_and_knows_whose_code_it_is() -> None:
    cause, wrapper = parse_tracebacks(CHAIN)
    assert (cause.type, cause.message) == ("KeyError", "'north'")
    assert [(frame.path, frame.line, frame.function, frame.source, frame.in_app) for frame in cause.frames] == [
        ("ferry/dock.py", 12, "land", "return berths[name]", True)
    ]
    assert (wrapper.type, wrapper.message) == ("ferry.errors.NoBerth", "no berth\nfor north")
    assert [(frame.path, frame.in_app) for frame in wrapper.frames] == [
        ("starlette/routing.py", False),
        ("<frozen importlib._bootstrap>", False),
        ("asyncio/tasks.py", False),
        ("ferry/main.py", True),
    ]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/app/a/b.py", ("a/b.py", True)),
        ("/workspace/main.py", ("main.py", True)),
        ("./a.py", ("a.py", True)),
        ("/app/.venv/lib/python3.12/site-packages/httpx/_client.py", ("httpx/_client.py", False)),
        ("/layers/google.python.pip/pip/lib/python3.13/site-packages/x/y.py", ("x/y.py", False)),
        ("/usr/lib/python3/dist-packages/z.py", ("z.py", False)),
        ("/usr/local/lib/python3.11/json/decoder.py", ("json/decoder.py", False)),
        ("<string>", ("<string>", False)),
        ("/home/dev/ferry/a.py", ("/home/dev/ferry/a.py", True)),
        ("C:\\ferry\\a.py", ("C:/ferry/a.py", True)),
        ("/app/lib/python/x.py", ("lib/python/x.py", True)),
    ],
)
def test_paths_lose_what_differs_between_images(path: str, expected: tuple[str, bool]) -> None:
    assert place(path) == expected


def raised(function: object) -> str:
    try:
        function()  # type: ignore[operator]
    except BaseException as error:  # noqa: BLE001
        return "".join(traceback.format_exception(error))
    raise AssertionError


def test_what_python_itself_prints_of_groups_is_read_members_first() -> None:
    def fail() -> None:
        try:
            raise OSError("first")
        except OSError:
            inner = ExceptionGroup("inner", [KeyError("k"), ValueError("two\nlines")])
            raise ExceptionGroup("outer", [TypeError("t"), inner]) from None

    types = [one.type for one in parse_tracebacks(raised(fail))]
    assert types == ["TypeError", "KeyError", "ValueError", "ExceptionGroup", "ExceptionGroup"]
    value = next(one for one in parse_tracebacks(raised(fail)) if one.type == "ValueError")
    assert value.message == "two\nlines"


def test_a_chain_within_a_group_keeps_its_order() -> None:
    def member() -> Exception:
        try:
            try:
                raise OSError("cause")
            except OSError as error:
                raise RuntimeError("effect") from error
        except RuntimeError as error:
            return error

    def fail() -> None:
        raise ExceptionGroup("all", [member()])

    exceptions = parse_tracebacks(raised(fail))
    assert [one.type for one in exceptions] == ["OSError", "RuntimeError", "ExceptionGroup"]
    assert exceptions[0].frames[0].function == "member"


def test_recursion_syntax_errors_and_empty_messages() -> None:
    def loop() -> None:
        loop()

    def broken() -> None:
        compile("x = = 1", "ferry.py", "exec")

    def silent() -> None:
        raise TimeoutError

    recursion = parse_tracebacks(raised(loop))[0]
    assert recursion.type == "RecursionError"
    assert {frame.function for frame in recursion.frames} == {"raised", "loop"}
    assert parse_tracebacks(raised(broken))[0].type == "SyntaxError"
    assert (parse_tracebacks(raised(silent))[0].type, parse_tracebacks(raised(silent))[0].message) == (
        "TimeoutError",
        "",
    )


def test_values_of_many_lines_stay_whole() -> None:
    text = (
        'Traceback (most recent call last):\n  File "/app/a.py", line 1, in f\n    g()\n'
        "pydantic_core._pydantic_core.ValidationError: 2 validation errors for Cargo\nweight\n"
        "  Field required [type=missing, input_value={'a': 1}, input_type=dict]\n"
        "    For further information visit https://errors.example/missing"
    )
    (only,) = parse_tracebacks(text)
    assert only.message.startswith("2 validation errors for Cargo\nweight\n  Field required")
    assert only.message.endswith("missing")


def test_a_traceback_without_its_end_says_so() -> None:
    (only,) = parse_tracebacks('Traceback (most recent call last):\n  File "/app/a.py", line 1, in f\n    g()')
    assert only.type == CUT_OFF
    assert only.frames[0].function == "f"
    assert parse_tracebacks("nothing here") == ()


def test_library_frames_tell_nothing() -> None:
    told = telling_text(CHAIN)
    assert "routing" not in told
    assert "handler(request)" not in told
    assert "ferry/dock.py" in told
    assert "return berths[name]" in told
    assert "NoBerth: no berth" in told
    assert telling_text("GET /routing") == "GET /routing"


LINES = st.lists(
    st.sampled_from(
        [
            *CHAIN.split("\n"),
            "  + Exception Group Traceback (most recent call last):",
            "  | Traceback (most recent call last):",
            "  +-+---------------- 1 ----------------",
            "    | ValueError: x",
            "    +------------------------------------",
            "  |",
            "|",
            "  [Previous line repeated 990 more times]",
            "",
            " ",
            "    ",
            "x" * 50,
            "A.B: ",
            ":",
        ]
    )
    | st.text(max_size=30),
    max_size=30,
)


@settings(max_examples=200, deadline=None)
@given(LINES)
def test_no_text_breaks_it(lines: list[str]) -> None:
    text = "\n".join(lines)
    for exception in parse_tracebacks(text):
        assert exception.type
    telling_text(text)
