"""`bot report`: a static site of all runs on a state, in a folder of its own."""

from __future__ import annotations

import json as json_text
import sys
import webbrowser
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path

from pydantic import ValidationError

from bot.adapters.directory_store import DirectoryStore
from bot.domain.base import Frozen, RepoPath, counted
from bot.domain.errors import ConfigProblem, RecordDamaged, UsageProblem
from bot.domain.record import CycleRecord, CycleRef
from bot.domain.workflow import Workflow
from bot.engine.workflow import load_workflow
from bot.ports import Progress
from bot.progress import harmless, make_progress, say, say_json
from bot.reports.json.report import ReportDocument, WrittenFile
from bot.reports.site.cycle_page import cycle_pages
from bot.reports.site.html import Page
from bot.reports.site.material import material_of
from bot.reports.site.run_page import Row, overview, row_of, run_pages
from bot.resources import resource_folder
from bot.steps import STEPS

MARK = "whybot-report.json"
"""Marks a folder as a report of ours, and lists the files in it that are."""
_TEMPORARY = ".writing"
_NOTE_EVERY = 10


class _Mark(Frozen):
    """The content of the file that marks a report."""

    made_by: str
    files: tuple[RepoPath, ...]


def show_report(state: Path, out: Path | None, *, opened: bool, json: bool) -> int:
    """Write the site and say where it is; return the exit code. Damaged records are named, and the others shown."""
    with make_progress() as progress:
        written = write_report(state, out, progress)
    if json:
        say_json(written.model_dump(mode="json", by_alias=True))
    else:
        size = sum(file.bytes for file in written.files)
        removed = f", {counted(len(written.removed), 'old file')} removed" if written.removed else ""
        say(f"{counted(written.cycles, 'cycle')}, {counted(len(written.files), 'file')}, {size:,} bytes{removed}.")
        say(f"Open {written.index}")
    for problem in written.damaged:
        say(harmless(problem), sys.stderr)
    if opened and not webbrowser.open(Path(written.index).as_uri()):
        say("No browser could be started; open the file by hand.", sys.stderr)
    return RecordDamaged.exit_code if written.damaged else 0


def write_report(state: Path, out: Path | None, progress: Progress) -> ReportDocument:
    """Write the site of a state to `out`, or to `report` in the state. Only what differs is written.

    Raises UsageProblem where there is no state, or the folder holds something else; ConfigProblem where it cannot be
    written.
    """
    if not state.is_dir():
        raise UsageProblem(f"There is no state {state}.", "Run `bot cycle` first, or name another one with --state.")
    store = DirectoryStore(state)
    store.check()
    folder = _Folder(state / "report" if out is None else out)
    damaged: list[str] = []
    rows: list[Row] = []
    workflow = load_workflow(resource_folder("workflows") / "remediation.toml", STEPS)
    refs = store.cycles()
    progress.note(f"{counted(len(refs), 'cycle')} in {state}")
    held = store.held()
    for (_, _), found in groupby(refs, key=lambda ref: (ref.run, ref.focus)):
        of_run = tuple(found)
        before, broken = len(rows), len(damaged)
        records = tuple(_readable(store, of_run, damaged))
        pages = list(_cycles(store, records, workflow, held))
        if records:
            pages += run_pages(records, workflow, held, damaged[broken:])
            rows += [row_of(record, workflow, held) for record in records]
        folder.write(pages)
        if len(rows) // _NOTE_EVERY > before // _NOTE_EVERY:
            progress.note(f"{counted(len(rows), 'cycle')} written")
    folder.write([Page(".nojekyll", b""), overview(rows, damaged)])
    removed = folder.finish()
    return ReportDocument(
        folder=str(folder.path), index=str((folder.path / "index.html").resolve()), cycles=len(rows),
        damaged=tuple(damaged), files=tuple(folder.files()), removed=removed,
    )


def _readable(store: DirectoryStore, refs: Sequence[CycleRef], damaged: list[str]) -> Iterator[CycleRecord]:
    """The records that can be read; adds to what is damaged."""
    for ref in refs:
        try:
            yield store.load(ref)
        except RecordDamaged as error:
            # Without the path, since a site may be read by others.
            damaged.append(f"{ref}: {error.what} {error.remedy}".replace(f"{store.folder(ref)}/", ""))


def _cycles(
    store: DirectoryStore, records: Sequence[CycleRecord], workflow: Workflow, held: bool
) -> Iterator[Page]:
    """The pages of a run's cycles, each made from its own files."""
    numbers = tuple(record.ref.number for record in records)
    for record in records:
        read, exchange = partial(store.get_artifact, record.ref), partial(store.get_exchange, record.ref)
        yield from cycle_pages(material_of(record, read, exchange), workflow, held, numbers)


class _Folder:
    """The folder of a report: new files first, then what is left of before goes.

    What it holds of ours stands in its mark, which knows a file before it is there and until it is gone: a report that
    was interrupted is still known as one, and nothing else is ever removed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._sizes: dict[str, int] = {}
        self._known = frozenset(self._marked())

    def _marked(self) -> tuple[str, ...]:
        mark = self.path / MARK
        try:
            if not self.path.exists():
                return ()
            if self.path.is_dir() and not any(self.path.iterdir()):
                return ()
            return _Mark.model_validate_json(mark.read_bytes()).files
        except (OSError, ValidationError) as error:
            raise UsageProblem(
                f"{self.path} is not a report of whybot's, but holds something else.",
                "Name a new or empty folder with --out.",
            ) from error

    def write(self, pages: Sequence[Page]) -> None:
        """Write the files that differ from what is there."""
        self._sizes.update({page.path: len(page.content) for page in pages})
        self._put_mark({*self._known, *self._sizes})
        for page in pages:
            self._put(page.path, page.content)

    def finish(self) -> tuple[str, ...]:
        """Remove the files of before that were not written again; return them."""
        gone = tuple(sorted(self._known - set(self._sizes)))
        for name in gone:
            try:
                (self.path / name).unlink(missing_ok=True)
                for parent in (self.path / name).parents:
                    if parent == self.path or any(parent.iterdir()):
                        break
                    parent.rmdir()
            except OSError as error:
                raise self._unwritable(self.path / name, error) from error
        self._put_mark(set(self._sizes))
        return gone

    def files(self) -> Iterator[WrittenFile]:
        """What was written, by name."""
        for name, size in sorted(self._sizes.items()):
            yield WrittenFile(path=name, bytes=size)

    def _put_mark(self, names: set[str]) -> None:
        mark = _Mark(made_by="whybot", files=tuple(sorted(names)))
        self._put(MARK, (json_text.dumps(mark.model_dump(), indent=1) + "\n").encode())

    def _put(self, name: str, content: bytes) -> None:
        path = self.path / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_file() and path.read_bytes() == content:
                return
            temporary = path.with_name(path.name + _TEMPORARY)
            temporary.write_bytes(content)
            temporary.replace(path)
        except OSError as error:
            raise self._unwritable(path, error) from error

    @staticmethod
    def _unwritable(path: Path, error: OSError) -> ConfigProblem:
        return ConfigProblem(
            f"{path} cannot be written: {error.strerror or error}.",
            "Free space, mend the permissions or name another folder with --out; then run it again.",
        )
