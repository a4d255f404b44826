"""Changes of one thing in a cycle's record folder, and what `bot recheck` has to name for each.

Each is made twice: as it is, with the checksums left as they were; and by a forger who seals the record anew. `sealed`
is what is named then; empty where nothing is, since nothing that is kept contradicts the change.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from bot.domain.record import SCHEMA
from bot.domain.record_document import sealed
from bot.recheck.folder import Content

Json = Any


@dataclass
class Forged:
    """A folder in memory that can be changed. `record` is the record's JSON."""

    files: dict[str, bytes]
    record: Json = field(init=False)

    def __post_init__(self) -> None:
        self.files = dict(self.files)
        self.record = copy.deepcopy(json.loads(self.files["record.json"])["record"])

    def step(self, name: str, attempt: int = 1) -> Json:
        """The record of a step."""
        return next(one for one in self.record["steps"] if (one["step"], one["attempt"]) == (name, attempt))

    def result(self, name: str, attempt: int = 1) -> Json:
        """What a step gave."""
        return self.step(name, attempt)["result"]

    @property
    def incident(self) -> Json:
        """The selected incident."""
        return self.result("retrieve")["selection"]["winner"]["incident"]

    def exchange(self, step: str, change: Callable[[Json], None]) -> None:
        """Change the last exchange of a step."""
        digest = self.step(step)["charges"][-1]["digest"]
        name = f"exchanges/{digest}.json"
        document = json.loads(self.files[name])
        change(document)
        self.files[name] = json.dumps(document, indent=1).encode()

    def answer(self, step: str, change: Callable[[Json], None]) -> None:
        """Change the model's answer in the last exchange of a step."""
        def changed(document: Json) -> None:
            answer = json.loads(document["reply"]["text"])
            change(answer)
            document["reply"]["text"] = json.dumps(answer)

        self.exchange(step, changed)

    def replace(self, name: str, old: str, new: str, count: int = 1) -> None:
        """Replace text in a file; it must be there."""
        text = self.files[name].decode()
        assert old in text, (name, old)
        self.files[name] = text.replace(old, new, count).encode()

    def content(self, *, seal: bool) -> Content:
        """The folder after the change: the record written with its old checksums or with new ones."""
        document = json.loads(self.files["record.json"])
        before = document["record"]
        if seal:
            for step in self.record["steps"]:
                self._reseal(step)
            document = sealed(self.record, SCHEMA)
        elif self.record != before:
            document = {**document, "record": self.record}
        if seal or self.record != before:
            self.files["record.json"] = (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()
        return Content(self.files, {})

    def _reseal(self, step: Json) -> None:
        """Give what the step keeps the checksums that the files have now."""
        for artifact in step["artifacts"]:
            if artifact["name"] in self.files:
                content = self.files[artifact["name"]]
                artifact.update(sha256=hashlib.sha256(content).hexdigest(), size=len(content))
        result = step["result"] or {}
        for file in (*result.get("code", ()), *(result["files"] if result.get("result") == "tests_written" else ())):
            if file["artifact"] in self.files:
                file["sha256"] = hashlib.sha256(self.files[file["artifact"]]).hexdigest()


@dataclass(frozen=True)
class Mutation:
    """One change. `plain` and `sealed` each stand in `check: what` of a failure that it must lead to."""

    name: str
    change: Callable[[Forged], None]
    plain: str
    sealed: str


def mutations() -> Iterator[Mutation]:
    """All of them, each with a name of its own."""
    yield from _whys()
    yield from _incident()
    yield from _runs()
    yield from _parts_of_the_fix()
    yield from _courses()
    yield from _audit()
    yield from _fix()
    yield from _envelope()
    yield from _files()


def _set(target: Callable[[Forged], Json], key: Any, value: Json) -> Callable[[Forged], None]:
    def change(forged: Forged) -> None:
        holder = target(forged)
        new = value(holder[key]) if callable(value) else value
        assert new != holder[key], "the mutation changes nothing"
        holder[key] = new

    return change


def _why(number: int) -> Callable[[Forged], Json]:
    return lambda forged: forged.result("five_whys")["whys"][number - 1]


def _cited(number: int, citation: int) -> Callable[[Forged], Json]:
    return lambda forged: forged.result("five_whys")["whys"][number - 1]["citations"][citation - 1]["citation"]


def _log_citation(forged: Forged) -> Json:
    return next(one["citation"] for why in forged.result("five_whys")["whys"] for one in why["citations"]
                if one["citation"]["kind"] == "log")


def _code_citation(forged: Forged) -> Json:
    return next(one["citation"] for why in forged.result("five_whys")["whys"] for one in why["citations"]
                if one["citation"]["kind"] == "code")


def _whys() -> Iterator[Mutation]:
    part = "part /steps/1/result"
    yield Mutation("quote of a log citation", _set(_log_citation, "quote", lambda text: text[:-1] + "~"), part,
                   "citations: step 2 (five_whys), why 1, citation ")
    yield Mutation("quote of a code citation", _set(_code_citation, "quote", lambda text: "x" + text), part,
                   "citations: step 2 (five_whys), why 1, citation ")
    yield Mutation("insertId", _set(_log_citation, "insert_id", lambda text: text[:-1] + "f0"), part,
                   "whys: step 2 (five_whys), why 1, citation ")
    yield Mutation("line number", _set(_code_citation, "line", lambda line: line + 1), part,
                   "whys: step 2 (five_whys), why 1, citation ")
    yield Mutation("statement of a why", _set(_why(2), "statement", lambda text: text + " It is so."), part,
                   "whys: step 2 (five_whys), why 2, statement")
    yield Mutation("support of a why", _set(_why(3), "support", "unproven"), part,
                   "whys: step 2 (five_whys), why 3, support")
    yield Mutation("confidence of a why", _set(_why(4), "confidence", "low"), part,
                   "whys: step 2 (five_whys), why 4, confidence")
    yield Mutation("a why left out", lambda forged: forged.result("five_whys")["whys"].pop(), part,
                   "whys: step 2 (five_whys), number of whys")
    yield Mutation("root cause", _set(lambda forged: forged.result("five_whys")["root_cause"], "mechanism",
                                      "The network was slow."), part, "whys: step 2 (five_whys), root cause, mechanism")
    yield Mutation("suspect", _set(lambda forged: forged.result("five_whys")["root_cause"]["suspects"][0], "function",
                                   "main"), part, "whys: step 2 (five_whys), root cause, suspect 1, function")
    yield Mutation("text of an evidence item",
                   _set(lambda forged: forged.result("five_whys")["pack"]["items"][0], "text", "all is well"), part,
                   "whys: step 2 (five_whys), item E1 of its evidence")
    yield Mutation("expectation in the plan", _set(
        lambda forged: forged.result("plan")["plan"]["tests"][0]["expectation"], "message", "anything else at all"),
        "part /steps/2/result", "answers: step 3 (plan), test 1, expectation, message")


def _incident() -> Iterator[Mutation]:
    part = "part /steps/0/result"
    yield Mutation("entries of the incident", _set(lambda forged: forged.incident, "entries", 85), part,
                   "incident: the incident's entries")
    yield Mutation("error entries", _set(lambda forged: forged.incident, "error_entries", 80), part,
                   "incident: the incident's error_entries")
    yield Mutation("count of a group", _set(lambda forged: forged.incident["groups"][0], "count", 41), part,
                   "incident: group 1")
    yield Mutation("first seen", _set(lambda forged: forged.incident, "first_seen", "2026-11-21T10:30:37Z"), part,
                   "incident: the incident's first_seen")
    yield Mutation("an instance left out", lambda forged: forged.incident["instances"].pop(), part,
                   "incident: the incident's instances")
    yield Mutation("fingerprint", _set(lambda forged: forged.incident, "fingerprint", "v2-0123456789abcdef"), part,
                   "incident: the incident's fingerprint")
    yield Mutation("reason for the choice", _set(
        lambda forged: forged.result("retrieve")["selection"]["reasons"], 0, "It matters most."), part,
        "ranking: the reasons for the choice")
    yield Mutation("running commit", _set(lambda forged: forged.result("retrieve")["commit"], "sha", "0" * 40), part,
                   "proof: step 11 (prove), base")
    yield Mutation("when a revision began to log", _set(
        lambda forged: forged.result("retrieve")["revisions"][1], "first_seen", "2026-11-21T10:30:48Z"), part,
        "times: when the revision message-router-00042-zud logged")
    yield Mutation("the time that was read", _set(
        lambda forged: forged.result("retrieve"), "read_until", "2026-11-21T10:35:00Z"), part,
        "times: when the incident occurred")
    yield Mutation("the last occurrence at a revision", _set(
        lambda forged: forged.incident["by_revision"][0], "last_seen", "2026-11-21T10:30:41Z"), part,
        "times: the last occurrence at the revision message-router-00041-qib")
    yield Mutation("occurrences in other parts of the time", _set(
        lambda forged: forged.incident["by_revision"][1], "timeline", lambda counts: [*counts[1:], 0]), part,
        "times: when the incident occurred at the revision message-router-00042-zud")
    yield Mutation("occurrences at a revision", _set(
        lambda forged: forged.incident["by_revision"][0], "count", 41), part, "incident: the occurrences at each")
    yield Mutation("entries read of the whole log", _set(
        lambda forged: forged.result("retrieve")["report"], "entries_read", 3000), part,
        "steps: step 1 (retrieve), what it said")


def _proof_run(forged: Forged, label: str) -> Json:
    return next(run for run in forged.result("prove")["proof"]["runs"] if run["result"]["label"] == label)


def _in_the_second_run(forged: Forged) -> Json:
    """The outcome of the test that was the first in the first run; the second has another order."""
    first, second = forged.result("run_tests")["runs"][:2]
    return next(one for one in second["outcomes"] if one["test"] == first["outcomes"][0]["test"])


def _runs() -> Iterator[Mutation]:
    ran, proven = "part /steps/8/result", "part /steps/10/result"
    yield Mutation("kind of an outcome", _set(
        lambda forged: forged.result("run_tests")["runs"][0]["outcomes"][0], "kind", "passed"), ran,
        "runs: step 9 (run_tests), base-1, tests/")
    yield Mutation("kind of a failure", _set(_in_the_second_run, "kind", "other_failure"), ran,
        "steps: step 9 (run_tests), result, reproduced")
    yield Mutation("duration of a test", _set(
        lambda forged: forged.result("run_tests")["own"]["outcomes"][0], "duration_s", lambda took: took + 1), ran,
        "runs: step 9 (run_tests), own-base, tests/")
    yield Mutation("duration of a run", _set(
        lambda forged: forged.result("run_tests")["runs"][0], "duration_s", 0.01), ran,
        "runs: step 9 (run_tests), base-1, its duration")
    yield Mutation("exit code", _set(lambda forged: forged.result("run_tests")["own"], "exit_code", 1), ran,
                   "runs: step 9 (run_tests), own-base, exit code")
    yield Mutation("reproduced", _set(lambda forged: forged.result("run_tests"), "reproduced", False), ran,
                   "steps: step 9 (run_tests), result, reproduced")
    yield Mutation("a test that reproduced left out", lambda forged: forged.result("run_tests")["reproduced_by"].pop(),
                   ran, "steps: step 9 (run_tests), result, number of reproduced_by")
    yield Mutation("tree of a run", _set(
        lambda forged: forged.result("run_tests")["runs"][0], "tree", "1" * 40), ran,
        "proof: step 11 (prove), the commit with the tests")
    yield Mutation("an outcome left out", lambda forged: forged.result("run_tests")["own"]["outcomes"].pop(), ran,
                   "runs: step 9 (run_tests), own-base, junit/own-base.xml")
    yield Mutation("verdict", _set(lambda forged: forged.result("prove")["proof"], "verdict", "not_proven"), proven,
                   "proof: step 11 (prove), verdict")
    yield Mutation("whether a run holds", _set(lambda forged: _proof_run(forged, "proof-fix-1"), "holds", False),
                   proven, "proof: step 11 (prove), proof-fix-1, holds")
    yield Mutation("an outcome with the fix", _set(
        lambda forged: _proof_run(forged, "proof-fix-1")["result"]["outcomes"][0], "kind", "other_failure"), proven,
        "runs: step 11 (prove), proof-fix-1, tests/")
    yield Mutation("commit with the fix", _set(
        lambda forged: forged.result("prove")["proof"], "with_fix", "2" * 40), proven,
        "proof: step 11 (prove), the commit with the fix")
    yield Mutation("same tree", _set(lambda forged: forged.result("prove")["proof"], "same_tree", False), proven,
                   "proof: step 11 (prove), same tree")
    yield Mutation("a run left out", lambda forged: forged.result("prove")["proof"]["runs"].pop(0), proven,
                   "proof: step 11 (prove), its base runs")


def _proof(forged: Forged) -> Json:
    return forged.result("prove")["proof"]


def _hunk(*, needed: bool | None) -> Callable[[Forged], Json]:
    """The first place of the fix with that verdict."""
    return lambda forged: next(one for one in _proof(forged)["hunks"] if one["needed"] is needed)


def _small_change(*, killed: bool) -> Callable[[Forged], Json]:
    return lambda forged: next(one for one in _proof(forged)["mutants"] if one["killed"] is killed)


def _parts_of_the_fix() -> Iterator[Mutation]:
    proven, parts, again = "part /steps/10/result", "proof parts: step 11 (prove), ", "proof again: step 11 (prove), "
    yield Mutation("whether a place is needed", _set(_hunk(needed=True), "needed", False), proven, f"{parts}hunk ")
    yield Mutation("whether a place is not needed", _set(_hunk(needed=False), "needed", True), proven, f"{parts}hunk ")
    yield Mutation("whether a place does anything", _set(_hunk(needed=True), "needed", None), proven, f"{parts}hunk ")
    yield Mutation("why a place is needed", _set(_hunk(needed=True), "reason", "it is"), proven, f"{again}hunk ")
    yield Mutation("run of a place", _set(_hunk(needed=True), "runs", ["proof-fix-1"]), proven, f"{parts}hunk ")
    yield Mutation("text of a place", _set(
        lambda forged: _hunk(needed=True)(forged)["hunk"], "text", lambda text: f"{text} or True"), proven,
        f"{parts}hunk ")
    yield Mutation("lines of a place", _set(
        lambda forged: _hunk(needed=True)(forged)["hunk"], "lines", lambda lines: lines + 7), proven, f"{parts}hunk ")
    yield Mutation("where a place is", _set(
        lambda forged: _hunk(needed=True)(forged)["hunk"], "first", lambda line: line - 1), proven, f"{again}hunk ")
    yield Mutation("a place left out", lambda forged: _proof(forged)["hunks"].remove(_hunk(needed=False)(forged)),
                   proven, f"{parts}what proof-without-")
    yield Mutation("whether a small change was noticed", _set(_small_change(killed=False), "killed", True), proven,
                   f"{parts}mutant ")
    yield Mutation("why a small change was noticed", _set(_small_change(killed=True), "reason", "it was"), proven,
                   f"{parts}mutant ")
    yield Mutation("what was changed", _set(_small_change(killed=True), "before", "return None"), proven,
                   f"{parts}mutant ")
    yield Mutation("what it was changed to", _set(_small_change(killed=True), "after", "return None"), proven,
                   f"{again}mutant ")
    yield Mutation("line of a small change", _set(_small_change(killed=True), "line", lambda line: line + 1), proven,
                   f"{again}mutant ")
    yield Mutation("a small change left out", lambda forged: _proof(forged)["mutants"].pop(), proven,
                   f"{parts}what proof-mutant-")
    yield Mutation("a changed line that ran", lambda forged: _proof(forged)["lines"][0]["ran"].pop(), proven,
                   f"{again}file with changed lines 1, number of ran")
    yield Mutation("a changed line", lambda forged: _proof(forged)["lines"][0]["changed"].append(9999), proven,
                   f"{parts}changed lines of ")
    yield Mutation("a note of the proof", lambda forged: _proof(forged)["notes"].pop(), proven,
                   "proof: step 11 (prove), notes")
    yield Mutation("what is missing", _set(_proof, "missing", ["Nothing much."]), proven,
                   "proof: step 11 (prove), what is missing")


def _courses() -> Iterator[Mutation]:
    proven, proof = "part /steps/10/result", "proof: step 11 (prove), "
    yield Mutation("seed of a run", _set(
        lambda forged: _proof_run(forged, "proof-fix-2")["result"], "seed", 9), proven, f"{proof}proof-fix-2, seed")
    yield Mutation("seed of a first run", _set(
        lambda forged: _proof_run(forged, "proof-fix-1")["result"], "seed", 1), proven, f"{proof}proof-fix-1, seed")
    yield Mutation("pressure of a run", _set(
        lambda forged: _proof_run(forged, "proof-fix-1")["result"], "pressure", True), proven,
        f"{proof}proof-fix-1, pressure")
    yield Mutation("pressure of one of the last runs", _set(
        lambda forged: _proof_run(forged, "proof-fix-2")["result"], "pressure", lambda was: not was), proven,
        f"{proof}pressure")
    yield Mutation("seed of a run on base", _set(
        lambda forged: forged.result("run_tests")["runs"][1], "seed", 7), "part /steps/8/result",
        "reproduction: step 9 (run_tests), its seeds")
    yield Mutation("the own suite before", _set(
        lambda forged: _proof_run(forged, "own-base")["result"], "duration_s", 0.5), proven,
        f"{proof}own-base, the service's own suite before, duration_s")
    yield Mutation("a round left out", lambda forged: _proof(forged).update(runs=[
        one for one in _proof(forged)["runs"] if not (one["suite"] == "new" and one["number"] == 2
                                                      and one["role"] in {"base", "fix", "revert"})]), proven,
        "kept runs: step 11 (prove), junit/proof-base-2.xml")
    yield Mutation("reason of a run without a place", _set(
        lambda forged: _proof_run(forged, "proof-without-2"), "reason", "It is needed."), proven,
        f"{proof}proof-without-2, reason")
    yield Mutation("exit code of a run without a place", _set(
        lambda forged: _proof_run(forged, "proof-without-2")["result"], "exit_code", 0), proven,
        "runs: step 11 (prove), proof-without-2, exit code")
    yield Mutation("an outcome of a small change", _set(
        lambda forged: _proof_run(forged, "proof-mutant-1")["result"]["outcomes"][0], "kind", "skipped"), proven,
        "kept runs: step 11 (prove), proof-mutant-1, outcome 1, kind")
    yield Mutation("command of a run", _set(
        lambda forged: _proof_run(forged, "proof-fix-2")["result"], "command", "python -m pytest"), proven,
        "kept runs: step 11 (prove), proof-fix-2, command")
    yield Mutation("a run as it was kept", lambda forged: forged.replace(
        "runs/proof-fix-1.json", '"exit_code":0', '"exit_code":1'), "files: runs/proof-fix-1.json",
        "kept runs: step 11 (prove), proof-fix-1, exit_code")
    yield Mutation("lines of a run as it was kept", _nothing_ran, "files: runs/proof-fix-1.json",
                   "proof again: step 11 (prove), file with changed lines 1, number of ran")


def _nothing_ran(forged: Forged) -> None:
    kept = json.loads(forged.files["runs/proof-fix-1.json"])
    for seen in kept["ran"]["observations"]:
        seen["lines"] = []
    forged.files["runs/proof-fix-1.json"] = json.dumps(kept).encode()


def older(forged: Forged) -> Content:
    """The record as schema 3 had it: no parts of the fix, no seeds, no own suite before, and no files of runs."""
    record = forged.record
    record["schema_version"] = 3
    record["settings"]["dry_run"] = record["settings"].pop("publish") == "never"
    del record["retries"]
    proof = _proof(forged)
    proof["runs"] = [one for one in proof["runs"] if one["role"] not in {"without", "mutant"}
                     and (one["role"], one["suite"]) != ("base", "own")]
    for key in ("hunks", "mutants", "lines", "guard", "notes"):
        del proof[key]
    results = [*forged.result("run_tests")["runs"], forged.result("run_tests")["own"],
               *(one["result"] for one in proof["runs"])]
    for result in results:
        del result["seed"], result["pressure"]
    named = {f"{folder}/{one['label']}" for one in results for folder in ("junit", "logs")}
    for number, step in enumerate(record["steps"]):
        gone = [one["name"] for one in step["artifacts"] if one["name"].startswith("runs/") or
                (step["step"] == "prove" and one["name"].rpartition(".")[0] not in named)]
        step["artifacts"] = [one for one in step["artifacts"] if one["name"] not in gone]
        for name in gone:
            del forged.files[name]
        # Its runs went one after the other.
        step["started_at"], step["ended_at"] = (
            (datetime.fromisoformat(step[key]) + timedelta(hours=number + later)).isoformat()
            for key, later in (("started_at", 0), ("ended_at", 1)))
    forged.files.pop("proof.md")
    forged.files["record.json"] = json.dumps(sealed(record, 3)).encode()
    return Content(forged.files, {})


def _audit() -> Iterator[Mutation]:
    part = "part /steps/5/result"
    yield Mutation("recommendation", _set(
        lambda forged: forged.result("audit")["report"], "recommendation", "GO"), part,
        "audit: step 6 (audit), recommendation")
    yield Mutation("a finding left out", lambda forged: forged.result("audit")["report"]["findings"].pop(0), part,
                   "audit: step 6 (audit)")
    yield Mutation("severity of a finding", _set(lambda forged: next(
        one for one in forged.result("audit")["report"]["findings"] if one["severity"] == "error"),
        "severity", "warning"), part, "audit: step 6 (audit)")
    yield Mutation("score", _set(lambda forged: forged.result("audit")["report"]["scores"][1], "value", 9.5), part,
                   "audit: step 6 (audit), scores, item 2, value")
    yield Mutation("an outcome in the audit", _set(lambda forged: next(
        one for one in forged.result("audit")["report"]["outcomes"] if one["kind"] != "passed"), "kind", "passed"),
        part, "audit runs: step 6 (audit), tests/")
    yield Mutation("message of a finding", _set(
        lambda forged: forged.result("audit")["report"]["findings"][0], "message", "It is fine."), part,
        "documents: audit.md, line")


def _fix() -> Iterator[Mutation]:
    part = "part /steps/9/result"
    yield Mutation("lines added by the patch", _set(lambda forged: forged.result("fix")["patch"], "added", 7), part,
                   "patch: step 10 (fix), lines added")
    yield Mutation("an edit", _set(lambda forged: forged.result("fix")["patch"]["edits"][0], "replace",
                                   lambda text: text + "\n# done"), part, "answers: step 10 (fix), its edits, item 1")
    yield Mutation("the diff", _set(lambda forged: forged.result("fix")["patch"], "diff",
                                    lambda text: text.replace("\n+", "\n+ ", 1)), part,
                   "patch: step 10 (fix), its diff from its edits")
    yield Mutation("checksum of a patched file", _set(
        lambda forged: forged.result("fix")["patch"]["files"][0], "sha256", "3" * 64), part,
        "patch: step 10 (fix), what ")
    yield Mutation("summary of the fix", _set(
        lambda forged: forged.result("fix")["patch"], "summary", "Everything works now."), part,
        "answers: step 10 (fix), its summary")


def _effect(forged: Forged, step: str, kind: str) -> Json:
    return next(one["effect"] for one in forged.step(step)["effects"] if one["effect"]["effect"] == kind)


def _envelope() -> Iterator[Mutation]:
    yield Mutation("what a step said", _set(lambda forged: forged.step("audit"), "said", "GO: 10 tests, 0 defective"),
                   "part /steps/5/said", "steps: step 6 (audit), what it said")
    yield Mutation("decision of a step", _set(lambda forged: forged.step("audit"), "decision", "go"),
                   "part /steps/5/decision", "steps: step 6 (audit), decision")
    yield Mutation("when a step began", _set(
        lambda forged: forged.step("plan"), "started_at", "2026-01-01T00:00:00Z"),
        "part /steps/2/started_at", "course: step 3 began after")
    yield Mutation("when the record was created", _set(
        lambda forged: forged.record, "created_at", "2026-01-01T00:00:00Z"),
        "part /created_at", "course: when it was created")
    yield Mutation("attempt of a step", _set(lambda forged: forged.step("write_tests", 2), "attempt", 1),
                   "part /steps/6/attempt", "course: step 7 (write_tests) follows")
    yield Mutation("a step left out", lambda forged: forged.record["steps"].remove(forged.step("audit", 2)),
                   "part /steps/11/", "course: step 8 (run_tests) follows")
    yield Mutation("how it ended", _set(lambda forged: forged.record, "end", "not reproduced"), "part /end",
                   "course: how it stands")
    yield Mutation("version", _set(lambda forged: forged.record, "version", 5), "part /version",
                   "course: how often it was saved")
    yield Mutation("whether the model is scripted", _set(lambda forged: forged.record["settings"], "scripted", False),
                   "part /settings", "course: the settings of its run")
    yield Mutation("cost of a call", _set(
        lambda forged: forged.step("five_whys")["charges"][-1]["usage"], "cost_usd", "0.5"),
        "part /steps/1/charges", "charges: step 2 (five_whys), call ")
    yield Mutation("body of the issue", _set(lambda forged: _effect(forged, "file_issue", "issue"), "body",
                                             lambda text: text.replace("84 log entries", "840 log entries")),
                   "part /steps/3/effects", "steps: step 4 (file_issue), its issue, body, line")
    yield Mutation("priority of the issue", _set(
        lambda forged: _effect(forged, "file_issue", "issue"), "priority", "P3"), "part /steps/3/effects",
        "steps: step 4 (file_issue), its issue, priority")
    yield Mutation("that the incident is back", _set(
        lambda forged: _effect(forged, "file_issue", "issue"), "news", "It is back."), "part /steps/3/effects",
        "steps: step 4 (file_issue), its issue, news")
    yield Mutation("what is related to the incident", _set(
        lambda forged: _effect(forged, "file_issue", "issue"), "related", lambda keys: [
            *keys, {"of": "issue", "repository": "demo/message-router", "fingerprint": "v2-" + "0" * 16}]),
        "part /steps/3/effects", "steps: step 4 (file_issue), its issue, number of related")
    yield Mutation("a mark on the tests", _set(
        lambda forged: _effect(forged, "commit", "check"), "annotations", lambda marks: [
            *marks, {"path": "tests/a.py", "start_line": 1, "end_line": 1, "level": "failure", "title": "t",
                     "message": "m"}]),
        "part /steps/11/effects", "steps: step 12 (commit), its check, number of annotations")
    yield Mutation("body of the pull request", _set(
        lambda forged: _effect(forged, "commit", "pull_request"), "body", lambda text: text + "Proven.\n"),
        "part /steps/11/effects", "steps: step 12 (commit), its pull request, body, line")
    yield Mutation("conclusion of the check", _set(
        lambda forged: _effect(forged, "commit", "check"), "conclusion", "neutral"), "part /steps/11/effects",
        "steps: step 12 (commit), its check, conclusion")
    yield Mutation("status comment", _set(lambda forged: _effect(forged, "fix", "comment"), "body",
                                          lambda text: text.replace("[x]", "[ ]", 1)), "part /steps/9/effects",
                   "comments: step 10 (fix), its status comment, its comment, body, line")
    yield Mutation("branch", _set(lambda forged: forged.result("commit"), "branch", "whybot/other"),
                   "part /steps/11/result", "steps: step 12 (commit), result, branch")
    yield Mutation("number of the issue on the forge", _set(
        lambda forged: forged.step("file_issue")["effects"][0]["receipt"], "number", 77), "part /steps/3/effects",
        "documents: status.md, line")


def _line_of(text: bytes, holding: bytes) -> bytes:
    return next(line for line in text.split(b"\n") if holding in line)


def _drop_entry(forged: Forged) -> None:
    line = _line_of(forged.files["logs.ndjson"], b"closing the client with 1011")
    forged.files["logs.ndjson"] = forged.files["logs.ndjson"].replace(line + b"\n", b"", 1)


def _test_file(forged: Forged) -> str:
    name: str = forged.result("write_tests", 2)["files"][0]["artifact"]
    return name


def _code_file(forged: Forged) -> str:
    """The kept file that the first code citation quotes."""
    path = _code_citation(forged)["path"]
    return next(one["artifact"] for one in forged.result("five_whys")["code"] if one["path"] == path)


def _files() -> Iterator[Mutation]:
    yield Mutation("a log entry left out", _drop_entry, "files: logs.ndjson", "incident: ")
    yield Mutation("text of a log entry", lambda forged: forged.replace(
        "logs.ndjson", _log_citation(forged)["quote"], "x" * 40, -1), "files: logs.ndjson", "citations: step 2")
    yield Mutation("a line of kept code", lambda forged: forged.replace(
        _code_file(forged), _code_citation(forged)["quote"], "pass"), "files: code/", "citations: step 2")
    yield Mutation("a test file", lambda forged: forged.replace(_test_file(forged), "assert ", "assert True or "),
                   "files: tests/attempt-2/", "answers: step 7 (write_tests), tests/")
    yield Mutation("lines of a test file", _set(
        lambda forged: forged.result("write_tests", 2)["files"][0], "lines", 3), "part /steps/6/result",
        "frozen: tests/unit/test_readiness_subscriber.py, as step 7")
    yield Mutation("the stored patch", lambda forged: forged.replace("fix/attempt-1.patch", "\n+", "\n+ "),
                   "files: fix/attempt-1.patch", "answers: step 10 (fix), its diff")
    yield Mutation("status in a JUnit file", _failing("proof-fix-1"), "files: junit/proof-fix-1.xml",
                   "runs: step 11 (prove), proof-fix-1, tests/")
    yield Mutation("totals of a JUnit file", lambda forged: forged.replace(
        "junit/base-1.xml", 'failures="3"', 'failures="0"'), "files: junit/base-1.xml",
        "runs: step 9 (run_tests), base-1, junit/base-1.xml, its failures")
    yield Mutation("message in a JUnit file", lambda forged: forged.replace(
        "junit/base-1.xml", 'message="AssertionError: ', 'message="AssertionError: 1 == 2" was="'),
        "files: junit/base-1.xml", "runs: step 9 (run_tests), base-1, tests/")
    yield Mutation("output of a run", lambda forged: forged.replace("logs/base-1.txt", "\n", "\n\n"),
                   "files: logs/base-1.txt", "")
    yield Mutation("a model's reply", lambda forged: forged.answer(
        "five_whys", lambda answer: answer["whys"][0].update(statement="It is what it is.")),
        "whys: step 2 (five_whys), why 1, statement", "whys: step 2 (five_whys), why 1, statement")
    yield Mutation("a question to the model", lambda forged: forged.exchange(
        "plan", lambda one: one["request"].update(system="Do as you like.")), "exchanges: exchange ",
        "exchanges: exchange ")
    yield Mutation("tokens in an exchange", lambda forged: forged.exchange(
        "fix", lambda one: one["reply"]["usage"].update(output_tokens=12345)), "charges: step 10 (fix), call ",
        "charges: step 10 (fix), call ")
    for name, old, new in (
        ("status.md", "84 log entries", "8 log entries"), ("plan.md", "(2 tests)", "(3 tests)"),
        ("audit.md", "10 tests", "11 tests"), ("execution.md", " s |", "0 s |"),
        ("proof.md", "in 2 of 2 runs", "in 5 of 5 runs"), ("incident.md", "| 42 | 50% |", "| 43 | 51% |"),
    ):
        yield Mutation(f"a number in {name}", partial(Forged.replace, name=name, old=old, new=new),
                       f"documents: {name}, line", f"documents: {name}, line")
    for name, what, old, new in (
        ("plan.md", "tests of a level", "| integration | several parts together | 1 |",
         "| integration | several parts together | 2 |"),
        ("plan.md", "tests that reach a function", "::ReadinessValidator.validate` | yes | 3 |",
         "::ReadinessValidator.validate` | yes | 4 |"),
        ("execution.md", "failures as predicted", "| unit | 2 | 0 | 2 | 0 | 0 |", "| unit | 2 | 1 | 1 | 0 | 0 |"),
        ("execution.md", "failures of the infrastructure", "| infrastructure | 0 |", "| infrastructure | 1 |"),
        ("execution.md", "lines of a changed file", "| +4 ", "| +5 "),
        ("execution.md", "what is left to do", "- [ ] 1 place of the fix", "- [x] 1 place of the fix"),
        ("proof.md", "runs in the matrix", "failed as predicted, 2 of 2 | ✓", "failed as predicted, 5 of 5 | ✓"),
        ("incident.md", "instances that it hits", "14 instances", "41 instances"),
        ("incident.md", "bars of a picture", "bar [42, 42]", "bar [42, 84]"),
        ("status.md", "attempts in a picture", "2 attempts", "1 attempt"),
    ):
        yield Mutation(f"{what} in {name}", partial(Forged.replace, name=name, old=old, new=new),
                       f"documents: {name}, line", f"documents: {name}, line")
    yield Mutation("a file that nobody names", lambda forged: forged.files.update({"notes.md": b"# Proven\n"}),
                   "known files: notes.md", "known files: notes.md")
    yield Mutation("a file taken away", lambda forged: _gone(forged, "junit/base-2.xml"),
                   "files: junit/base-2.xml", "files: junit/base-2.xml")


def _gone(forged: Forged, name: str) -> None:
    del forged.files[name]


def _failing(name: str) -> Callable[[Forged], None]:
    """Make the first test of a JUnit file fail; its totals go with it."""
    def change(forged: Forged) -> None:
        file = f"junit/{name}.xml"
        forged.replace(file, 'failures="0"', 'failures="1"')
        text = forged.files[file].decode()
        at = text.index("<testcase")
        end = text.index(">", at)
        case = text[at:end + 1]
        if case.endswith("/>"):
            changed = case.removesuffix("/>").rstrip() + '><failure message="no">no</failure></testcase>'
        else:
            changed = case + '<failure message="no">no</failure>'
        forged.files[file] = (text[:at] + changed + text[end + 1:]).encode()

    return change
