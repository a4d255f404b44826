"""What can go wrong for a user: each has its own words and exit code, and loses nothing."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from bot.adapters.directory_store import DirectoryStore
from bot.demo import logs_path, script_path
from bot.demo.repository import build_repository
from bot.domain.record import CycleEnd, CycleStatus
from tests.e2e.command import BOT, Said, bot, environment, record_of

WITH_KEY = environment(ANTHROPIC_API_KEY="sk-none")
"""A key that is never used: the log ends the cycle before any model is asked."""
DEMO = ("cycle", "--focus", "message-routing", "--demo")


def entry(number: int, severity: str, text: str) -> str:
    return json.dumps({
        "insertId": f"id{number}", "timestamp": f"2025-11-07T08:00:{number:02d}Z", "severity": severity,
        "textPayload": text, "logName": "projects/p/logs/run.googleapis.com%2Fstdout",
        "resource": {"type": "cloud_run_revision", "labels": {"service_name": "shop", "project_id": "p"}},
    })


def test_an_unknown_focus_names_those_there_are(tmp_path: Path) -> None:
    said = bot("cycle", "--focus", "mesage", "--logs", "file:x", cwd=tmp_path)
    assert said.code == 2
    assert "There is no focus 'mesage'; there are errors, http-5xx, message-routing, startup." in said.everything
    assert not (tmp_path / ".bot").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--logs", "ftp:x"), "There is no log source 'ftp:x'"),
        (("--logs", "file:x", "--until", "never"), "There is no step 'never'; there are retrieve, five_whys"),
        (("--logs", "file:x", "--sandbox", "jail"), "There is no sandbox 'jail'"),
        (("--logs", "file:x", "--forge", "gitlab"), "There is no forge 'gitlab'"),
        (("--logs", "file:x", "--model", "oracle:x"), "There is no model provider 'oracle'"),
        (("--logs", "file:x", "--model", "script:nowhere"), "There is no folder nowhere"),
        (("--logs", "file:x", "--cycles", "11"), "--cycles"),
        ((), "It is not said where the logs are"),
    ],
)
def test_wrong_usage(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    said = bot("cycle", "--focus", "errors", *arguments, cwd=tmp_path)
    assert said.code == 2, said.everything
    assert words in said.everything
    assert list(tmp_path.glob(".bot/*/*")) == []


def test_an_empty_log_and_a_clean_log_are_not_the_same(tmp_path: Path) -> None:
    (tmp_path / "empty.ndjson").write_text("")
    lines = [entry(number, "INFO", f"served {number}") for number in range(20)]
    (tmp_path / "clean.ndjson").write_text("\n".join(lines))
    empty = bot("cycle", "--focus", "errors", "--logs", "file:empty.ndjson", cwd=tmp_path, env=WITH_KEY)
    clean = bot("cycle", "--focus", "errors", "--logs", "file:clean.ndjson", cwd=tmp_path, env=WITH_KEY)
    assert (empty.code, clean.code) == (0, 0)
    assert "ended: the log is empty" in empty.everything
    assert "ended: no actionable incident" in clean.everything
    assert "20 entries, none is an incident to work on" in clean.everything


def truncated() -> bytes:
    lines = [entry(number % 60, "ERROR", os.urandom(20).hex()) for number in range(900)]
    whole = gzip.compress("\n".join(lines).encode())
    return whole[:40]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "There is no file"),
        (truncated(), "ends too early"),
        (b"\x00\x01\x02\xff" * 500, ""),
        (b"\x28\xb5\x2f\xfd" + b"zstd" * 100, ""),
    ],
    ids=["missing", "cut off", "binary", "zstd"],
)
def test_a_log_that_cannot_be_read_is_no_clean_log(tmp_path: Path, content: bytes | None, words: str) -> None:
    if content is not None:
        (tmp_path / "x.ndjson.gz").write_bytes(content)
    said = bot("cycle", "--focus", "errors", "--logs", "file:x.ndjson.gz", cwd=tmp_path, env=WITH_KEY)
    assert said.code == 4, said.everything
    assert words in said.everything
    assert "clean" not in said.everything
    record = record_of(tmp_path / ".bot")
    assert record["status"] == "paused"
    # Nothing is lost: once the file is whole, the same cycle goes on.
    (tmp_path / "x.ndjson.gz").write_bytes(gzip.compress(entry(1, "INFO", "served").encode()))
    assert bot("resume", cwd=tmp_path, env=WITH_KEY).code == 0
    assert record_of(tmp_path / ".bot")["end"] == "no actionable incident"


def test_standard_input_is_a_log(tmp_path: Path) -> None:
    lines = [entry(number, "ERROR", "payment failed: no such account") for number in range(5)]
    said = bot("cycle", "--focus", "errors", "--logs", "file:-", "--until", "retrieve", "--json", cwd=tmp_path,
               stdin="\n".join(lines).encode())
    assert said.code == 0, said.err
    assert said.json()["entries"] == 5


def until(step: str, tmp_path: Path, *more: str) -> Said:
    return bot(*DEMO, "--until", step, *more, cwd=tmp_path)


@pytest.mark.parametrize("damage", ["torn", "edited"])
def test_a_damaged_record_is_named_and_left_alone(tmp_path: Path, damage: str) -> None:
    assert until("retrieve", tmp_path).code == 0
    (path,) = (tmp_path / ".bot").glob("message-routing/*/cycle-01/record.json")
    text = path.read_text()
    path.write_text(text[: len(text) // 3] if damage == "torn" else text.replace('"entries": ', '"entries": 9', 1))
    before = path.read_bytes()
    for arguments in (("resume",), ("status",), DEMO):
        said = bot(*arguments, cwd=tmp_path)
        assert said.code == 7, said.everything
        assert f"{path.relative_to(tmp_path)} is damaged" in said.everything
    assert path.read_bytes() == before
    doctor = bot("doctor", "--demo", cwd=tmp_path)
    assert doctor.code == 1
    assert "1 of 1 records are damaged" in doctor.everything


def test_a_second_process_says_who_holds_the_state_or_waits(tmp_path: Path) -> None:
    first = subprocess.Popen([*BOT, *DEMO, "--until", "five_whys", "--logs", "file:-"], cwd=tmp_path, env=environment(),
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        holder = tmp_path / ".bot" / "lock.holder"
        deadline = time.monotonic() + 30
        while not holder.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        second = until("retrieve", tmp_path)
        assert second.code == 6, second.everything
        assert f"process {first.pid}, bot cycle --focus message-routing" in second.everything
        third = subprocess.Popen([*BOT, "cycle", "--focus", "startup", "--demo", "--until", "retrieve", "--wait", "60"],
                                 cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    finally:
        first.communicate(gzip.decompress(logs_path().read_bytes()), timeout=60)
    assert first.returncode == 0
    third.communicate(timeout=60)
    assert third.returncode == 0


def test_an_interrupt_keeps_everything_and_resume_goes_on(tmp_path: Path) -> None:
    process = subprocess.Popen([*BOT, *DEMO], cwd=tmp_path, env=environment(), stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(b"audit:"):
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert b"`bot resume` goes on" in err
    assert record_of(tmp_path / ".bot")["status"] == "running"
    said = bot("resume", "--until", "audit", cwd=tmp_path)
    assert said.code == 0, said.everything
    assert "paused: as asked: --until audit" in said.everything


# A scripted model that misbehaves


@pytest.fixture
def script(tmp_path: Path) -> Path:
    folder = tmp_path / "script"
    shutil.copytree(script_path(), folder)
    return folder


def test_a_model_that_breaks_the_schema_three_times(tmp_path: Path, script: Path) -> None:
    looks, good = script / "five_whys.1.json", script / "five_whys.1.2.json"
    looks.rename(script / "five_whys.2.json")
    good.rename(script / "five_whys.2.2.json")
    looks.write_text('{"whys": "because"}')
    said = until("plan", tmp_path, "--model", f"script:{script}")
    assert said.code == 8, said.everything
    assert "Step five_whys: 3 replies of script:script did not fit the schema" in said.everything
    (path,) = (tmp_path / ".bot").glob("message-routing/*/cycle-01/exchanges")
    assert len(list(path.iterdir())) == 3
    assert bot("resume", "--until", "plan", cwd=tmp_path).code == 0


def test_a_script_without_an_answer(tmp_path: Path, script: Path) -> None:
    (script / "plan.1.json").unlink()
    said = until("plan", tmp_path, "--model", f"script:{script}")
    assert said.code == 8, said.everything
    assert "plan.1.json" in said.everything


HANG = """import time


def test_{name}():
    while True:
        time.sleep(1)
"""
FORK = """import os
import time


def test_{name}():
    for _ in range(200):
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
    time.sleep(60)
"""
DISK = """import time


def test_{name}(tmp_path):
    for number in range(100):
        (tmp_path / str(number)).write_bytes(bytes(4_000_000))
    time.sleep(60)
"""
PRINT = """import sys
import time


def test_{name}():
    for _ in range(100):
        sys.stdout.write("x" * 1_000_000)
        sys.stdout.flush()
    time.sleep(60)
"""
HOSTILE = {
    "hang": (HANG, "time limit"),
    "fork": (FORK, "more processes than allowed"),
    "disk": (DISK, "wrote more to disk than allowed"),
    "print": (PRINT, "printed more than allowed"),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", HOSTILE)
def test_tests_that_go_over_a_limit_are_rejected_for_it(tmp_path: Path, script: Path, kind: str) -> None:
    content, words = HOSTILE[kind]
    plan = json.loads((script / "plan.1.json").read_text())
    first = plan["tests"][0]
    text = content.replace("{name}", first["name"].removeprefix("test_"))
    (script / "write_tests.1.json").write_text(json.dumps({"files": [{"path": first["path"], "content": text}]}))
    (tmp_path / "bot.toml").write_text(
        "[limits]\nseconds = 8\nprocesses = 40\ndisk_bytes = 60000000\noutput_bytes = 2000000\n"
    )
    started = time.monotonic()
    said = until("audit", tmp_path, "--model", f"script:{script}")
    # The first attempt is held for what it did; the second, which is right, goes through.
    assert said.code == 0, said.everything
    assert time.monotonic() - started < 60
    assert "audit 1 HOLD" in said.everything
    assert "audit 2 GO" in said.everything
    (audit,) = (tmp_path / ".bot").glob("message-routing/*/cycle-01/audit.md")
    assert words in audit.read_text()


@pytest.mark.slow
def test_tests_that_are_never_right_end_the_cycle_with_no(tmp_path: Path, script: Path) -> None:
    for attempt in (2, 3):
        shutil.copy(script / "write_tests.1.json", script / f"write_tests.{attempt}.json")
    said = bot(*DEMO, "--model", f"script:{script}", cwd=tmp_path)
    assert said.code == 1, said.everything
    assert "ended: tests rejected" in said.everything
    assert said.everything.count("HOLD: 10 tests") >= 3


@pytest.mark.slow
def test_a_fix_that_cures_nothing_is_rejected_with_no(tmp_path: Path, script: Path) -> None:
    line = "        self.lost = asyncio.Event()"
    harmless = {"summary": "An event is added that nobody waits for.", "edits": [
        {"path": "router/broker.py", "find": line, "replace": f"{line}\n        self.closed = asyncio.Event()"},
    ]}
    for attempt in (1, 2, 3):
        (script / f"fix.{attempt}.json").write_text(json.dumps(harmless))
    (tmp_path / "bot.toml").write_text("[proof]\nreruns = 1\nmutants = 0\n")
    said = bot(*DEMO, "--model", f"script:{script}", cwd=tmp_path)
    assert said.code == 1, said.everything
    assert "ended: fix rejected" in said.everything
    record = record_of(tmp_path / ".bot")
    assert [step["decision"] for step in record["steps"] if step["step"] == "prove"] == ["hold"] * 3  # type: ignore[attr-defined,index,union-attr]


@pytest.mark.slow
def test_a_fix_that_cures_the_symptom_is_rejected_by_the_guard(tmp_path: Path, script: Path) -> None:
    waiting = "                await self._broker.connected.wait()"
    slept = f"{waiting}\n                await asyncio.sleep(0.5)"
    symptom = {"summary": "Wait a moment, so that the subscriber has started.", "edits": [
        {"path": "router/readiness.py", "find": waiting, "replace": slept},
    ]}
    for attempt in (1, 2, 3):
        (script / f"fix.{attempt}.json").write_text(json.dumps(symptom))
    (tmp_path / "bot.toml").write_text("[proof]\nreruns = 1\nmutants = 0\n")
    said = bot(*DEMO, "--model", f"script:{script}", cwd=tmp_path)
    assert said.code == 1, said.everything
    assert "rejected by the fix guard: only-timing in router/readiness.py" in said.everything
    assert "ended: fix rejected" in said.everything


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tests/attempt-2/tests/unit/test_readiness_subscriber.py", "logs.ndjson"])
def test_a_file_of_the_record_that_was_edited_is_not_believed(tmp_path: Path, name: str) -> None:
    step = "audit" if name.startswith("tests") else "retrieve"
    assert until(step, tmp_path).code == 0
    (path,) = (tmp_path / ".bot").glob(f"message-routing/*/cycle-01/{name}")
    path.write_text(path.read_text() + "\n\ndef test_slipped_in() -> None:\n    assert True\n")
    said = bot("resume", cwd=tmp_path)
    assert said.code == 7, said.everything
    assert f"The file {name} of" in said.everything
    assert "is not the one that the record was made with" in said.everything


def test_a_dry_run_does_not_take_the_incident_out_of_work(tmp_path: Path) -> None:
    arguments = own_repository(tmp_path, "")
    dry = bot(*arguments, "--dry-run", "--until", "file_issue", cwd=tmp_path)
    assert dry.code == 0, dry.everything
    assert "Would be published" in dry.everything
    assert not (tmp_path / ".bot" / "forge" / "issues").exists()
    real = bot(*arguments, "--until", "file_issue", cwd=tmp_path)
    assert "SubscriberNotRunning" in real.everything
    assert (tmp_path / ".bot" / "forge" / "issues" / "0001.md").exists()
    # Whoever looks at the issue sees that the cycle waits, though no step is told of any more.
    told = (tmp_path / ".bot" / "forge" / "issues" / "0001.comments" / "0001.md").read_text()
    assert "paused: as asked" in told
    # Now it is in work, and the next one is chosen.
    third = bot(*arguments, "--until", "retrieve", cwd=tmp_path)
    assert "in work" in third.everything
    assert "incident router.broker.SubscriberNotRunning" not in third.everything


def test_a_run_goes_on_with_its_next_cycle_when_it_died_between_two(tmp_path: Path) -> None:
    lines = [entry(number, "ERROR", "payment failed: no such account") for number in range(5)]
    lines += [entry(30 + number, "ERROR", "the cache is not there") for number in range(3)]
    (tmp_path / "log.ndjson").write_text("\n".join(lines))
    arguments = ("cycle", "--focus", "errors", "--logs", "file:log.ndjson", "--cycles", "2", "--until", "retrieve")
    assert bot(*arguments, cwd=tmp_path).code == 0
    (path,) = (tmp_path / ".bot").glob("errors/*/cycle-01/record.json")
    # As a process leaves it that dies after the first cycle's end and before the second's beginning.
    store = DirectoryStore(tmp_path / ".bot")
    (ref,) = store.cycles()
    record = store.load(ref)
    store.save(record.model_copy(update={"status": CycleStatus.ENDED, "end": CycleEnd.NOT_REPRODUCED}), record.version)
    said = bot("resume", "--json", cwd=tmp_path)
    assert said.json()["cycle"] == f"errors/{ref.run}/cycle-02"
    assert path.exists()


def test_with_json_an_error_is_the_one_document(tmp_path: Path) -> None:
    early = bot("cycle", "--focus", "nothing", "--json", cwd=tmp_path)
    assert (early.code, early.json()["schema"], early.json()["family"]) == (2, "whybot/error/1", "usage")
    late = bot("cycle", "--focus", "errors", "--logs", "file:nowhere", "--json", cwd=tmp_path, env=WITH_KEY)
    assert (late.code, late.json()["schema"]) == (4, "whybot/cycle/1")
    failure = late.json()["failure"]
    assert isinstance(failure, dict)
    assert failure["exit_code"] == 4


def test_until_a_step_that_is_done_is_refused(tmp_path: Path) -> None:
    assert until("plan", tmp_path).code == 0
    said = bot("resume", "--until", "retrieve", cwd=tmp_path)
    assert said.code == 2, said.everything
    assert "is done already" in said.everything


def test_a_state_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = until("retrieve", tmp_path, "--state", "file/state")
    assert said.code == 3, said.everything
    assert "cannot be used" in said.everything


# Configuration, budget, target, sandbox, forge


def test_a_wrong_key_in_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "bot.toml").write_text('[sandbox]\nkind = "jail"\n')
    said = bot("status", cwd=tmp_path)
    assert said.code == 3
    assert "sandbox.kind is 'jail', but may be 'auto', 'bubblewrap', 'container' or 'process'" in said.everything


def test_a_spent_budget_pauses_and_can_be_raised(tmp_path: Path) -> None:
    (tmp_path / "bot.toml").write_text("[budget]\ntokens_per_cycle = 5000\n")
    said = until("five_whys", tmp_path)
    assert said.code == 5, said.everything
    assert "Raise [budget] tokens_per_cycle" in said.everything
    (tmp_path / "bot.toml").unlink()
    assert bot("resume", "--until", "five_whys", cwd=tmp_path).code == 0


def own_repository(tmp_path: Path, target: str) -> tuple[str, ...]:
    build_repository(tmp_path / "service")
    (tmp_path / "bot.toml").write_text(
        f'[repository]\nname = "acme/service"\npath = "service"\n\n[target.message-router]\ncode = ["router/**"]\n'
        f'tests = ["tests/unit", "tests/integration"]\nsuite = ["tests"]\n{target}\n'
    )
    return ("cycle", "--focus", "message-routing", "--logs", f"file:{logs_path()}", "--model",
            f"script:{script_path()}", "--sandbox", "process")


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ('setup = ["echo preparing", "exit 3"]\npython = ".venv/bin/python"', "`exit 3` ended with exit code 3"),
        ('python = ".venv/bin/python"', ".venv/bin/python does not exist"),
        ('python = "python3.99"', "python3.99 does not exist"),
    ],
)
def test_a_target_whose_environment_cannot_be_made(tmp_path: Path, target: str, words: str) -> None:
    said = bot(*own_repository(tmp_path, target), cwd=tmp_path)
    assert said.code == 11, said.everything
    assert words in said.everything


def test_a_service_that_is_not_described(tmp_path: Path) -> None:
    arguments = own_repository(tmp_path, "")
    text = (tmp_path / "bot.toml").read_text()
    (tmp_path / "bot.toml").write_text(text.replace("target.message-router", "target.other"))
    said = bot(*arguments, cwd=tmp_path)
    assert said.code == 3, said.everything
    assert "the service message-router, which bot.toml does not describe (described: other)" in said.everything


def test_a_plain_process_is_refused_in_actions(tmp_path: Path) -> None:
    said = bot(*DEMO, "--sandbox", "process", cwd=tmp_path, env=environment(GITHUB_ACTIONS="true"))
    assert said.code == 10, said.everything
    assert "no sandbox for generated code in GitHub Actions" in said.everything


def test_github_without_a_token(tmp_path: Path) -> None:
    said = bot(*DEMO, "--forge", "github", cwd=tmp_path)
    assert said.code == 3, said.everything
    assert "GITHUB_TOKEN is not set" in said.everything


def test_claude_without_a_key(tmp_path: Path) -> None:
    said = bot("doctor", cwd=tmp_path)
    assert said.code == 1
    assert "ANTHROPIC_API_KEY" in said.everything
