"""States whose sites are opened: the demo's cycle, one with the text of others in every place, one with long logs."""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.adapters.directory_store import DirectoryStore
from bot.domain.effects import IssueUpsert, PullRequestUpsert, Receipt, RecordedEffect
from bot.domain.evidence import CodeCitation, LogCitation
from bot.domain.patch import StoredFile
from bot.domain.record import CycleRecord, StepRecord
from bot.domain.results import FiveWhys, Retrieved
from bot.progress import PlainProgress
from bot.report_command import write_report
from bot.reports.documents import documents_of
from tests.unit.recheck_records import WORKFLOW
from tests.unit.run_records import ten_cycles
from tests.unit.whole_records import Say


class Site:
    """A state and the site that `bot report` makes of it."""

    def __init__(self, state: Path, folder: Path | None = None) -> None:
        self.state = state
        self.folder = folder or state.parent / "site"

    def made(self) -> Site:
        """Write the site."""
        write_report(self.state, self.folder, PlainProgress())
        return self

    @property
    def pages(self) -> tuple[str, ...]:
        """All its pages, the overview first."""
        found = sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*.html"))
        return ("index.html", *(page for page in found if page != "index.html"))

    @property
    def first(self) -> Path:
        """The page of a run's first cycle."""
        return next(self.folder / page for page in self.pages if page.endswith("cycle-01.html"))


def demo_state(cycle: Path, state: Path) -> None:
    """The state in which the demo's cycle lies, whose folder stands alone."""
    record = _record(cycle)
    DirectoryStore(state).prepare()
    folder = Path(DirectoryStore(state).folder(record.ref))
    folder.parent.mkdir(parents=True)
    folder.symlink_to(cycle)


def _record(cycle: Path) -> CycleRecord:
    return CycleRecord.model_validate(json.loads((cycle / "record.json").read_text("utf-8"))["record"])


def long_state(cycle: Path, state: Path, cycles: int = 10, entries: int = 10_000) -> None:
    """A run whose cycles are the demo's, each with a log of so many entries: the demo's own and others among them."""
    record = _record(cycle)
    store = DirectoryStore(state)
    log = b"".join(_longer((cycle / "logs.ndjson").read_bytes().splitlines(), entries))
    for number in range(1, cycles + 1):
        one = _stored_with(record, "logs.ndjson", log).model_copy(update={
            "ref": record.ref.model_copy(update={"number": number}),
            "settings": record.settings.model_copy(update={"cycles": cycles}),
        })
        store.create(one)
        folder = Path(store.folder(one.ref))
        # What the site is made of; not the output of test runs, which is most of the files.
        unread = shutil.ignore_patterns("record.json", "junit", "runs", "logs")
        shutil.copytree(cycle, folder, dirs_exist_ok=True, ignore=unread)
        (folder / "logs.ndjson").write_bytes(log)


def _longer(lines: list[bytes], entries: int) -> Iterator[bytes]:
    """The lines, and copies of them between, each with an insertId and a time of its own."""
    yield from (line + b"\n" for line in lines)
    for number, line in zip(range(entries - len(lines)), itertools.cycle(lines), strict=False):
        entry = json.loads(line)
        at = datetime.fromisoformat(entry["timestamp"][:19] + "+00:00") + timedelta(milliseconds=number % 997)
        entry |= {"insertId": f"{number:024x}", "timestamp": at.astimezone(UTC).isoformat().replace("+00:00", "Z")}
        yield json.dumps(entry).encode() + b"\n"


def _stored_with(record: CycleRecord, name: str, content: bytes) -> CycleRecord:
    def changed(step: StepRecord) -> StepRecord:
        return step.model_copy(update={"artifacts": tuple(
            item if item.name != name else item.model_copy(
                update={"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)})
            for item in step.artifacts
        )})

    return record.model_copy(update={"steps": tuple(map(changed, record.steps))})


def said_state(state: Path, say: Say) -> None:
    """A run of ten cycles that ended in different ways, with a text of `say` in every place that others may fill."""
    store = DirectoryStore(state)
    for made in ten_cycles(say):
        code, log = dict[str, str](), b""
        if (whys := made.latest(FiveWhys)) is not None:
            cited = [item.citation for why in (*whys.whys, *whys.ruled_out) for item in why.citations]
            code = {item.path: _code(say, item) for item in cited if isinstance(item, CodeCitation)}
            log = b"".join(_entries(say, (item for item in cited if isinstance(item, LogCitation))))
        files = {f"code/{place}.py": text.encode() for place, text in enumerate(code.values())}
        if (retrieved := made.latest(Retrieved)) is not None and retrieved.snapshot:
            files[retrieved.snapshot] = log
        _store(store, _with_receipts(_with_code(made, code), say), files)


def _code(say: Say, cited: CodeCitation) -> str:
    around = [f"# {say('code')}".replace("\n", " ") for _ in range(cited.line + 3)]
    around[cited.line - 1] = cited.quote.replace("\n", " ")
    return "\n".join(around)


def _entries(say: Say, cited: Iterable[LogCitation]) -> Iterator[bytes]:
    """A log in which every field that anybody could fill says something, the cited entries among others."""
    instance, trace = say("instance"), say("trace")
    for place, item in enumerate(cited):
        for beside in (-1, 0, 1):
            entry: dict[str, object] = {
                "insertId": item.insert_id if beside == 0 else say("another insert id"),
                "timestamp": f"2025-11-07T08:0{place}:0{beside + 1}Z",
                "severity": "ERROR", "trace": trace,
                "jsonPayload": {
                    "message": f"{say('message')} {item.quote} {say('message')}", "logger": say("logger"),
                    say("name of a field"): say("value of a field"),
                },
                "resource": {"type": "cloud_run_revision", "labels": {
                    "service_name": say("service"), "revision_name": say("revision"), "project_id": say("project")}},
                "labels": {"instanceId": instance, say("name of a label"): say("value of a label")},
            }
            if beside == 1:
                entry["httpRequest"] = {"requestMethod": say("method"), "requestUrl": say("address"), "status": 500}
            yield json.dumps(entry).encode() + b"\n"


def _with_code(made: CycleRecord, code: Mapping[str, str]) -> CycleRecord:
    kept = tuple(
        StoredFile(path=path, sha256=hashlib.sha256(text.encode()).hexdigest(), artifact=f"code/{place}.py")
        for place, (path, text) in enumerate(code.items())
    )
    return made.model_copy(update={"steps": tuple(
        step.model_copy(update={"result": step.result.model_copy(update={"code": kept})})
        if isinstance(step.result, FiveWhys) else step for step in made.steps
    )})


def _with_receipts(made: CycleRecord, say: Say) -> CycleRecord:
    """As if a forge had answered with addresses that lead anywhere."""
    def answered(item: RecordedEffect) -> RecordedEffect:
        number = 7 if isinstance(item.effect, IssueUpsert | PullRequestUpsert) else None
        return item.model_copy(update={
            "receipt": Receipt(did="created", number=number, url=say("address of an issue"), note=say("note"))})

    return made.model_copy(update={"steps": tuple(
        step.model_copy(update={"effects": tuple(map(answered, step.effects))}) for step in made.steps)})


def _store(store: DirectoryStore, record: CycleRecord, files: Mapping[str, bytes]) -> None:
    store.create(record)
    texts = {name: text.encode() for name, text in documents_of(record, WORKFLOW)}
    for name, content in {**files, **texts}.items():
        path = Path(store.folder(record.ref)) / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
