"""Records in folders: `<state>/<focus>/<run-id>/cycle-NN/`, readable by people."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import ValidationError

from bot.adapters.atomic import TEMPORARY, write_atomically
from bot.adapters.state_holdings import discard, holdings
from bot.domain.asking import Charge, Exchange, JsonObject
from bot.domain.base import repo_path
from bot.domain.effects import Artifact
from bot.domain.errors import ConfigProblem, RecordDamaged, StaleRecord, StateLocked, UsageProblem
from bot.domain.pruning import Holding
from bot.domain.record import SCHEMA, CycleRecord, CycleRef
from bot.domain.record_document import MIGRATIONS, Migration, digest, sealed

_MARK = b"# A whybot state: records, reports and working copies. All of it is whybot's own.\n*\n"
_MEMORY = "ledger.json"
_CYCLE = re.compile(r"^cycle-(\d{2})$")


class DirectoryStore:
    """Implements the Store port on a folder.

    `record.json` holds the record and the SHA-256 of its canonical JSON (`bot/domain/record_document.py`), so that a
    torn write and an edit by hand are both noticed. A damaged record is never overwritten.
    """

    def __init__(self, folder: Path, migrations: Mapping[int, Migration] = MIGRATIONS, schema: int = SCHEMA) -> None:
        self._folder = folder
        self._migrations = migrations
        self._schema = schema

    def check(self) -> None:
        """Raise ConfigProblem when the folder is there and is something else than a whybot state.

        Everything in a state is whybot's own, to be cleaned and removed; nothing of a person's may be in it.
        """
        try:
            if not self._folder.exists() or (self._folder / ".gitignore").read_bytes() == _MARK:
                return
        except OSError:
            pass
        if self._folder.is_dir() and not any(self._folder.iterdir()):
            return
        raise ConfigProblem(
            f"{self._folder} is not a whybot state, but holds something else.",
            "Name a new or empty folder with --state.",
        )

    def prepare(self) -> None:
        """Make the folder, with a .gitignore of its own that marks it. Raises ConfigProblem."""
        self.check()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if not (self._folder / ".gitignore").exists():
                write_atomically(self._folder / ".gitignore", _MARK)
        except OSError as error:
            raise ConfigProblem(
                f"The state folder {self._folder} cannot be used: {error.strerror}.",
                "Name another one with --state, or mend its permissions.",
            ) from error

    def _cycle(self, ref: CycleRef) -> Path:
        return self._folder / ref.focus / ref.run / f"cycle-{ref.number:02d}"

    def folder(self, ref: CycleRef) -> str:
        """The cycle's folder."""
        return str(self._cycle(ref))

    def create(self, record: CycleRecord) -> CycleRecord:
        """Store the first version. Raises StaleRecord when the cycle exists."""
        self.prepare()
        if (self._cycle(record.ref) / "record.json").exists():
            raise StaleRecord(f"The cycle {record.ref} exists already.", "Use `bot resume` to go on with it.")
        return self._write(record.model_copy(update={"version": 1}))

    def load(self, ref: CycleRef) -> CycleRecord:
        """Read and check a record. Raises RecordDamaged or UsageProblem."""
        path = self._cycle(ref) / "record.json"
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            raise UsageProblem(f"There is no cycle {ref} in {self._folder}.", "`bot status` lists them.") from None
        except OSError as error:
            raise self._damaged(path, f"it cannot be read ({error.strerror})") from error
        return self._checked(path, content)

    def save(self, record: CycleRecord, expected_version: int) -> CycleRecord:
        """Store a new version. Raises StaleRecord when `expected_version` is not the stored one."""
        stored = self.load(record.ref).version
        if stored != expected_version:
            raise StaleRecord(
                f"The record of {record.ref} is at version {stored}, but version {expected_version} was read.",
                "Another process saved it since; run `bot resume` to go on from there.",
            )
        return self._write(record.model_copy(update={"version": expected_version + 1}))

    def _write_file(self, path: Path, content: bytes) -> None:
        try:
            write_atomically(path, content)
        except OSError as error:
            raise ConfigProblem(
                f"{path} cannot be written: {error.strerror or error}.",
                "Nothing that was there is lost. Free space or mend the permissions, then run `bot resume`.",
            ) from error

    def _write(self, record: CycleRecord) -> CycleRecord:
        body = record.model_dump(mode="json")
        text = json.dumps(sealed(body, self._schema), indent=1, ensure_ascii=False)
        self._write_file(self._cycle(record.ref) / "record.json", (text + "\n").encode("utf-8", "surrogatepass"))
        return record

    def _checked(self, path: Path, content: bytes) -> CycleRecord:
        try:
            document = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise self._damaged(path, "it is not whole JSON") from error
        if not isinstance(document, dict) or not isinstance(document.get("record"), dict):
            raise self._damaged(path, "it has no record in it")
        body: JsonObject = document["record"]
        if document.get("sha256") != digest(body):
            raise self._damaged(path, "its content does not match its checksum, so it was torn or edited")
        body = self._migrated(path, body)
        try:
            return CycleRecord.model_validate_json(json.dumps(body))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise self._damaged(path, f"{where}: {first['msg']}") from error

    def _migrated(self, path: Path, body: JsonObject) -> JsonObject:
        version = body.get("schema_version")
        if not isinstance(version, int) or isinstance(version, bool):
            raise self._damaged(path, "it does not say its schema version")
        if version > self._schema:
            raise RecordDamaged(
                f"{path} was written by a newer whybot (schema {version}; this one knows {self._schema}).",
                "Install that version or a later one; nothing was changed.",
            )
        while version < self._schema:
            if version not in self._migrations:
                raise self._damaged(path, f"its schema {version} is older than any this whybot can read")
            body = self._migrations[version](body)
            version += 1
            body["schema_version"] = version
        return body

    def _damaged(self, path: Path, why: str) -> RecordDamaged:
        return RecordDamaged(
            f"The record {path} is damaged: {why}.",
            "It was left as it is. Restore it from a copy, or move its cycle's folder away and start a new run.",
        )

    def cycles(self, focus: str | None = None) -> tuple[CycleRef, ...]:
        """All cycles that have a record, by run, then by focus and number."""
        found: list[CycleRef] = []
        for path in self._folder.glob("*/*/cycle-[0-9][0-9]/record.json"):
            cycle, run, name = path.parent.name, path.parent.parent.name, path.parent.parent.parent.name
            match = _CYCLE.match(cycle)
            if match is None or (focus is not None and name != focus):
                continue
            try:
                found.append(CycleRef(focus=name, run=run, number=int(match.group(1))))
            except ValidationError:
                continue  # a folder that is not ours
        return tuple(sorted(found, key=lambda ref: (ref.run, ref.focus, ref.number)))

    def put_artifact(self, ref: CycleRef, name: str, content: bytes) -> Artifact:
        """Write a file into the cycle's folder."""
        self._write_file(self._cycle(ref) / repo_path(name), content)
        return Artifact(name=name, sha256=hashlib.sha256(content).hexdigest(), size=len(content))

    def get_artifact(self, ref: CycleRef, name: str) -> bytes:
        """Read a file of the cycle's folder. Raises RecordDamaged when it is not there."""
        path = self._cycle(ref) / repo_path(name)
        try:
            return path.read_bytes()
        except OSError as error:
            raise self._damaged(path, f"the record names it, but it cannot be read ({error.strerror})") from error

    def drop_artifact(self, ref: CycleRef, name: str) -> None:
        """Remove a file of the cycle's folder. Raises ConfigProblem when it cannot be removed."""
        path = self._cycle(ref) / repo_path(name)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigProblem(
                f"{path} cannot be removed: {error.strerror or error}.", "Mend the permissions, then run `bot resume`."
            ) from error

    def put_run_document(self, ref: CycleRef, name: str, content: bytes) -> None:
        """Write a file into the run's folder, beside its cycles."""
        if "/" in repo_path(name):
            raise ValueError(f"{name!r} is no file of a run")
        self._write_file(self._cycle(ref).parent / name, content)

    def get_exchange(self, ref: CycleRef, digest: str) -> Exchange | None:
        """A stored exchange. Raises RecordDamaged when it is there and cannot be believed."""
        path = self._exchange(ref, digest)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._damaged(path, f"it cannot be read ({error.strerror})") from error
        try:
            exchange = Exchange.model_validate_json(content)
        except ValidationError as error:
            raise self._damaged(path, "it is not a stored exchange") from error
        if exchange.digest != digest or exchange.request.digest() != digest:
            raise self._damaged(path, "its request does not have the digest that it is stored under")
        return exchange

    def put_exchange(self, ref: CycleRef, exchange: Exchange) -> None:
        """Store an exchange under its digest."""
        text = exchange.model_dump_json(indent=1)
        self._write_file(self._exchange(ref, exchange.digest), (text + "\n").encode("utf-8", "surrogatepass"))

    def charges(self, ref: CycleRef) -> tuple[Charge, ...]:
        """What the stored exchanges cost, and the calls that gave none. Raises RecordDamaged."""
        found: list[Charge] = []
        for path in sorted((self._cycle(ref) / "exchanges").glob("*.json")):
            exchange = self.get_exchange(ref, path.stem)
            if exchange is not None:
                found.append(Charge(digest=exchange.digest, usage=exchange.reply.usage, paid_at=exchange.paid_at))
        for path in sorted((self._cycle(ref) / "exchanges" / "lost").glob("*.json")):
            try:
                found.append(Charge.model_validate_json(path.read_bytes()))
            except (OSError, ValidationError) as error:
                raise self._damaged(path, "it is not the note of a call") from error
        return tuple(found)

    def put_lost(self, ref: CycleRef, charge: Charge) -> None:
        """Note a call that may give no reply."""
        self._write_file(self._lost(ref, charge), (charge.model_dump_json(indent=1) + "\n").encode())

    def drop_lost(self, ref: CycleRef, charge: Charge) -> None:
        """Forget such a note."""
        self._lost(ref, charge).unlink(missing_ok=True)

    def _lost(self, ref: CycleRef, charge: Charge) -> Path:
        return self._cycle(ref) / "exchanges" / "lost" / f"{repo_path(charge.digest)}-{repo_path(charge.lost)}.json"

    def _exchange(self, ref: CycleRef, digest: str) -> Path:
        return self._cycle(ref) / "exchanges" / f"{repo_path(digest)}.json"

    def artifact_size(self, ref: CycleRef, name: str) -> int:
        """The size of a file of the cycle's folder."""
        try:
            return (self._cycle(ref) / repo_path(name)).lstat().st_size
        except OSError:
            return 0

    def stamp(self, ref: CycleRef, name: str) -> tuple[int, ...]:
        """What changes with a file of the cycle's folder, or with the names in a folder there; empty without it."""
        try:
            found = (self._cycle(ref) / repo_path(name)).stat()
        except OSError:
            return ()
        return found.st_ino, found.st_mtime_ns, found.st_size

    def kept(self, ref: CycleRef, folder: str, most: int) -> tuple[tuple[float, str], ...]:
        """When the newest files of a folder in the cycle's were written (POSIX), and their names, the oldest first."""
        found: list[tuple[float, str]] = []
        for path in (self._cycle(ref) / repo_path(folder)).glob("*.json"):
            try:
                found.append((path.stat().st_mtime, path.name))
            except OSError:
                continue
        return tuple(sorted(found)[-most:])

    def memory(self) -> bytes | None:
        """The file `ledger.json` of the state. Raises RecordDamaged when it is there and cannot be read."""
        path = self._folder / _MEMORY
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise RecordDamaged(
                f"{path} cannot be read ({error.strerror}), so it is not known what removed cycles came to.",
                "Mend its permissions, or restore it from a copy.",
            ) from error

    def put_memory(self, content: bytes) -> None:
        """Write that file."""
        self._write_file(self._folder / _MEMORY, content)

    def holdings(self) -> tuple[Holding, ...]:
        """The folders in the state that can go."""
        return holdings(self._folder)

    def discard(self, holding: Holding) -> bool:
        """Remove such a folder. Raises ConfigProblem when it cannot be removed."""
        return discard(self._folder, holding)

    @contextmanager
    def lock(self, holder: str, wait_s: float) -> Iterator[None]:
        """Hold the state alone. The operating system frees the lock when the process dies."""
        self.prepare()
        note = self._folder / "lock.holder"
        lock = FileLock(self._folder / "lock")
        try:
            lock.acquire(timeout=max(wait_s, 0), poll_interval=0.1)
        except Timeout:
            try:
                who = note.read_text(encoding="utf-8").strip()
            except OSError:
                who = ""
            raise StateLocked(
                f"Another process works on {self._folder}{f': {who}' if who else ''}.",
                "Wait for it (--wait SECONDS does), or use another state folder with --state.",
            ) from None
        except OSError as error:
            raise ConfigProblem(
                f"The state folder {self._folder} cannot be locked: {error.strerror or error}.",
                "Name another one with --state, or mend its permissions.",
            ) from error
        try:
            self._write_file(note, f"process {os.getpid()}, {holder}\n".encode())
            self._clean()
            yield
        finally:
            note.unlink(missing_ok=True)
            lock.release()

    def held(self) -> bool:
        """Whether a process holds the lock just now. Makes nothing: a state that is merely looked at stays as it is."""
        if not (self._folder / "lock").exists():
            return False
        lock = FileLock(self._folder / "lock")
        try:
            lock.acquire(timeout=0)
        except (Timeout, OSError):
            return self._folder.is_dir()
        lock.release()
        return False

    def _clean(self) -> None:
        """Remove what an interrupted write left behind. Only the holder of the lock may."""
        for pattern in (f"*{TEMPORARY}", f"*/*/*{TEMPORARY}", f"*/*/cycle-*/**/*{TEMPORARY}"):
            for path in self._folder.glob(pattern):
                path.unlink(missing_ok=True)
