"""Limits that GitHub sets, and faults that tests switch on."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from tests.contract.fake_github.client import REPOSITORY, TOKENS, Client
from tests.fakes.github_api import Fault, GitHub, every_kind
from tests.fakes.instant_clock import InstantClock


def test_the_primary_limit(hub: GitHub, api: Client, clock: InstantClock) -> None:
    before = int(api.ask("GET", REPOSITORY).headers["X-RateLimit-Remaining"])
    after = api.ask("GET", REPOSITORY).headers
    assert (before - 1, after["X-RateLimit-Limit"]) == (int(after["X-RateLimit-Remaining"]), "5000")
    hub.limits.run_out(remaining=1, reset_in=30)
    assert api.ask("GET", REPOSITORY).status_code == 200
    refused = api.ask("POST", f"{REPOSITORY}/issues", {"title": "t"})
    assert refused.status_code == 403
    assert refused.json()["message"].startswith("API rate limit exceeded")
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert int(refused.headers["X-RateLimit-Reset"]) == int(clock.now().timestamp()) + 30
    clock.sleep(30)
    assert api.ask("GET", REPOSITORY).headers["X-RateLimit-Remaining"] == "4999"
    assert hub.issues == {}


def test_content_is_not_made_faster_than_that(hub: GitHub, api: Client, clock: InstantClock) -> None:
    hub.limits.writes_a_minute, hub.limits.writes_an_hour = 3, 5
    path = f"{REPOSITORY}/issues"
    assert [api.ask("POST", path, {"title": "t"}).status_code for _ in range(4)] == [201, 201, 201, 403]
    refused = api.ask("POST", path, {"title": "t"})
    assert "secondary rate limit" in refused.json()["message"]
    assert refused.headers["Retry-After"] == "60"
    assert api.ask("GET", path).status_code == 200
    clock.sleep(60)
    assert [api.ask("POST", path, {"title": "t"}).status_code for _ in range(3)] == [201, 201, 403]
    assert len(hub.issues) == 5


def test_every_kind_of_fault(hub: GitHub, api: Client) -> None:
    for name, fault in every_kind(hang=5.0).items():
        hub.issues.clear()
        hub.faults[:] = [replace(fault, at=hub.upcoming(2))]
        assert api.ask("GET", REPOSITORY).status_code == 200, "the one before is not struck"
        began, answer = time.monotonic(), None
        try:
            answer = api.ask("POST", f"{REPOSITORY}/issues", {"title": "t"}, timeout=0.3)
            outcome = str(answer.status_code)
        except requests.Timeout:
            outcome = "time-out"
        except requests.RequestException:
            outcome = "cut"
        assert time.monotonic() - began < 3
        assert len(hub.issues) == int("after the effect" in name or name == "half a body"), name
        first = name.partition(" ")[0]
        assert outcome == {"secondary": "403", "half": "cut"}.get(first, first)
        if answer is not None:
            assert ("Retry-After" in answer.headers) is ("with retry-after" in name)
        assert api.ask("POST", f"{REPOSITORY}/issues", {"title": "u"}).status_code == 201, "the next one is fine"


def test_a_fault_can_act_and_wait(hub: GitHub, api: Client) -> None:
    seen: list[int] = []
    hub.faults.append(Fault("POST", "/issues$", how="pass", delay=0.05, act=lambda: seen.append(len(hub.issues))))
    hub.latency = 0.05
    began = time.monotonic()
    assert api.ask("POST", f"{REPOSITORY}/issues", {"title": "t"}).status_code == 201
    assert time.monotonic() - began >= 0.1
    assert seen == [0]


def test_closing_lets_nobody_wait(tmp_path: Path) -> None:
    hub = GitHub(tmp_path / "hub")
    hub.tokens |= TOKENS
    hub.faults.append(Fault("GET", "/user", how="hang", delay=30))
    with requests.Session() as session, pytest.raises(requests.Timeout):
        session.get(f"{hub.url}/user", timeout=0.05)
    began = time.monotonic()
    hub.close()
    assert time.monotonic() - began < 2
