"""Turns what the demo's processes print, and what its clients measured, into Cloud Logging entries.

Field names, and which fields an entry has, follow Cloud Run: a JSON line on standard output becomes
`jsonPayload`, its `severity`, `time` and `logging.googleapis.com/trace` fields become those of the entry; a
Python traceback on standard error becomes one `textPayload` with severity ERROR; any other line of standard
error is an entry without severity.
"""

from __future__ import annotations

import hashlib
import json
import sysconfig
from itertools import count
from pathlib import Path

from pydantic import JsonValue

from bot.domain.base import Frozen, Sha
from bot.domain.moments import parse_nanoseconds, rfc3339

PROJECT = "harbour-staging"
LOCATION = "europe-west4"
HOST = "message-router-7xk2q5vbda-ez.a.run.app"
LIBRARY = "/usr/local/lib/python3.11"
"""Where the standard library lies in the image that the log pretends to come from."""
CONTAINER_PORT = 8080

_TRACEBACK = "Traceback (most recent call last):"


class Origin(Frozen):
    """What tells an instance's entries from those of another."""

    service: str
    revision: str
    instance: str
    commit: Sha


class WrittenEntry(Frozen):
    """One entry as a line of JSON, with its time in nanoseconds since 1970 for sorting."""

    time_ns: int
    line: str


class Request(Frozen):
    """A request as the client that made it saw it. `latency_s` lasts to the close of a WebSocket."""

    path: str
    status: int
    began_ns: int
    latency_s: float
    trace: str
    user_agent: str
    remote_ip: str
    sent: int
    received: int


class PathMap:
    """Replaces the paths of this machine by those of the image: `/app`, and Python in `/usr/local`."""

    def __init__(self, app: Path) -> None:
        paths = sysconfig.get_paths()
        pairs = {}
        for folder, image in (
            (app, "/app"),
            (Path(paths["purelib"]), f"{LIBRARY}/site-packages"),
            (Path(paths["stdlib"]), LIBRARY),
        ):
            pairs[str(folder)] = image
            pairs[str(folder.resolve())] = image
        self._pairs = sorted(pairs.items(), key=lambda pair: -len(pair[0]))

    def __call__(self, text: str) -> str:
        """The text as the image would have printed it."""
        for here, image in self._pairs:
            text = text.replace(here, image)
        return text


class InstanceLog:
    """Collects the entries of one instance."""

    def __init__(self, origin: Origin, paths: PathMap) -> None:
        self._origin = origin
        self._paths = paths
        self._numbers = count(1)
        self._traceback: list[str] = []
        self._traceback_ns = 0
        self.entries: list[WrittenEntry] = []

    def stdout(self, line: str, received_ns: int) -> None:
        """Take a structured line."""
        payload = json.loads(self._paths(line))
        time_ns = parse_nanoseconds(payload.pop("time"))
        severity = payload.pop("severity")
        trace = payload.pop("logging.googleapis.com/trace", "")
        if "port" in payload:
            payload["port"] = CONTAINER_PORT
        fields: dict[str, JsonValue] = {"jsonPayload": payload, "severity": severity}
        if trace:
            fields["trace"] = trace
        self._add("stdout", time_ns, received_ns, fields)

    def stderr(self, line: str, received_ns: int) -> None:
        """Take a line of plain text; the lines of a traceback are kept until it is complete."""
        text = self._paths(line)
        if text == _TRACEBACK:
            self.flush(received_ns)
            self._traceback, self._traceback_ns = [text], received_ns
        elif self._traceback:
            self._traceback.append(text)
            if not text.startswith(" "):
                self.flush(received_ns)
        elif text.strip():
            self._add("stderr", received_ns, received_ns, {"textPayload": text})

    def flush(self, received_ns: int) -> None:
        """Write the traceback that is being collected, if there is one."""
        if self._traceback:
            fields: dict[str, JsonValue] = {"textPayload": "\n".join(self._traceback), "severity": "ERROR"}
            self._traceback = []
            self._add("stderr", self._traceback_ns, received_ns, fields)

    def request(self, request: Request) -> None:
        """Take a request, as Cloud Run's front end logs it: when it has ended, under the time it began."""
        severity = "ERROR" if request.status >= 500 else "WARNING" if request.status >= 400 else "INFO"
        ended_ns = request.began_ns + int(request.latency_s * 1e9)
        self._add("requests", request.began_ns, ended_ns, {
            "httpRequest": {
                "requestMethod": "GET",
                "requestUrl": f"https://{HOST}{request.path}",
                "status": request.status,
                "requestSize": str(request.sent),
                "responseSize": str(request.received),
                "latency": f"{request.latency_s:.9f}s",
                "protocol": "HTTP/1.1",
                "remoteIp": request.remote_ip,
                "serverIp": "198.51.100.7",
                "userAgent": request.user_agent,
            },
            "severity": severity,
            "trace": f"projects/{PROJECT}/traces/{request.trace}",
            "spanId": request.trace[:16],
        })

    def _add(self, log: str, time_ns: int, received_ns: int, fields: dict[str, JsonValue]) -> None:
        origin = self._origin
        seconds, rest = divmod(time_ns, 1_000_000_000)
        number = hashlib.sha256(f"{origin.instance} {next(self._numbers)}".encode()).hexdigest()[:8]
        entry: dict[str, JsonValue] = {
            **fields,
            "insertId": f"{seconds:08x}{rest // 1000:08x}{number}",
            "labels": {"instanceId": origin.instance, "commit-sha": origin.commit},
            "logName": f"projects/{PROJECT}/logs/run.googleapis.com%2F{log}",
            "receiveTimestamp": rfc3339(received_ns),
            "resource": {
                "type": "cloud_run_revision",
                "labels": {
                    "project_id": PROJECT,
                    "service_name": origin.service,
                    "configuration_name": origin.service,
                    "revision_name": origin.revision,
                    "location": LOCATION,
                },
            },
            "timestamp": rfc3339(time_ns),
        }
        self.entries.append(WrittenEntry(
            time_ns=time_ns, line=json.dumps(entry, sort_keys=True, ensure_ascii=False, separators=(",", ":")),
        ))


def instance_id(revision: str, number: int) -> str:
    """An instance id as Cloud Run writes them: long, hexadecimal, beginning with 00."""
    return "00" + hashlib.sha512(f"{revision} {number}".encode()).hexdigest()
