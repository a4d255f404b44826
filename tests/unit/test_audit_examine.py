"""The verdict, its reasons, the silencing comments, the scores, and hostile files."""

from __future__ import annotations

import ast
import inspect
import random
import textwrap
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.audit.examine import ALLOWED, examine
from bot.audit.reading.program import module_names
from bot.audit.reading.source import MOST_CHARACTERS, MOST_DEPTH, Source, parse
from bot.domain.audit import AuditReport, FindingSeverity, Recommendation
from bot.domain.evidence import Suspect
from bot.domain.plan import Difficulty, Expectation, Level, PlannedTest, TestPlan
from bot.domain.suite import FailureKind, Observation, Outcome

PATH = "tests/unit/test_it.py"
PRODUCT = {
    "product/__init__.py": "",
    "product/service.py": "async def ready():\n    return True\n\n\ndef one():\n    return 1\n",
}
GOOD = "from product.service import one\n\n\ndef test_one():\n    assert one() == 1\n"
BAD = "from product.service import ready\n\n\ndef test_ready():\n    assert ready()\n"


def plan_of(*names: str, path: str = PATH, failure: str = "assertion") -> TestPlan:
    expectation = Expectation.model_validate(
        {
            "failure": failure,
            "exception": "ValueError" if failure == "exception" else "",
            "message": "x",
            "reaches": Suspect(path="product/service.py", function="one"),
        }
    )
    return TestPlan(
        summary="Shows it.",
        tests=tuple(
            PlannedTest(
                name=name,
                path=path,
                level=Level.UNIT,
                difficulty=Difficulty.NORMAL,
                purpose="Shows it.",
                expectation=expectation,
            )
            for name in names
        ),
    )


def rules_in(report: AuditReport, severity: FindingSeverity | None = None) -> list[str]:
    return [item.rule for item in report.findings if severity in {None, item.severity}]


def test_go_when_nothing_is_wrong() -> None:
    report = examine({PATH: GOOD}, PRODUCT, plan_of("test_one"))
    assert report.recommendation is Recommendation.GO
    assert report.tests == (f"{PATH}::test_one",)
    assert report.defects == ()
    assert report.reasons == ("No error in 1 test; 0 warnings.", "1 planned test, none missing.")
    assert [score.value for score in report.scores] == [10.0] * 5


def test_hold_names_the_rules_and_counts() -> None:
    report = examine({PATH: GOOD + BAD.replace("\n\n\ndef", "\ndef", 1)}, PRODUCT)
    assert report.recommendation is Recommendation.HOLD
    assert report.defects == (f"{PATH}::test_ready",)
    assert report.reasons == ("1 error of 1 rule: unawaited-coroutine.", "1 of 2 tests defective.")
    assert {score.name: score.value for score in report.scores}["technical correctness"] == 5.0


def test_hold_when_a_planned_test_is_missing() -> None:
    report = examine({PATH: GOOD}, PRODUCT, plan_of("test_one", "test_two"))
    assert report.recommendation is Recommendation.HOLD
    assert report.defects == (), "a test that does not exist is missing, not defective"
    assert [item.rule for item in report.findings if item.test == f"{PATH}::test_two"] == ["plan-mismatch"]
    assert f"1 of 2 planned tests missing from the files: {PATH}::test_two." in report.reasons


def test_a_planned_test_elsewhere_is_named_where_it_is() -> None:
    report = examine({"tests/other/test_it.py": GOOD}, PRODUCT, plan_of("test_one"))
    assert report.recommendation is Recommendation.HOLD
    assert [(item.path, item.line) for item in report.findings if item.rule == "plan-mismatch"] == [
        ("tests/other/test_it.py", 1),
        ("tests/other/test_it.py", 4),
    ]


def test_hold_when_there_is_no_test() -> None:
    for files in ({}, {PATH: "x = 1\n"}, {"tests/helpers.py": GOOD}):
        report = examine(files, PRODUCT)
        assert report.recommendation is Recommendation.HOLD
        assert report.reasons[0].startswith("No test was found in ")


def test_a_test_in_a_class_counts_for_the_plan() -> None:
    text = "from product.service import one\n\n\nclass TestOne:\n    def test_one(self):\n        assert one() == 1\n"
    report = examine({PATH: text}, PRODUCT, plan_of("test_one"))
    assert report.recommendation is Recommendation.GO
    assert report.tests == (f"{PATH}::TestOne::test_one",)


@pytest.mark.parametrize("place", ["on the line", "on the def line"])
def test_a_comment_with_a_reason_silences_one_rule_and_is_listed(place: str) -> None:
    comment = "  # bot: allow unawaited-coroutine shows the warning itself"
    text = (
        BAD.replace("assert ready()", f"assert ready(){comment}")
        if place == "on the line"
        else BAD.replace("():\n    assert", f"():{comment}\n    assert")
    )
    report = examine({PATH: text}, PRODUCT)
    assert report.recommendation is Recommendation.GO
    assert rules_in(report) == [ALLOWED]
    assert report.findings[0].severity is FindingSeverity.WARNING
    assert report.findings[0].message == "1 finding of unawaited-coroutine silenced: shows the warning itself"


def test_a_comment_without_reason_or_for_another_rule_silences_nothing() -> None:
    for comment in (
        "# bot: allow unawaited-coroutine",
        "# bot: allow no-assert because",
        "# bot: allow nothing because",
    ):
        report = examine({PATH: BAD.replace("assert ready()", f"assert ready()  {comment}")}, PRODUCT)
        assert report.recommendation is Recommendation.HOLD
        assert sorted(rules_in(report)) == [ALLOWED, "unawaited-coroutine"]


def test_a_comment_in_a_string_is_none() -> None:
    text = BAD.replace("assert ready()", "assert ready(), '# bot: allow unawaited-coroutine x'")
    assert rules_in(examine({PATH: text}, PRODUCT)) == ["unawaited-coroutine"]


def test_comments_are_not_honoured_where_they_may_not_be() -> None:
    text = BAD.replace("assert ready()", "assert ready()  # bot: allow unawaited-coroutine trust me")
    report = examine({PATH: text}, PRODUCT, allow=False)
    assert report.recommendation is Recommendation.HOLD
    assert sorted(rules_in(report)) == [ALLOWED, "unawaited-coroutine"]


def test_rules_of_the_run_are_asked_only_with_a_run() -> None:
    test = f"{PATH}::test_one"
    passed = (Outcome(test=test, kind=FailureKind.PASSED, reason="it passed"),)
    assert examine({PATH: GOOD}, PRODUCT, plan_of("test_one"), (), passed).recommendation is Recommendation.GO
    report = examine({PATH: GOOD}, PRODUCT, plan_of("test_one"), (), passed, "run")
    assert report.recommendation is Recommendation.HOLD
    assert rules_in(report) == ["passes-on-base"]
    assert {score.name: score.value for score in report.scores}["impact coverage"] == 0.0


def test_each_kind_that_is_no_reproduction_is_held() -> None:
    test = f"{PATH}::test_one"
    for kind in FailureKind:
        outcome = Outcome(test=f"{test}[a]", kind=kind, reason="as it was")
        seen = Observation(
            test=f"{test}[a]", path=PATH, status="failed", phase="call", reached=("product/service.py::one",)
        )
        report = examine({PATH: GOOD}, PRODUCT, plan_of("test_one"), (seen,), (outcome,), "run")
        expected = Recommendation.GO if kind is FailureKind.AS_PREDICTED else Recommendation.HOLD
        assert report.recommendation is expected, kind


def test_a_run_without_a_planned_test_is_held() -> None:
    other = (Outcome(test="tests/unit/test_other.py::test_x", kind=FailureKind.AS_PREDICTED, reason="x"),)
    report = examine({PATH: GOOD}, PRODUCT, plan_of("test_one"), (), other, "run")
    assert rules_in(report) == ["skipped-or-not-run"]


def test_an_exception_that_the_plan_predicts_needs_no_assert_and_no_signature() -> None:
    text = "from product.service import one\n\n\ndef test_one():\n    one()\n"
    assert examine({PATH: text}, PRODUCT, plan_of("test_one", failure="exception")).findings == ()
    assert rules_in(examine({PATH: text}, PRODUCT, plan_of("test_one")), FindingSeverity.ERROR) == ["no-assert"]


def test_a_contradiction_through_the_suspect_is_the_reproduction() -> None:
    limit = "class Limit:\n    def __init__(self, big=False):\n        self.most = 100 if big else 5\n"
    product = {"product/service.py": limit}
    text = "from product.service import Limit\n\n\ndef test_one():\n    assert Limit().most == 10\n"
    expectation = Expectation(
        failure="assertion", message="5", reaches=Suspect(path="product/service.py", function="Limit.__init__")
    )
    planned = plan_of("test_one").tests[0].model_copy(update={"expectation": expectation})
    assert examine({PATH: text}, product, TestPlan(summary="x", tests=(planned,))).findings == ()
    found = examine({PATH: text}, product).findings
    assert [(item.rule, item.line) for item in found] == [("expectation-contradicts-impl", 5)]
    assert "is 5 (product/service.py:3: self.most = 100 if big else 5)" in found[0].message


def test_async_mode_of_the_project_is_honoured() -> None:
    text = "from product.service import ready\n\n\nasync def test_ready():\n    assert await ready()\n"
    assert rules_in(examine({PATH: text}, PRODUCT)) == ["async-test-not-run"]
    auto = {**PRODUCT, "pyproject.toml": '[tool.pytest.ini_options]\nasyncio_mode = "auto"\n'}
    assert examine({PATH: text}, auto).findings == ()
    assert examine({PATH: text}, PRODUCT, pytest_args=("--asyncio-mode=auto",)).findings == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("def test_x(:\n    pass\n", "not valid Python"),
        ("x = 1\n\x00\ndef test_x(): pass\n", "not valid Python"),
        ("x = " + "(" * 500 + ")" * 500, "not valid Python"),
        ("x = " + "-" * 5_000 + "1\n", "nested"),
        ("x = " + "+".join(["1"] * 300) + "\n", "nested deeper than"),
        ("x = '\ud800'\n", "not valid Python"),
        ("# " + "x" * MOST_CHARACTERS, "at most 400,000"),
        ("x = " + "9" * 5_000 + "\n", "not valid Python"),
    ],
)
def test_a_hostile_file_is_a_finding(text: str, says: str) -> None:
    report = examine({PATH: text}, PRODUCT)
    assert report.recommendation is Recommendation.HOLD
    assert rules_in(report) == ["unreadable-file"]
    assert says in report.findings[0].message


def test_a_product_module_that_cannot_be_read_is_unknown_and_not_missing() -> None:
    text = "from product.generated import table\n\n\ndef test_table():\n    assert table(1) == 2\n"
    product = {**PRODUCT, "product/generated.py": "x = " + "+".join(["1"] * 300) + "\ndef table(x): return 2\n"}
    assert examine({PATH: text}, product).findings == ()
    assert rules_in(examine({PATH: text}, PRODUCT)) == ["missing-symbol"]


def test_a_hostile_implementation_is_bounded() -> None:
    texts = [
        "def one():\n" + "".join(f"{' ' * (n + 1)}if x:\n" for n in range(90)) + " " * 95 + "return 1\n",
        "from product.service import one\n",
        "class A(A): pass\nclass B(C): pass\nclass C(B): pass\none = B\n",
        "one = two\ntwo = one\n",
        "def one():\n    return one()\n",
        "def one(x=lambda: one()):\n    return [one(y) for y in one]\n",
        "class one:\n    def __init__(self):\n        self.x = one().x\n    def __eq__(self, o): return one() == o\n",
        "one = 2 ** 10 ** 10\n",
        "def one():\n    while True:\n        pass\n",
    ]
    for text in texts:
        report = examine({PATH: GOOD + "    x = one()\n    assert x.x == 1\n"}, {"product/service.py": text})
        assert report.tests == (f"{PATH}::test_one",)


def test_the_report_does_not_depend_on_the_order_of_the_files() -> None:
    files = {f"tests/unit/test_{name}.py": text for name, text in (("a", GOOD), ("b", BAD), ("c", BAD + GOOD))}
    first = examine(files, PRODUCT)
    for seed in range(5):
        names = list(files)
        random.Random(seed).shuffle(names)
        assert examine({name: files[name] for name in names}, dict(reversed(PRODUCT.items()))) == first


def test_module_names_follow_packages() -> None:
    paths = {"src/pkg/__init__.py", "src/pkg/a.py", "app/b.py", "c.py"}
    assert module_names("src/pkg/a.py", paths)[0] == "pkg.a"
    assert module_names("src/pkg/__init__.py", paths)[0] == "pkg"
    assert module_names("app/b.py", paths) == ("app.b", "b")
    assert module_names("c.py", paths) == ("c",)


def test_a_deep_tree_is_refused_and_a_usual_one_is_not() -> None:
    assert isinstance(parse("x.py", f"x = {'[' * 50}{']' * 50}\n"), Source)
    assert not isinstance(parse("x.py", f"x = {'[' * 150}{']' * 150}\n"), Source)
    assert MOST_DEPTH == 100


SNIPPETS = (
    "assert x",
    "assert f() == 1",
    "await f()",
    "x = f()",
    "x, *y = f(), 2",
    "with pytest.raises(ValueError): f(1)",
    "try:\n    f()\nexcept Exception:\n    pass",
    "if x: assert x == 2",
    "for x in f(): assert x",
    "return x",
    "x.y = f",
    "del x",
    "print('PASSED', x)",
    "x = Mock(side_effect=ValueError)",
    "x.f = AsyncMock()",
    "x.f()",
    "C(1).m(a=2)",
    "C.m",
    "m.f(z=1)",
    "while x: x = f()",
    "async with f() as x: pass",
    "x = lambda y: f(y)",
    "global x",
    "match x:\n    case {'a': y}: assert y",
    "x = [f(y) for y in z]",
    "assert (x := f())",
    "x += 1",
    "f'{x!r:{y}}'",
    "raise ValueError",
    "import m as x",
    "x[0] = f()",
    "assert 60.0 == C().t",
    "class D(C):\n    def __init__(self): self.t = f()",
    "def test_in(): assert 0",
    "connect('ws://localhost:8000')",
    "C(host='127.0.0.1', port=6379).m()",
    "time.sleep(1)",
    "yield x",
    "assert x in (True, False)",
    "patch.object(C, 'm')",
    "monkeypatch.setattr('m.f', 1)",
    "monkeypatch.setenv('A', 'b')",
    "x = C.__dict__",
    "import *",
)


@st.composite
def functions(draw: st.DrawFn) -> str:
    lines = draw(st.lists(st.sampled_from(SNIPPETS), min_size=1, max_size=8))
    body = "\n".join("    " + line.replace("\n", "\n    ") for line in lines)
    head = draw(
        st.sampled_from(
            [
                "def test_a(x, y=1):",
                "async def test_a(self):",
                "@pytest.fixture\ndef x():",
                "class TestC(C):\n  def test_b(self):",
            ]
        )
    )
    deep = textwrap.indent(body, "  ") if head.startswith("class") else body
    return f"{head}\n{deep}\n"


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(functions(), max_size=3), st.lists(functions(), max_size=2))
def test_generated_python_never_breaks_it(tests: list[str], product: list[str]) -> None:
    head = "import m, pytest, time\nfrom m import *\nfrom m import f, C\nfrom unittest.mock import *\n"
    implementation = {
        "m.py": "class C:\n    t = 10.0\n    async def m(self, a): return C()\nasync def f(*a): return 1\n"
        + "".join(product)
    }
    report = examine({"test_a.py": head + "".join(tests)}, implementation)
    assert report.recommendation in Recommendation
    assert set(report.defects) <= {*report.tests, "test_a.py"}


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=300), st.text(max_size=300))
def test_any_text_never_breaks_it(test: str, product: str) -> None:
    assert examine({"test_a.py": test}, {"m.py": product}).depth == "static"


def test_the_standard_library_never_breaks_it() -> None:
    for module in (ast, inspect, random):
        path = Path(str(module.__file__))
        text = path.read_text(encoding="utf-8")
        assert examine({f"test_{path.name}": text}, {path.name: text}).depth == "static"
