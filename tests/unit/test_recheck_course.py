"""What a record says of its own course: the order of its steps, their times, and how it stands."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import recheck as package
from bot.domain.errors import RecordDamaged
from bot.domain.record import CycleEnd, CycleRecord, CycleStatus, Decision, Failure, StepRecord, StepStatus
from bot.domain.record_document import sealed
from bot.recheck import CHECKS, recheck_content
from bot.recheck.folder import Content
from bot.recheck.material import read_material
from bot.recheck.record import checksums, course
from bot.recheck.statement import Found
from bot.steps.retrieve import concluded
from tests.unit.recheck_records import WORKFLOW, content_of, document_of, named
from tests.unit.records import START, record, retrieved

FAILURE = Failure(name="overloaded", family="model", exit_code=8, what="It is overloaded.", remedy="Wait.")


def done(**changes: object) -> StepRecord:
    """Step 0 as it is recorded: of a clean log."""
    found = retrieved()
    outcome = concluded(found)
    given: dict[str, object] = {
        "step": "retrieve", "attempt": 1, "status": StepStatus.DONE, "started_at": START,
        "ended_at": START + timedelta(seconds=2), "decision": outcome.decision, "end": outcome.end,
        "said": outcome.said, "result": found,
    }
    return StepRecord.model_validate({**given, **changes})


def failed(**changes: object) -> StepRecord:
    given: dict[str, object] = {
        "step": "retrieve", "attempt": 1, "status": StepStatus.FAILED, "started_at": START,
        "ended_at": START + timedelta(seconds=2), "said": FAILURE.what, "failure": FAILURE,
    }
    return StepRecord.model_validate({**given, **changes})


def cycle(*steps: StepRecord, **changes: object) -> CycleRecord:
    return named(record(*steps)).model_copy(update={"version": 20, **changes})


CLEAN = {"status": CycleStatus.ENDED, "end": CycleEnd.LOG_CLEAN}
PAUSED = {"status": CycleStatus.PAUSED, "paused_because": FAILURE.what, "remedy": FAILURE.remedy}
LATER = {"started_at": START + timedelta(seconds=9), "ended_at": START + timedelta(seconds=10)}


@pytest.mark.parametrize("made", [
    cycle(),
    cycle(done(), **CLEAN),
    cycle(failed(), **PAUSED),
    cycle(failed(), done(**LATER), **CLEAN),
    cycle(failed(), **{**CLEAN, "end": CycleEnd.GIVEN_UP}),
    cycle(StepRecord(step="retrieve", attempt=1, status=StepStatus.RUNNING, started_at=START)),
], ids=["begun", "clean", "failed", "resumed", "given up", "interrupted"])
def test_an_honest_course_holds(made: CycleRecord) -> None:
    found = recheck_content(content_of_kept(made), WORKFLOW)
    assert [(one.what, one.why) for one in found.of(Found.FAILS)] == []


@pytest.mark.parametrize(("made", "place"), [
    (cycle(done(), status=CycleStatus.ENDED, end=CycleEnd.FIX_PROPOSED), "how it stands"),
    (cycle(done(), status=CycleStatus.ENDED), "how it stands"),
    (cycle(done(decision=Decision.GO, end=None), **CLEAN), "how it stands"),
    (cycle(failed(), **{**PAUSED, "paused_because": "It is late."}), "how it stands"),
    (cycle(done(step="plan"), **CLEAN), "step 1 (plan) follows"),
    (cycle(done(attempt=2), **CLEAN), "step 1 (retrieve) follows"),
    (cycle(done(), done(**LATER), **CLEAN), "step 2 (retrieve) follows"),
    (cycle(failed(said="All is well."), **PAUSED), "step 1 (retrieve) is whole"),
    (cycle(done(result=None), **CLEAN), "step 1 (retrieve) is whole"),
    (cycle(done(ended_at=START - timedelta(seconds=1)), **CLEAN), "step 1 ended after step 1 began"),
    (cycle(done(started_at=START - timedelta(days=1)), **CLEAN), "step 1 began after the record was created"),
    (cycle(done(), **CLEAN, version=2), "how often it was saved"),
    (cycle(done(), **CLEAN).model_copy(update={"created_at": START - timedelta(seconds=1)}), "when it was created"),
    (cycle(done(), **CLEAN).model_copy(update={"settings": record(publish="never").settings}),
     "the settings of its run"),
], ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else None)
def test_a_course_that_cannot_be_is_named(made: CycleRecord, place: str) -> None:
    said = list(course(read_material(content_of(made), WORKFLOW)))
    assert place in {one.what for one in said if one.found is Found.FAILS}


def content_of_kept(made: CycleRecord) -> Content:
    """The folder, with an empty snapshot where a step names one."""
    empty = {"name": "logs.ndjson", "size": 0,
             "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}
    kept = made.model_dump(mode="json")
    for one in kept["steps"]:
        one["artifacts"] = [empty] if one["result"] else []
    whole = content_of(CycleRecord.model_validate_json(json.dumps(kept)))
    snapshot = {"logs.ndjson": b""} if any(one["result"] for one in kept["steps"]) else {}
    return Content({**whole.files, **snapshot})


# Checksums

def test_a_stale_part_is_named_and_nothing_else() -> None:
    document = document_of(cycle(done(), **CLEAN))
    document["record"]["steps"][0]["said"] = "All is well."
    material = read_material(Content({"record.json": json.dumps(document).encode()}), WORKFLOW)
    wrong = {one.what for one in checksums(material) if one.found is Found.FAILS}
    assert wrong == {"the checksum of the record", "part /steps/0/said"}


def test_a_changed_checksum_alone_is_told_from_a_changed_record() -> None:
    document = document_of(cycle())
    document["sha256"] = "0" * 64
    material = read_material(Content({"record.json": json.dumps(document).encode()}), WORKFLOW)
    (wrong,) = [one for one in checksums(material) if one.found is Found.FAILS]
    assert "all its parts are as they were written" in wrong.why


# Hostile records

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=6,
)


def _pointers(value: object, at: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """Every place in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at] * bool(at) + [place for key, item in inner for place in _pointers(item, (*at, key))]


_DOCUMENT = document_of(cycle(failed(), done(**LATER), **CLEAN))
_PLACES = _pointers(_DOCUMENT)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(place=st.sampled_from(_PLACES), value=JSON, seal=st.booleans())
def test_whatever_a_record_holds_it_is_checked_or_refused(place: tuple[object, ...], value: object, seal: bool) -> None:
    document = json.loads(json.dumps(_DOCUMENT))
    holder = document
    for key in place[:-1]:
        holder = holder[key]
    changed = holder[place[-1]] != value or type(holder[place[-1]]) is not type(value)
    holder[place[-1]] = value
    if seal and isinstance(document.get("record"), dict):
        document = sealed(document["record"], 3)
    try:
        found = recheck_content(Content({"record.json": json.dumps(document).encode()}), WORKFLOW)
    except RecordDamaged:
        return
    assert found.statements
    if changed and not seal and place[0] in {"record", "parts", "sha256"}:
        assert found.of(Found.FAILS, "checksums"), place


# The registry

def test_every_check_is_registered() -> None:
    from types import ModuleType

    modules = [one for one in vars(package).values() if isinstance(one, ModuleType)]
    here = {
        f"{module.__name__}.{name}": function for module in modules for name, function in vars(module).items()
        if callable(function) and getattr(function, "__module__", "") == module.__name__
        and getattr(function, "__annotations__", {}) == {"material": "Material", "return": "Iterator[Statement]"}
        and not name.startswith("_")
    }
    assert len(here) >= 15
    assert set(here.values()) == set(CHECKS.values()), sorted(here)
