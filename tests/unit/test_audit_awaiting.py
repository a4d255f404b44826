"""An async test whose plugin was not there is a matter of the place that ran it; without a mark it is a defect."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from bot.audit.examine import examine
from bot.audit.kinds import classify
from bot.domain.audit import AuditReport, FindingSeverity
from bot.domain.suite import FailureKind, Observation, Outcome, RaisedException

CODE = "async def ready(x=2):\n    return x > 1\n"
BODY = "    assert await ready()\n"
PYTEST = (
    "async def functions are not natively supported.\nYou need to install a suitable plugin for your async "
    "framework, for example:\n  - anyio\n  - pytest-asyncio\n"
)
HEAD = "import pytest\nfrom product.service import ready\n\n\n"
ID = "tests/test_service.py::test_ready"

NAMED = {
    "mark": ("@pytest.mark.asyncio\nasync def test_ready():\n", "", "pytest-asyncio"),
    "mark with scope": ("@pytest.mark.asyncio(loop_scope='module')\nasync def test_ready():\n", "", "pytest-asyncio"),
    "kept mark": ("run = pytest.mark.trio\n\n\n@run\nasync def test_ready():\n", "", "pytest-trio"),
    "module": ("pytestmark = [pytest.mark.anyio]\n\n\nasync def test_ready():\n", "", "anyio"),
    "setting": ("async def test_ready():\n", "[tool.pytest.ini_options]\nasyncio_mode = 'auto'\n", "pytest-asyncio"),
    "fixture": ("async def test_ready(anyio_backend):\n", "", "anyio"),
}
UNNAMED = {
    "no mark": ("async def test_ready():\n", ""),
    "another mark": ("@pytest.mark.slow\nasync def test_ready():\n", ""),
    "strict": ("async def test_ready():\n", "[tool.pytest.ini_options]\nasyncio_mode = 'strict'\n"),
}


def _names(cases: Mapping[str, object]) -> list[str]:
    return [name.replace(" ", "-") for name in cases]


def _seen(message: str = PYTEST, test: str = ID) -> Observation:
    raised = RaisedException(type="Failed", message=message, bases=("_pytest.outcomes.Failed",))
    return Observation(
        test=test, path="tests/test_service.py", status="failed", phase="call", exceptions=(raised,)
    )


def _ran(head: str, config: str, *seen: Observation) -> AuditReport:
    outcomes = tuple(classify(item, None, ("product/**",), ()) for item in seen)
    files = {"product/__init__.py": "", "product/service.py": CODE, "pyproject.toml": config}
    return examine(
        {"tests/test_service.py": HEAD + head + BODY}, files, observations=seen, outcomes=outcomes, depth="run"
    )


def _errors(report: AuditReport) -> list[str]:
    return [item.rule for item in report.findings if item.severity is FindingSeverity.ERROR]


@pytest.mark.parametrize("case", NAMED.values(), ids=_names(NAMED))
def test_a_plugin_that_the_files_name_and_nobody_installed_is_of_the_environment(case: tuple[str, str, str]) -> None:
    head, config, plugin = case
    report = _ran(head, config, _seen())
    assert [(item.kind, plugin in item.reason) for item in report.outcomes] == [(FailureKind.ENVIRONMENT, True)]
    assert _errors(report) == []
    assert [item.rule for item in report.findings if plugin in item.message] == ["async-test-not-run"]


@pytest.mark.parametrize("case", UNNAMED.values(), ids=_names(UNNAMED))
def test_without_a_mark_or_a_setting_it_stays_a_defect(case: tuple[str, str]) -> None:
    report = _ran(*case, _seen())
    assert [item.kind for item in report.outcomes] == [FailureKind.OTHER_FAILURE]
    assert "red-against-the-product" in _errors(report)


def test_another_failure_of_a_marked_test_keeps_its_kind() -> None:
    report = _ran(*NAMED["mark"][:2], _seen("assert False"))
    assert [item.kind for item in report.outcomes] == [FailureKind.OTHER_FAILURE]


def test_the_skip_of_an_older_pytest_is_the_same() -> None:
    reason = "async def function and no async plugin installed (see warnings)"
    seen = Observation(test=ID, path="tests/test_service.py", status="skipped", phase="call", skip_reason=reason)
    report = _ran(*NAMED["mark"][:2], seen)
    assert [item.kind for item in report.outcomes] == [FailureKind.ENVIRONMENT]


def test_many_tests_give_one_note() -> None:
    head = "@pytest.mark.asyncio\n@pytest.mark.parametrize('x', [1, 2])\nasync def test_ready(x):\n"
    report = _ran(head, "", _seen(test=f"{ID}[1]"), _seen(test=f"{ID}[2]"))
    assert len([item for item in report.findings if "pytest-asyncio" in item.message]) == 1


def test_a_reason_that_only_looks_like_it_is_no_note() -> None:
    said = Outcome(test="tests/test_service.py::test_gone", kind=FailureKind.ENVIRONMENT, reason="The plugin x")
    report = examine(
        {"tests/test_service.py": HEAD + NAMED["mark"][0] + BODY}, {"product/service.py": CODE}, outcomes=(said,),
        depth="run",
    )
    assert [item.rule for item in report.findings if item.rule == "async-test-not-run"] == []
