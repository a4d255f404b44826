"""`bot report` on the record of the demo: the real command, and what its pages show of a real cycle."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.adapters.directory_store import DirectoryStore
from bot.domain.evidence import LogCitation
from bot.domain.record import CycleRecord
from bot.domain.results import FiveWhys, Fixed, Proven, TestsAudited
from bot.domain.suite import FailureKind
from tests.e2e.command import bot
from tests.e2e.test_recheck import demo_cycle
from tests.once import once
from tests.site_pages import Parsed, check_site

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state with the record that the tests of `bot recheck` look at."""
    cycle = once(tmp_path_factory, "recheck", demo_cycle) / "copied"
    document = json.loads((cycle / "record.json").read_text("utf-8"))["record"]
    state = tmp_path_factory.mktemp("state")
    DirectoryStore(state).prepare()
    run = state / document["ref"]["focus"] / document["ref"]["run"]
    run.mkdir(parents=True)
    (run / "cycle-01").symlink_to(cycle)
    return state


@pytest.fixture(scope="module")
def record(state: Path) -> CycleRecord:
    store = DirectoryStore(state)
    return store.load(store.cycles()[0])


@pytest.fixture(scope="module")
def site(state: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("report")
    said = bot("report", "--state", str(state), "--out", "site", "--json", cwd=place)
    assert said.code == 0, said.everything
    document = said.json()
    assert (document["schema"], document["cycles"], document["damaged"]) == ("whybot/report/1", 1, [])
    assert document["index"] == str((place / "site" / "index.html").resolve())
    return place / "site"


@pytest.fixture(scope="module")
def page(site: Path) -> Parsed:
    pages = check_site(site)
    assert len(pages) == 3
    return next(page for name, page in pages.items() if name.endswith("cycle-01.html"))


def test_every_quote_is_marked_in_its_entry_or_line(page: Parsed, record: CycleRecord) -> None:
    whys = record.latest(FiveWhys)
    assert whys is not None
    cited = {one.citation for why in whys.whys for claim in (why, *why.ruled_out) for one in claim.citations}
    cited |= {one.citation for other in whys.ruled_out for one in other.citations}
    assert len(page.of_class("quote")) == len(cited)
    assert {"pre" in within for _, _, within in page.of_class("quote")} == {True}
    for citation in cited:
        name = citation.insert_id if isinstance(citation, LogCitation) else f"{citation.path}:{citation.line}"
        assert name in page.text
    # Suspects lead to their functions.
    assert {f"#{name}" for name in page.ids if name.startswith("ev-")} == {
        given["href"] for _, given, _ in page.of_class("cite") if "href" in given}
    assert len({name for name in page.ids if name.startswith("ev-")}) == len(cited) + 2


def test_the_matrix_has_every_test_in_every_run(page: Parsed, record: CycleRecord) -> None:
    proven = record.latest(Proven)
    assert proven is not None
    runs = [run for run in proven.proof.runs if run.suite == "new" and run.role in {"base", "fix", "revert"}]
    cells = [given["data-kind"] for _, given, _ in page.of_class("cell")]
    assert len(cells) == sum(run.result.total for run in runs) > 0
    for kind in FailureKind:
        assert cells.count(kind.value) == sum(len(run.result.of(kind)) for run in runs)


def test_the_rest_of_the_record_is_there(page: Parsed, record: CycleRecord, site: Path) -> None:
    incident, fixed = record.incident, record.latest(Fixed)
    assert incident is not None
    assert fixed is not None
    assert fixed.patch is not None
    assert incident.root.message in page.text
    assert f"{incident.entries} entries" in page.text
    assert f"{record.usage.tokens:,} tokens" in page.text
    rows = [given["class"] for tag, given, within in page.elements if tag == "tr" and "class" in given]
    assert (rows.count("add"), rows.count("del")) == (fixed.patch.added, fixed.patch.removed)
    for audit in record.results(TestsAudited):
        assert all(finding.rule in page.text for finding in audit.report.findings)
    chart = page.data["chart-when"]
    assert [sum(values) for values in zip(*(one["values"] for one in chart["series"]), strict=True)] == [
        *incident.timeline]
    assert {mark["kind"] for mark in chart["marks"]} == {"deploy", "fix"}
    assert sum(page.data["chart-cost"]["series"][0]["values"]) == record.usage.tokens
    documents = {path.name for path in site.rglob("*.md")}
    assert {"status.md", "plan.md", "audit.md", "execution.md", "proof.md", "run.md"} <= documents
