"""The client that is made from the environment's credentials, unmodified, over TLS, in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.contract.test_gcp_logs import MIXED, entry
from tests.fakes.cloud_logging import CloudLogging, CloudLoggingServer
from tests.fakes.token_endpoint import TokenEndpoint, certificate

ROOT = Path(__file__).resolve().parents[2]
READER = """
import sys
from datetime import datetime, timezone
from pathlib import Path
from bot.adapters.gcp_logs import GcpLogs
from bot.domain.errors import RetrievalFailed
from bot.domain.logs import Focus, LogQuery, Severity
from tests.fakes.instant_clock import InstantClock

clock = InstantClock(datetime(2026, 3, 1, 13, tzinfo=timezone.utc))
focus = Focus(name="f", title="F", impact="I", least_severity=Severity.DEFAULT)
try:
    source = GcpLogs("harbour-dev", clock, None, 10, Path(sys.argv[2]) if sys.argv[2:] else None, sys.argv[1])
    reading = source.read(LogQuery(focus=focus))
    for page in reading:
        for line in page.lines:
            print("LINE", line.decode(), flush=True)
    print("UNREAD", *reading.unread())
    reading.close()
except RetrievalFailed as error:
    print("FAILED", error.what, "|", error.remedy)
"""


@dataclass
class World:
    server: CloudLogging
    tokens: TokenEndpoint
    endpoint: str
    folder: Path
    proxy: str = ""

    def start(self, credentials: dict[str, Any] | str | None, *more: str,
              stdout: int = subprocess.PIPE) -> subprocess.Popen[str]:
        roots = str(self.folder / "roots.pem")
        env = {
            "PATH": os.environ["PATH"], "HOME": str(self.folder), "PYTHONPATH": str(ROOT), "NO_GCE_CHECK": "true",
            "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": roots, "REQUESTS_CA_BUNDLE": roots,
            "https_proxy": self.proxy or self.tokens.url, "no_proxy": "localhost,127.0.0.1",
        }
        if credentials is not None:
            path = self.folder / "credentials.json"
            path.write_text(credentials if isinstance(credentials, str) else json.dumps(credentials))
            env["GOOGLE_APPLICATION_CREDENTIALS"] = str(path)
        return subprocess.Popen([sys.executable, "-c", READER, self.endpoint, *more], env=env, cwd=self.folder,
                                stdout=stdout, stderr=subprocess.STDOUT, text=True)

    def run(self, credentials: dict[str, Any] | str | None, *more: str) -> str:
        output, _ = self.start(credentials, *more).communicate(timeout=60)
        return output

    def user(self) -> dict[str, Any]:
        return {"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"}

    def federated(self, **fields: str) -> dict[str, Any]:
        subject = self.folder / "subject"
        subject.write_text("a token of the job's own platform")
        return {
            "type": "external_account",
            "audience": "//iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/pool/providers/ci",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": f"{self.tokens.url}/sts",
            "credential_source": {"file": str(subject)},
            **fields,
        }


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Callable[..., World]]:
    with ExitStack() as stack:

        def made(entries: list[dict[str, Any]] = MIXED, page_cap: int = 1000, **token_fields: Any) -> World:
            pem, key = certificate()
            (tmp_path / "roots.pem").write_bytes(pem)
            (tmp_path / "chain.pem").write_bytes(key + pem)
            state = CloudLogging(list(entries), page_cap=page_cap)
            server = CloudLoggingServer(state, grpc.ssl_server_credentials([(key, pem)]))
            server.server.start()
            stack.callback(server.__exit__)
            tokens = stack.enter_context(TokenEndpoint(tmp_path / "chain.pem", **token_fields))
            return World(state, tokens, f"localhost:{server.port}", tmp_path)

        yield made


def test_a_users_credentials_read_the_log(world: Callable[..., World]) -> None:
    here = world()
    output = here.run(here.user())
    assert output.count("LINE") == len(MIXED), output
    assert set(here.server.authorizations) == {"Bearer user-token"}
    assert here.tokens.asked[0][1]["grant_type"] == ["refresh_token"]
    assert "Warning" not in output


def test_workload_identity_federation_reads_the_log(world: Callable[..., World]) -> None:
    here = world()
    output = here.run(here.federated())
    assert output.count("LINE") == len(MIXED), output
    assert set(here.server.authorizations) == {"Bearer sts-token"}
    path, form = here.tokens.asked[0]
    assert path == "/sts"
    assert form["subject_token"] == ["a token of the job's own platform"]
    assert {path for path, _ in here.tokens.asked} == {"/sts"}


def test_workload_identity_federation_through_a_service_account(world: Callable[..., World]) -> None:
    here = world()
    account = "v1/projects/-/serviceAccounts/bot@harbour-dev.iam.gserviceaccount.com:generateAccessToken"
    output = here.run(here.federated(service_account_impersonation_url=f"{here.tokens.url}/{account}"))
    assert output.count("LINE") == len(MIXED), output
    assert set(here.server.authorizations) == {"Bearer impersonated-token"}


def test_expired_credentials_are_named(world: Callable[..., World]) -> None:
    here = world(good=0)
    output = here.run(here.user())
    assert "FAILED The Google Cloud credentials have expired or were revoked" in output
    assert "gcloud auth application-default login" in output
    assert here.server.requests == []


def test_credentials_that_want_a_person_again_are_named(world: Callable[..., World]) -> None:
    here = world(good=0, error={"error": "invalid_grant", "error_subtype": "invalid_rapt"})
    assert "FAILED The Google Cloud credentials have expired" in here.run(here.user())


def test_a_pool_that_refuses_the_job_is_named(world: Callable[..., World]) -> None:
    here = world(good=0, error={"error": "unauthorized_client", "error_description": "The credential is rejected"})
    output = here.run(here.federated())
    assert "FAILED Google gave no token for the credentials" in output
    assert "workload identity pool" in output


def test_credentials_that_expire_while_reading_are_named_and_what_was_read_is_kept(world: Callable[..., World]) -> None:
    # Tokens that live for a second are renewed for each call: two work, one of them at the start.
    here = world(page_cap=2, good=2, lifetime_s=1)
    output = here.run(here.user(), str(here.folder / "state"))
    assert "FAILED The Google Cloud credentials have expired or were revoked" in output, output
    assert "2 entries had been read before that, and are kept for an hour" in output
    here.tokens.good = 1_000
    assert here.run(here.user(), str(here.folder / "state")).count("LINE") == len(MIXED)


def test_no_way_to_the_token_endpoint_is_no_matter_of_the_login(world: Callable[..., World]) -> None:
    here = world()
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    here.proxy = f"http://127.0.0.1:{port}"
    output = here.run(here.user())
    assert "FAILED Google could not be reached for a token" in output
    assert "Check the network" in output


@pytest.mark.parametrize(
    ("credentials", "words"),
    [
        (None, "FAILED There are no Google Cloud credentials"),
        ("{ torn", "FAILED The Google Cloud credentials cannot be used"),
        ('{"type": "made_up"}', "FAILED The Google Cloud credentials cannot be used"),
        ('{"type": "authorized_user", "client_id": "c"}', "FAILED The Google Cloud credentials cannot be used"),
        ('{"type": "service_account", "client_email": "x"}', "FAILED The Google Cloud credentials cannot be used"),
    ],
)
def test_credentials_that_are_missing_or_damaged_are_named(world: Callable[..., World], credentials: str | None,
                                                           words: str) -> None:
    output = world().run(credentials)
    assert words in output
    assert "gcloud auth application-default login" in output


def test_a_file_that_is_not_there_is_named(world: Callable[..., World], monkeypatch: pytest.MonkeyPatch) -> None:
    here = world()
    monkeypatch.setattr(Path, "write_text", lambda *_: 0)
    output = here.run("")
    assert "FAILED There are no Google Cloud credentials: File" in output
    assert "GOOGLE_APPLICATION_CREDENTIALS" in output


def test_a_reading_that_is_killed_again_and_again_goes_on_where_it_was_killed(world: Callable[..., World]) -> None:
    many = [entry(number, severity="ERROR", textPayload="x") for number in range(400)]
    here = world(many, page_cap=5)
    state = str(here.folder / "state")
    for most in (15, 30, 45):
        process = here.start(here.user(), state, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while len(here.server.requests) < most and time.monotonic() < deadline:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
    assert 45 <= len(here.server.requests) < 80
    output = here.run(here.user(), state)
    lines = [line for line in output.splitlines() if line.startswith("LINE")]
    assert len(lines) == len(set(lines)) == 400, output[-300:]
    # 80 pages, each asked for once but for those that a kill caught; then five tiers had nothing.
    assert 85 <= len(here.server.requests) <= 88
    assert "UNREAD This reading goes on with one that began at" in output
