"""What the first issue says that it shows, by the real command."""

from __future__ import annotations

import json
import resource
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from junitparser import Failure, JUnitXml

from tests.e2e.command import BOT, bot, environment, record_of

MISSING = "No module named 'quay.pricing.tariffs'"


@pytest.mark.slow
def test_the_demo_rejects_the_first_tests_and_proves_red_green_red(tmp_path: Path) -> None:
    (tmp_path / "bot.toml").write_text("[proof]\nreruns = 1\n")
    said = bot("cycle", "--focus", "message-routing", "--demo", cwd=tmp_path)
    assert said.code == 0, said.everything

    steps = record_of(tmp_path / ".bot")["steps"]
    assert isinstance(steps, list)
    first, second = [step["result"]["report"] for step in steps if step["step"] == "audit"]
    assert (first["recommendation"], second["recommendation"]) == ("HOLD", "GO")
    places = {item["rule"] for item in first["findings"]
              if item["path"] == "tests/unit/test_readiness_subscriber.py" and item["line"] > 0}
    assert len(places) >= 5, first["findings"]
    assert all(item["path"] and item["line"] > 0 for item in first["findings"])

    (junit,) = (tmp_path / ".bot").glob("message-routing/*/cycle-01/junit")
    (planned,) = [step["result"]["plan"]["tests"] for step in steps if step["step"] == "plan"]
    names = {test["name"] for test in planned}
    expected = {"base-1": names, "proof-base-1": names, "proof-fix-1": set(), "proof-revert-1": names}
    for file, reds in expected.items():
        cases = [case for suite in JUnitXml.fromfile(str(junit / f"{file}.xml")) for case in suite]
        assert {case.name for case in cases} == names, file
        assert {case.name for case in cases if not case.is_passed} == reds, file
        assert {type(result) for case in cases for result in case.result} == ({Failure} if reds else set()), file


# A crash loop, as gunicorn on Cloud Run writes one

START = datetime(2025, 3, 4, 5, 0, tzinfo=UTC)
INSTANCES = ("00f1aa", "00f1bb", "00f1cc")
CRASHES = 5
DURING = "During handling of the above exception, another exception occurred:"
FIRST = f"""Traceback (most recent call last):
  File "/app/quay/http/layers.py", line 52, in add_layers
    from quay.http.tariff_layer import TariffLayer
  File "/app/quay/http/tariff_layer.py", line 9, in <module>
    from quay.pricing.tariffs import current
ModuleNotFoundError: {MISSING}"""
SECOND = f"""Traceback (most recent call last):
  File "/app/quay/http/layers.py", line 31, in set_up
    add_layers(app)
  File "/app/quay/http/layers.py", line 60, in add_layers
    add_plain_layers(app)
  File "/app/quay/http/layers.py", line 88, in add_plain_layers
    from quay.http.tariff_layer import TariffLayer
  File "/app/quay/http/tariff_layer.py", line 9, in <module>
    from quay.pricing.tariffs import current
ModuleNotFoundError: {MISSING}"""
THIRD = f"""Traceback (most recent call last):
  File "/usr/local/lib/python3.11/site-packages/gunicorn/arbiter.py", line 608, in spawn_worker
    worker.init_process()
  File "/usr/local/lib/python3.11/site-packages/gunicorn/util.py", line 370, in import_app
    mod = importlib.import_module(module)
  File "<frozen importlib._bootstrap>", line 1204, in _gcd_import
  File "/app/quay/main.py", line 14, in <module>
    app = create_app()
  File "/app/quay/http/layers.py", line 40, in set_up
    raise RuntimeError("layers cannot be set up: " + str(error))
RuntimeError: layers cannot be set up: {MISSING}"""


def lines_of_a_crash() -> Iterator[tuple[str, str, str | dict[str, object]]]:
    """Log, severity and payload of one crash, in the order of their times."""
    for number in range(12):
        yield "stdout", "INFO", {"message": f"setting {number} is configured", "logger": "quay.settings"}
    yield "stdout", "WARNING", {"message": "no collector is configured, traces are dropped", "logger": "quay.traces"}
    yield "stderr", "", "[2025-03-04 05:00:00 +0000] [12] [ERROR] Exception in worker process"
    yield "stderr", "ERROR", FIRST
    yield "stderr", "", DURING
    yield "stderr", "ERROR", SECOND
    yield "stderr", "", DURING
    yield "stderr", "ERROR", THIRD
    yield "stderr", "", "[2025-03-04 05:00:00 +0000] [12] [INFO] Worker exiting (pid: 12)"
    yield "stderr", "ERROR", {"message": f"CRITICAL: layers cannot be set up: {MISSING}"}
    yield "stderr", "ERROR", {"message": f"details: ModuleNotFoundError: {MISSING}",
                              "error": {"traceback": None, "type": "ModuleNotFoundError", "value": MISSING}}
    yield "stderr", "", "[2025-03-04 05:00:00 +0000] [11] [ERROR] Worker (pid:12) exited with code 3"
    yield "stderr", "", "[2025-03-04 05:00:00 +0000] [11] [ERROR] Reason: Worker failed to boot."
    yield "varlog%2Fsystem", "WARNING", "Container called exit(3)."
    yield "varlog%2Fsystem", "INFO", "Starting new instance. Reason: CUSTOMER_MIN_INSTANCE."
    yield "stderr", "", "[2025-03-04 05:00:00 +0000] [12] [INFO] Starting gunicorn 23.0.0"


def crash_loop() -> list[dict[str, object]]:
    """The export, newest entry first, of several instances that crash by turns."""
    entries: list[dict[str, object]] = []
    for crash in range(CRASHES):
        for instance, identity in enumerate(INSTANCES):
            moment = START + timedelta(seconds=crash * 20 + instance * 6)
            for number, (log, severity, payload) in enumerate(lines_of_a_crash()):
                entry: dict[str, object] = {
                    "insertId": f"{crash:02d}{instance:02d}{number:04d}",
                    "timestamp": (moment + timedelta(microseconds=number * 17)).isoformat().replace("+00:00", "Z"),
                    "logName": f"projects/harbour-staging/logs/run.googleapis.com%2F{log}",
                    "labels": {"instanceId": identity * 20},
                    "resource": {"type": "cloud_run_revision", "labels": {
                        "service_name": "quay", "revision_name": "quay-00042-abc", "project_id": "harbour-staging"}},
                    "textPayload" if isinstance(payload, str) else "jsonPayload": payload,
                }
                entries.append(entry | ({"severity": severity} if severity else {}))
    return sorted(entries, key=lambda entry: str(entry["timestamp"]), reverse=True)


def test_a_crash_loop_is_one_incident_with_the_module_at_its_root(tmp_path: Path) -> None:
    entries = crash_loop()
    (tmp_path / "loop.ndjson").write_text("\n".join(map(json.dumps, entries)))
    said = bot("cycle", "--focus", "startup", "--logs", "file:loop.ndjson", "--until", "retrieve", "--json",
               cwd=tmp_path)
    assert said.code == 0, said.everything
    retrieved = record_of(tmp_path / ".bot")["steps"][0]["result"]  # type: ignore[index]
    winner = retrieved["selection"]["winner"]["incident"]
    stated = [entry for entry in entries if entry.get("severity") == "ERROR"]
    assert winner["root"]["type"] == "ModuleNotFoundError"
    assert "quay.pricing.tariffs" in winner["root"]["message"]
    assert winner["error_entries"] == len(stated) == 5 * CRASHES * len(INSTANCES)
    assert len(winner["instances"]) == len(INSTANCES)
    assert retrieved["selection"]["reasons"]
    for reason in retrieved["selection"]["reasons"]:
        assert " ".join(reason.split()) in said.everything
    others = [ranked["incident"] for ranked in retrieved["selection"]["runners_up"]]
    assert not any(item["error_entries"] for item in others)


# The command that says what there is

SLOW = ("anthropic", "github", "google", "grpc", "dbos", "jinja2", "pytest")


def test_help_takes_less_than_a_quarter_of_a_second(tmp_path: Path) -> None:
    taken: list[float] = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        said = bot("--help", cwd=tmp_path)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert said.code == 0
        assert "cycle" in said.out
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(taken) < 0.25, taken


def test_help_imports_nothing_that_is_slow(tmp_path: Path) -> None:
    done = subprocess.run([BOT[0], "-X", "importtime", *BOT[1:], "--help"], cwd=tmp_path, env=environment(),
                          capture_output=True, text=True, check=True)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if "import time:" in line}
    assert {"bot.domain", "typer"} <= imported, sorted(imported)
    assert sorted(name for name in imported if name.partition(".")[0] in SLOW) == []
