"""The commit that an incident ran at, told by the image of its revision, whatever the log comes from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.file_logs import FileLogs
from bot.domain.config import CommitRule
from bot.domain.logs import Focus, LogQuery
from bot.logs.analysis import AnalysisOptions, analyse
from bot.ports import LogSource
from tests.fakes.cloud_logging import make_gcp

FOCUS = Focus(name="all", title="All", impact="None")
RULE = CommitRule(sources=("image",))
SINCE = datetime(2026, 3, 1, tzinfo=UTC)
RESOURCE = {"type": "cloud_run_revision", "labels": {
    "project_id": "harbour-dev", "service_name": "ferry", "revision_name": "ferry-00007-xyz"}}
FAILED = {
    "insertId": "failed", "timestamp": "2026-03-01T12:00:00.5Z", "severity": "ERROR", "resource": RESOURCE,
    "logName": "projects/harbour-dev/logs/run.googleapis.com%2Fstderr", "labels": {"instanceId": "i1"},
    "textPayload": 'Traceback (most recent call last):\n  File "/app/a.py", line 1, in f\n    g()\nKeyError: 1',
}
TEMPLATE = {"metadata": {"name": "ferry-00007-xyz"}, "spec": {"containers": [{"image": "eu.gcr.io/p/ferry:9f8e7d6"}]}}
DEPLOYED = {
    "insertId": "deployed", "timestamp": "2026-02-20T08:00:00Z", "severity": "NOTICE", "resource": RESOURCE,
    "logName": "projects/harbour-dev/logs/cloudaudit.googleapis.com%2Factivity",
    "protoPayload": {
        "@type": "type.googleapis.com/google.cloud.audit.AuditLog", "serviceName": "run.googleapis.com",
        "methodName": "google.cloud.run.v1.Services.ReplaceService",
        "request": {"spec": {"template": TEMPLATE}},
    },
}
OTHER = {**FAILED, "insertId": "other", "severity": "INFO", "textPayload": "hi", "timestamp": "2026-02-20T08:00:00.5Z"}


@contextmanager
def source_of(kind: str, folder: Path) -> Iterator[LogSource]:
    entries: list[dict[str, Any]] = [OTHER, DEPLOYED, FAILED]
    if kind == "gcp":
        with make_gcp(entries) as source:
            yield source
    else:
        path = folder / "log.ndjson"
        path.write_text("\n".join(json.dumps(entry) for entry in entries))
        yield FileLogs(path)


@pytest.mark.parametrize("kind", ["file", "gcp"])
@pytest.mark.parametrize("asked", [True, False])
def test_a_revision_is_known_by_a_deployment_before_the_time_that_is_asked_for(
    kind: str, asked: bool, tmp_path: Path
) -> None:
    query = LogQuery(focus=FOCUS, since=SINCE, deployments=asked)
    with source_of(kind, tmp_path) as source:
        reading = source.read(query)
        analysis = analyse(reading, query, AnalysisOptions(commits=RULE))
        reading.close()
    (incident,) = analysis.incidents
    assert incident.commits == (("9f8e7d6",) if asked else ())
    assert analysis.stood == ({"9f8e7d6": "tag of the image that its revision runs"} if asked else {})
    assert analysis.report.entries_read == 1
