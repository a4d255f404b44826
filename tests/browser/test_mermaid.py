"""Every picture in every document, drawn by real Mermaid in a real browser, with harmless and with hostile text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from bot.domain.record import CycleRecord
from bot.domain.results import FiveWhys, Retrieved
from bot.reports.documents import check_summary, documents_of, issue_body, pull_request_body, status_comment
from bot.reports.job_summary import summary_markdown
from bot.reports.mermaid import causal_chain, course_path, incident_timeline, occurrences_by_revision, run_picture
from bot.reports.mermaid.chain import MOST_WHYS
from bot.reports.mermaid.times import MOST_REVISIONS
from bot.reports.run_lines import lines_of
from tests.browser.attacks import ON_PICTURES
from tests.browser.chromium import MERMAID, MERMAID_BEFORE
from tests.browser.drawing import Picture, Studio, blocks_of
from tests.browser.saying import saying
from tests.ten_cycles import made_once, run_of
from tests.unit.recheck_records import WORKFLOW
from tests.unit.run_records import ten_cycles
from tests.unit.whole_records import plainly, whole

pytestmark = pytest.mark.browser
both = pytest.mark.parametrize("mermaid", [MERMAID, MERMAID_BEFORE], ids=["late", "early"])

KINDS = {"flowchart", "gantt", "xychart-beta"}


def pictures_of(records: Sequence[CycleRecord]) -> list[tuple[str, str]]:
    """What is drawn and how, of a run: each kind of picture of each cycle, as far as it has one."""
    found = [("run", run_picture(lines_of(records, WORKFLOW)))]
    for made in records:
        retrieved, whys = made.latest(Retrieved), made.latest(FiveWhys)
        found.append((f"path {made.ref}", course_path(made, WORKFLOW)))
        if retrieved is not None:
            found.append((f"time {made.ref}", incident_timeline(retrieved, made)))
            found.append((f"revisions {made.ref}", occurrences_by_revision(retrieved)))
        if whys is not None:
            found.append((f"chain {made.ref}", causal_chain(whys)))
    return [(name, block) for name, text in found for block in blocks_of(text)]


def published(made: CycleRecord) -> Iterator[tuple[str, str]]:
    """All that GitHub shows of a cycle: its documents, and what is published."""
    yield from documents_of(made, WORKFLOW)
    yield "job summary", summary_markdown(made, WORKFLOW)
    yield "comment", status_comment(made, WORKFLOW)
    yield "issue", issue_body(made, WORKFLOW)
    yield "pull request", pull_request_body(made, WORKFLOW)
    yield "check", check_summary(made, WORKFLOW, 1, 0)


def check_drawn(picture: Picture, what: str = "") -> None:
    assert picture.error == "", f"{what}: {picture.error}\n{picture.block}"
    assert picture.acting == (), f"{what}: {picture.acting}"
    assert picture.width > 50, what
    assert picture.height > 20, what
    assert len(picture.text) > 20, what


@both
def test_every_picture_of_a_cycle_with_all_it_may_have(studio: Studio, mermaid: Path) -> None:
    found = dict[str, str]()
    for name, text in published(whole(cycles=10)):
        found |= dict.fromkeys(blocks_of(text), name)
    assert {*found.values()} >= {"job summary"}
    for picture in studio.drawn(mermaid, list(found)):
        check_drawn(picture, found[picture.block])
    assert {block.split()[0] for block in found} >= KINDS, "a kind of picture stands in no document"


@both
def test_every_picture_of_ten_cycles(
    studio: Studio, mermaid: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """As it lies in the files of their run."""
    run = run_of(made_once(tmp_path_factory))
    found = {
        block: str(path.relative_to(run)) for path in run.rglob("*.md") for block in blocks_of(path.read_text("utf-8"))
    }
    assert {*found.values()} >= {"run.md", "cycle-01/status.md"}
    for picture in studio.drawn(mermaid, list(found)):
        check_drawn(picture, found[picture.block])


@both
def test_every_picture_of_the_demo(studio: Studio, mermaid: Path, cycle: Path) -> None:
    """As it lies in the files of the demo's cycle."""
    found = {block: path.name for path in cycle.glob("*.md") for block in blocks_of(path.read_text("utf-8"))}
    assert {*found.values()} >= {"status.md", "incident.md"}
    assert {block.split()[0] for block in found} >= KINDS
    for picture in studio.drawn(mermaid, list(found)):
        check_drawn(picture, found[picture.block])


@both
def test_hostile_text_changes_no_shape(studio: Studio, mermaid: Path) -> None:
    """In the pictures of a run and of some of its cycles, each label with another attack."""
    plain, said = (pictures_of(ten_cycles(say)[::3]) for say in (plainly, saying(ON_PICTURES)))
    assert [name for name, _ in said] == [name for name, _ in plain]
    assert len(said) > 10
    usual = studio.drawn(mermaid, [block for _, block in plain])
    for (name, _), before, picture in zip(
        said, usual, studio.drawn(mermaid, [block for _, block in said]), strict=True
    ):
        check_drawn(picture, name)
        assert picture.shape == before.shape, picture.block


def chain_saying(*texts: str) -> str:
    """A chain in which each why says one of the texts."""
    whys = whole().latest(FiveWhys)
    assert whys is not None
    return causal_chain(whys.model_copy(update={
        "whys": tuple(whys.whys[0].model_copy(update={"statement": text, "citations": ()}) for text in texts),
    }))


def read_with(*names: str) -> Retrieved:
    """What was read, with revisions of these names."""
    read = whole().latest(Retrieved)
    assert read is not None
    assert read.selection.winner is not None
    incident = read.selection.winner.incident
    incident = incident.model_copy(update={
        "by_revision": tuple(incident.by_revision[0].model_copy(update={"revision": name}) for name in names),
    })
    winner = read.selection.winner.model_copy(update={"incident": incident})
    return read.model_copy(update={
        "selection": read.selection.model_copy(update={"winner": winner}),
        "revisions": tuple(read.revisions[0].model_copy(update={"revision": name}) for name in names),
    })


OF_TEXTS: dict[str, Callable[..., str]] = {
    "chain": chain_saying, "time": lambda *names: incident_timeline(read_with(*names)),
    "revisions": lambda *names: occurrences_by_revision(read_with(*names)),
}
EACH = min(MOST_WHYS, MOST_REVISIONS)


@both
@pytest.mark.parametrize("kind", OF_TEXTS)
def test_each_attack_stands_in_its_label_as_it_was_written(studio: Studio, mermaid: Path, kind: str) -> None:
    """Mermaid reads nothing into a label: what a person sees is what `label` gave, and no part more or less."""
    several = [ON_PICTURES[first:first + EACH] for first in range(0, len(ON_PICTURES) - EACH + 1, EACH)]
    assert len(several) * EACH > len(ON_PICTURES) - EACH
    blocks = [block for texts in (map(str, range(EACH)), *several) for block in blocks_of(OF_TEXTS[kind](*texts))]
    usual, *pictures = studio.drawn(mermaid, blocks)
    for texts, picture in zip(several, pictures, strict=True):
        check_drawn(picture, f"attacks like {texts[0][:50]!r}")
        assert picture.shape == usual.shape, picture.block
        given = re.findall(r'"(.*?)"|^ *revision (.*?) :', picture.block, re.MULTILINE)
        assert len(given) >= EACH
        unseen = [one or other for one, other in given
                  if not any(_closely(one or other) in _closely(text) for text in picture.texts)]
        assert unseen == [], picture.texts


def _closely(text: str) -> str:
    return re.sub(r"\s", "", text)


def test_this_harness_sees_what_a_label_lets_through(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """With labels that stand as they are."""
    texts = ('"] --> x', "<a href='https://evil.example'>x</a>", '"];\n click w1 href "https://evil.example"\n x["')
    plain, = studio.drawn(MERMAID, list(blocks_of(chain_saying("plain"))))
    monkeypatch.setattr("bot.reports.mermaid.chain.label", lambda text, most=160: text)
    for text in texts:
        picture, = studio.drawn(MERMAID, list(blocks_of(chain_saying(text))))
        assert picture.error or picture.acting or picture.shape != plain.shape, text
