"""The folder that `bot report` writes: always the same, nothing left of before, nothing of others lost."""

from __future__ import annotations

import json
import webbrowser
from pathlib import Path

import pytest

from bot.domain.effects import IssueUpsert, Receipt
from bot.domain.errors import BotError, ConfigProblem, UsageProblem
from bot.domain.record import CycleRecord
from bot.progress import PlainProgress
from bot.report_command import MARK, show_report, write_report
from bot.reports.json.report import ReportDocument
from tests.site_pages import check_site
from tests.unit.run_records import put
from tests.unit.whole_records import whole

RUN = "startup/20251107T081500Z-0a1b2c"


def state_with(folder: Path, *records: CycleRecord) -> Path:
    put(folder, records)
    return folder


def written(state: Path, out: Path | None = None) -> ReportDocument:
    return write_report(state, out, PlainProgress())


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_records_give_the_same_bytes(tmp_path: Path) -> None:
    state = state_with(tmp_path / "state", whole(number=1), whole(number=2))
    written(state, tmp_path / "one")
    before = {name: (tmp_path / "one" / name).stat().st_mtime_ns for name in content(tmp_path / "one")}
    written(state, tmp_path / "other")
    assert content(tmp_path / "one") == content(tmp_path / "other")
    assert not any(str(tmp_path).encode() in text for text in content(tmp_path / "one").values())
    written(state, tmp_path / "one")
    now = {name: (tmp_path / "one" / name).stat().st_mtime_ns for name in content(tmp_path / "one")}
    # What does not differ is not written; the mark knows for a moment what is to come, and ends as it was.
    assert {name for name in before if before[name] != now[name]} <= {MARK}


def test_pages_that_nothing_leads_to_any_more_are_removed_and_nothing_else(tmp_path: Path) -> None:
    state = state_with(tmp_path / "state", whole(number=1), whole(number=2))
    out = tmp_path / "site"
    written(state, out)
    (out / "CNAME").write_text("whybot.example")
    (out / RUN / "cycle-02").joinpath("mine.txt").write_text("of a person")
    folder = state / RUN / "cycle-02"
    folder.rename(tmp_path / "gone")
    again = written(state, out)
    assert f"{RUN}/cycle-02.html" in again.removed
    assert f"{RUN}/cycle-02/status.md" in again.removed
    assert {*content(out)} == {file.path for file in again.files} | {MARK, "CNAME", f"{RUN}/cycle-02/mine.txt"}
    check_site(out)


def test_it_lies_in_the_state_by_default_and_is_no_cycle(tmp_path: Path) -> None:
    state = state_with(tmp_path / "state", whole())
    made = written(state)
    assert Path(made.index) == (state / "report" / "index.html").resolve()
    assert written(state).cycles == 1


@pytest.mark.parametrize("what", ["a file in it", "a mark of others", "a mark that leads out", "a file"])
def test_a_folder_of_others_is_refused(tmp_path: Path, what: str) -> None:
    state, out = state_with(tmp_path / "state", whole()), tmp_path / "out"
    if what == "a file":
        out.write_text("x")
    else:
        out.mkdir()
        (out / "index.html").write_text("mine")
    (tmp_path / "precious").write_text("x")
    if what == "a mark of others":
        (out / MARK).write_text("{}")
    if what == "a mark that leads out":
        (out / MARK).write_text(json.dumps({"made_by": "whybot", "files": ["../precious"]}))
    with pytest.raises(UsageProblem, match="holds something else"):
        written(state, out)
    assert (tmp_path / "precious").exists()
    assert out.is_file() or (out / "index.html").read_text() == "mine"


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    state = state_with(tmp_path / "state", whole())
    (tmp_path / "out").mkdir()
    assert written(state, tmp_path / "out").cycles == 1


def test_a_report_that_was_interrupted_is_taken_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state, out = state_with(tmp_path / "state", whole(number=1), whole(number=2)), tmp_path / "out"

    def broken(path: Path, content: bytes) -> int:
        if path.name.startswith("cycle-02.html"):
            raise OSError(28, "No space left on device")
        return original(path, content)

    original = Path.write_bytes
    monkeypatch.setattr(Path, "write_bytes", broken)
    with pytest.raises(ConfigProblem, match="No space left on device"):
        written(state, out)
    monkeypatch.undo()
    assert (out / RUN / "cycle-01.html").exists()
    assert not (out / "index.html").exists()
    (state / RUN / "cycle-01").rename(tmp_path / "gone")
    assert f"{RUN}/cycle-01.html" in written(state, out).removed
    check_site(out)


def test_damaged_records_are_named_and_the_others_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = state_with(tmp_path / "state", whole(number=1), whole(number=2))
    (state / RUN / "cycle-02" / "record.json").write_text("{")
    assert show_report(state, tmp_path / "site", opened=False, json=True) == 7
    said = capsys.readouterr()
    document = json.loads(said.out)
    assert document["schema"] == "whybot/report/1"
    assert document["cycles"] == 1
    (damaged,) = document["damaged"]
    assert f"{RUN}/cycle-02" in damaged
    assert damaged in said.err
    pages = check_site(tmp_path / "site")
    for name in ("index.html", f"{RUN}/index.html"):
        assert "damaged" in pages[name].ids
        assert "it is not whole JSON" in pages[name].text
        assert str(tmp_path) not in pages[name].text


def test_a_state_with_nothing_but_damage_has_its_overview(tmp_path: Path) -> None:
    state = state_with(tmp_path / "state", whole())
    (state / RUN / "cycle-01" / "record.json").write_text("{")
    assert written(state, tmp_path / "site").cycles == 0
    assert {*check_site(tmp_path / "site")} == {"index.html"}


@pytest.mark.parametrize("there", [False, True])
def test_a_state_without_cycles(tmp_path: Path, there: bool) -> None:
    if not there:
        with pytest.raises(UsageProblem, match="There is no state"):
            written(tmp_path / "state", tmp_path / "site")
        return
    (tmp_path / "state").mkdir()
    assert written(tmp_path / "state", tmp_path / "site").cycles == 0
    assert "No cycle has run here yet." in check_site(tmp_path / "site")["index.html"].text


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    state = state_with(tmp_path / "state", whole())
    (tmp_path / "file").write_text("x")
    with pytest.raises(BotError, match=r"cannot be written|something else"):
        written(state, tmp_path / "file" / "site")


def test_the_browser_is_opened_on_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    state, asked = state_with(tmp_path / "state", whole()), list[str]()

    def opening(url: str) -> bool:
        asked.append(url)
        return False

    monkeypatch.setattr(webbrowser, "open", opening)
    assert show_report(state, tmp_path / "site", opened=False, json=False) == 0
    assert asked == []
    assert show_report(state, tmp_path / "site", opened=True, json=False) == 0
    assert asked == [(tmp_path / "site" / "index.html").as_uri()]
    assert "open the file by hand" in capsys.readouterr().err


def test_what_was_published_is_a_link_where_it_is_a_page(tmp_path: Path) -> None:
    made = whole()
    for number, (url, linked) in enumerate((
        ("https://forge.example/acme/shop/issues/12", True), ("file:///tmp/issues/0001.md", False),
        ("javascript:alert(1)", False), ("https://forge.example/x\"onclick=alert(1)", False),
    )):
        answered = made.model_copy(update={"steps": tuple(
            step.model_copy(update={"effects": tuple(
                item.model_copy(update={"receipt": Receipt(did="created", number=12, url=url)})
                if isinstance(item.effect, IssueUpsert) else item for item in step.effects
            )}) for step in made.steps
        )})
        written(state_with(tmp_path / f"state{number}", answered), tmp_path / f"site{number}")
        for page in check_site(tmp_path / f"site{number}").values():
            outside = [given for tag, given, _ in page.elements if tag == "a" and ":" in given["href"]]
            assert {given["href"] for given in outside} == ({url} if linked else set())
            assert all("noreferrer" in given["rel"] for given in outside)
            assert "Issue 12" in page.text
