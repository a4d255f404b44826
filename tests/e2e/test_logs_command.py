"""`bot logs`: step 0 alone, as a person runs it. It needs nothing but a log, and leaves nothing behind."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest

from bot.demo import SERVICE
from bot.demo.repository import build_repository
from bot.domain.moments import rfc3339
from tests.e2e.command import bot, environment
from tests.fakes.cloud_logging import CloudLogging, CloudLoggingServer
from tests.fakes.token_endpoint import TokenEndpoint, certificate

TRACEBACK = (
    "Traceback (most recent call last):\n"
    '  File "/app/harbour/berths.py", line {line}, in free\n    return berths[name]\n'
    "KeyError: {key!r}"
)


def entry(number: int, text: str, severity: str = "", instance: str = "i1", **more: object) -> dict[str, object]:
    """An entry, one a minute from 08:00 on."""
    stated = {"severity": severity} if severity else {}
    return {
        "insertId": f"id{number}", "timestamp": f"2025-11-07T08:{number:02d}:00.5Z", "textPayload": text,
        "logName": "projects/p/logs/run.googleapis.com%2Fstderr", "labels": {"instanceId": instance},
        "resource": {"type": "cloud_run_revision", "labels": {
            "service_name": "ferry", "revision_name": "ferry-00007-xyz", "project_id": "p"}},
        **stated, **more,
    }


def berth(number: int, instance: str) -> dict[str, object]:
    return entry(number, TRACEBACK.format(line=12, key="north"), "ERROR", instance)


HARBOUR = (
    *(berth(number, f"i{number % 3}") for number in range(6)),
    entry(20, "tide table is late", "ERROR", "i7"),
    entry(30, "buoy 7 did not answer", "WARNING", "i8"),
    entry(40, "ferry arrived", "INFO", "i9"),
)


def written(folder: Path, *entries: dict[str, object], name: str = "export.ndjson") -> str:
    (folder / name).write_text("".join(json.dumps(one) + "\n" for one in entries))
    return f"file:{name}"


def everything_in(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


def test_a_log_is_enough_and_nothing_is_written(tmp_path: Path) -> None:
    source = written(tmp_path, *HARBOUR)
    before = everything_in(tmp_path)
    said = bot("logs", "--focus", "errors", "--logs", source, cwd=tmp_path)
    assert said.code == 0, said.everything
    assert everything_in(tmp_path) == before
    first, second = said.out.index("KeyError: 'north'"), said.out.index("tide table is late")
    assert first < second
    assert "harbour/berths.py:12 in free" in said.out
    assert "behind in instances: 1 against 3" in said.out
    assert "6 entries" in said.out
    assert "3 instances" in said.out
    assert "7 Nov 08:00:00 to 08:05:00" in said.out
    assert "revision ferry-00007-xyz" in said.out
    assert "Reach decided against the runner-up" in said.out
    assert "filter for Google" not in said.out
    assert "9 entries" in said.err


def test_the_document_holds_what_decided(tmp_path: Path) -> None:
    source = written(tmp_path, *HARBOUR, HARBOUR[0])
    with (tmp_path / "export.ndjson").open("a") as file:
        file.write("{torn\n")
    found = bot("logs", "--focus", "errors", "--logs", source, "--json", cwd=tmp_path).json()
    assert found["schema"] == "whybot/logs/1"
    assert (found["entries_read"], found["entries_damaged"], found["duplicates"]) == (10, 1, 1)
    assert found["span"] == ["2025-11-07T08:00:00.500Z", "2025-11-07T08:40:00.500Z"]
    groups, incidents, selected = found["groups"], found["incidents"], found["selected"]
    assert isinstance(groups, list)
    assert isinstance(incidents, list)
    assert isinstance(selected, dict)
    assert [group["count"] for group in groups if group["severity"] == "ERROR"] == [6, 1]
    assert [one["place"] for one in incidents] == [1, 2]
    assert incidents[0]["fingerprint"] == selected["fingerprint"]
    assert incidents[0]["lost"] is None
    assert incidents[1]["lost"] == {"by": "instances", "value": "1", "against": "3"}
    assert sum(incidents[0]["timeline"]) == 6
    assert selected["root"] == {
        "type": "KeyError", "message": "'north'", "location": "harbour/berths.py:12 in free"
    }
    (member,) = selected["members"]
    assert member == {
        "fingerprint": selected["fingerprint"], "severity": "ERROR", "count": 6, "sample": "KeyError: 'north'"
    }
    assert (selected["entries"], selected["instances"]) == (6, 3)
    assert selected["reasons"] == found["reasons"]


def test_explained_are_members_order_focus_and_filter(tmp_path: Path) -> None:
    went_down = [entry(number, "Worker (pid:7) exited with code 3", "ERROR", f"i{number % 3}",
                       timestamp=f"2025-11-07T08:{number:02d}:00.9Z", insertId=f"w{number}") for number in range(6)]
    source = written(tmp_path, *HARBOUR, *went_down)
    said = bot("logs", "--focus", "errors", "--logs", source, "--explain", "--top", "1", cwd=tmp_path)
    assert said.code == 0, said.everything
    lines = [" ".join(line.split()) for line in said.out.splitlines()]
    root = next(number for number, line in enumerate(lines) if " root KeyError" in line)
    after = next(number for number, line in enumerate(lines) if "400 ms after (6 of 6 times) Worker" in line)
    assert root < after
    assert "1 more incident; --top 2 shows all." in said.out
    assert "tide table" not in said.out.split("Why the first")[0]
    assert "Sought: every incident." in said.out
    assert "severity>=ERROR" in said.out


def test_a_log_of_the_demo_through_a_pipe_has_its_incident_first(tmp_path: Path) -> None:
    found = bot("logs", "--focus", "message-routing", "--logs", "demo", "--json", cwd=tmp_path).json()
    selected = found["selected"]
    assert isinstance(selected, dict)
    assert selected["root"]["type"].endswith("SubscriberNotRunning")


def test_clean_empty_and_failed_are_three_things(tmp_path: Path) -> None:
    clean = written(tmp_path, entry(1, "ferry arrived", "INFO"))
    empty = written(tmp_path, name="empty.ndjson")
    found = bot("logs", "--focus", "errors", "--logs", clean, "--json", cwd=tmp_path)
    assert (found.code, found.json()["selected"], found.json()["entries_read"]) == (0, None, 1)
    said = bot("logs", "--focus", "errors", "--logs", clean, cwd=tmp_path)
    assert "No incident to work on" in said.out
    nothing = bot("logs", "--focus", "errors", "--logs", empty, cwd=tmp_path)
    assert nothing.code == 0
    assert "Errors: no entry in file:" in nothing.out
    failed = bot("logs", "--focus", "errors", "--logs", "file:gone.ndjson", "--json", cwd=tmp_path)
    assert failed.code == 4
    assert failed.json()["schema"] == "whybot/error/1"
    assert "There is no file" in failed.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--focus", "erors", "--logs", "file:x"), "There is no focus 'erors'"),
        (("--focus", "errors"), "It is not said where the logs are"),
        (("--focus", "errors", "--logs", "ftp:x"), "There is no log source 'ftp:x'"),
        (("--focus", "errors", "--logs", "file:x", "--top", "0"), "--top"),
    ],
)
def test_wrong_usage_is_named(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    said = bot("logs", *arguments, cwd=tmp_path)
    assert said.code == 2
    assert words in said.everything


def fingerprint_of_the_first(folder: Path, source: str) -> str:
    selected = bot("logs", "--focus", "errors", "--logs", source, "--json", cwd=folder).json()["selected"]
    assert isinstance(selected, dict)
    return str(selected["fingerprint"])


def test_a_mute_holds_until_its_day(tmp_path: Path) -> None:
    source = written(tmp_path, *HARBOUR)
    loudest = fingerprint_of_the_first(tmp_path, source)
    mute = f"[[mute]]\nfingerprint = '{loudest}'\nwhy = 'the harbour master knows'\nuntil = "
    (tmp_path / "bot.toml").write_text(f"{mute}2020-01-31\n")
    assert fingerprint_of_the_first(tmp_path, source) == loudest
    (tmp_path / "bot.toml").write_text(f"{mute}9999-12-31\n")
    said = bot("logs", "--focus", "errors", "--logs", source, cwd=tmp_path)
    assert said.out.index("tide table") < said.out.index("KeyError: 'north'")
    assert "muted: until 9999-12-31: the harbour master knows" in " ".join(said.out.split())
    found = bot("logs", "--focus", "errors", "--logs", source, "--json", cwd=tmp_path).json()
    incidents, selected = found["incidents"], found["selected"]
    assert isinstance(incidents, list)
    assert isinstance(selected, dict)
    assert selected["fingerprint"] != loudest
    assert [one["novelty"] for one in incidents] == ["new", "muted"]


def test_what_a_state_has_in_work_is_not_first_again(tmp_path: Path) -> None:
    (tmp_path / "bot.toml").write_text(f"[repository]\nname = 'demo/{SERVICE}'\n")
    look = ("logs", "--focus", "message-routing", "--logs", "demo", "--json")
    before = bot(*look, cwd=tmp_path).json()
    run = bot("cycle", "--focus", "message-routing", "--demo", "--until", "file_issue", cwd=tmp_path)
    assert run.code == 0, run.everything
    state = everything_in(tmp_path)
    after = bot(*look, cwd=tmp_path).json()
    assert everything_in(tmp_path) == state
    selected, incidents = before["selected"], after["incidents"]
    assert isinstance(selected, dict)
    assert isinstance(incidents, list)
    (worked,) = (one for one in incidents if one["fingerprint"] == selected["fingerprint"])
    assert worked["novelty"] == "in work"
    assert worked["why"].startswith("its cycle has not ended: message-routing/")
    assert after["selected"] is None or after["selected"] != selected
    elsewhere = bot(*look, "--state", "other", cwd=tmp_path).json()["selected"]
    assert elsewhere == selected


def test_what_a_log_says_has_no_power_over_the_terminal(tmp_path: Path) -> None:
    hostile = "::error::tide \x1b[31m[bold]late[/bold] :boom: \u202e##[group]x"
    source = written(tmp_path, entry(1, hostile, "ERROR"), entry(2, "\ud800 half", "ERROR"))
    said = bot("logs", "--focus", "errors", "--logs", source, "--explain", cwd=tmp_path)
    assert said.code == 0, said.everything
    assert "\x1b" not in said.out
    assert "\u202e" not in said.out
    assert "##[" not in said.out
    assert not any(line.lstrip().startswith("::") for line in said.out.splitlines())
    assert "[bold]late[/bold] :boom:" in said.out


def test_a_terminal_without_the_characters_gets_others(tmp_path: Path) -> None:
    source = written(tmp_path, entry(1, "Gezeiten fehlen früh", "ERROR"))
    said = bot("logs", "--focus", "errors", "--logs", source, cwd=tmp_path, env=environment(PYTHONIOENCODING="ascii"))
    assert said.code == 0, said.everything
    assert "fr\\xfch" in said.out
    assert "#" in said.out


def test_the_preset_focuses_work_without_a_repository(tmp_path: Path) -> None:
    source = written(tmp_path, *HARBOUR)
    for focus in ("startup", "errors", "http-5xx", "message-routing"):
        said = bot("logs", "--focus", focus, "--logs", source, "--json", cwd=tmp_path)
        assert (said.code, said.json()["focus"]) == (0, focus)


def test_a_repository_around_it_stays_as_it_is(tmp_path: Path) -> None:
    build_repository(tmp_path / "clone")
    source = written(tmp_path / "clone", *HARBOUR)
    before = everything_in(tmp_path)
    assert bot("logs", "--focus", "errors", "--logs", source, cwd=tmp_path / "clone").code == 0
    assert everything_in(tmp_path) == before


# The command itself; only the address of Google's server is another, since no option names it.
GOOGLE_AT = """
import functools, sys
import bot.adapters.gcp_logs as gcp
from bot.cli import main
gcp.GcpLogs.__init__ = functools.partialmethod(gcp.GcpLogs.__init__, endpoint=sys.argv.pop(1))
main()
"""


def test_googles_log_is_read_again_and_again_in_one_folder(tmp_path: Path) -> None:
    pem, key = certificate()
    machine, folder = tmp_path / "machine", tmp_path / "folder"
    machine.mkdir()
    folder.mkdir()
    (machine / "roots.pem").write_bytes(pem)
    (machine / "chain.pem").write_bytes(key + pem)
    (machine / "user.json").write_text(json.dumps(
        {"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"}))
    now = datetime.now(UTC)
    recent = [
        berth(number, f"i{number % 3}") | {"timestamp": rfc3339(int(now.timestamp() - 600 + number) * 10**9)}
        for number in range(6)
    ]
    state = CloudLogging(recent, page_cap=2)
    server = CloudLoggingServer(state, grpc.ssl_server_credentials([(key, pem)]))
    server.server.start()
    roots = str(machine / "roots.pem")
    with closing_server(server), TokenEndpoint(machine / "chain.pem") as tokens:
        env = environment(
            HOME=str(machine), NO_GCE_CHECK="true", GRPC_DEFAULT_SSL_ROOTS_FILE_PATH=roots, REQUESTS_CA_BUNDLE=roots,
            https_proxy=tokens.url, no_proxy="localhost,127.0.0.1",
            GOOGLE_APPLICATION_CREDENTIALS=str(machine / "user.json"),
        )

        def look() -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [sys.executable, "-c", GOOGLE_AT, f"localhost:{server.port}", "logs", "--focus", "errors", "--logs",
                 "gcp:harbour-dev", "--json"],
                cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False,
            )

        for _ in range(2):
            said = look()
            assert said.returncode == 0, said.stderr
            assert json.loads(said.stdout)["entries_read"] == 6
            assert everything_in(folder) == []
        state.failures = [None, grpc.StatusCode.PERMISSION_DENIED]
        failed = look()
        assert failed.returncode == 4
        assert "2 entries had been read before that, and are kept for an hour" in failed.stderr
        assert len(list(folder.rglob("page-*"))) == 1
        asked = len(state.requests)
        elsewhere = bot("logs", "--focus", "errors", "--logs", "demo", cwd=folder)
        assert elsewhere.code == 0, elsewhere.everything
        again = look()
        assert again.returncode == 0, again.stderr
        assert json.loads(again.stdout)["entries_read"] == 6
        assert state.requests[asked].page_token
        assert everything_in(folder) == []


@contextmanager
def closing_server(server: CloudLoggingServer) -> Iterator[None]:
    try:
        yield
    finally:
        server.__exit__()
