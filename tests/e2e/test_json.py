"""With --json every command gives the one document that `bot schema` tells of; `Said.json` holds it to that."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conforming import conforms
from tests.e2e.command import Said, bot
from tests.once import once


def make(folder: Path) -> None:
    """A demo that went as far as its issue, once published at once and once kept for later; with no --focus."""
    for name, more in (("now", ()), ("later", ("--publish-to", "publication.json"))):
        (folder / name).mkdir()
        said = bot("cycle", "--demo", "--until", "file_issue", *more, "--json", cwd=folder / name)
        assert (said.code, said.json()["status"]) == (0, "paused"), said.everything
        (folder / f"{name}.json").write_text(said.out)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return once(tmp_path_factory, "json-documents", make)


def given(said: Said, code: int = 0) -> dict[str, object]:
    document = said.json()
    assert said.code == code, said.everything
    return document


def test_the_demo_has_its_focus(demo: Path) -> None:
    document = json.loads((demo / "now.json").read_text())
    assert document["cycle"].startswith("message-routing/")
    assert document["root"]["type"] == "router.broker.SubscriberNotRunning"
    assert document["effects"][0]["receipt"]["did"] == "created"
    later = json.loads((demo / "later.json").read_text())
    assert later["plan"][0]["what"] == "issue"


def test_what_is_recorded(demo: Path, tmp_path: Path) -> None:
    cycle = json.loads((demo / "now.json").read_text())
    listed = given(bot("status", "--json", cwd=demo / "now"))
    assert listed["cycles"] == [{key: value for key, value in cycle.items() if key not in {"schema", "earlier"}}]
    of_run, _, _ = cycle["cycle"].rpartition("/")
    run = of_run.split("/")[1]
    for name in (run, run[:8], cycle["cycle"], f".bot/{cycle['cycle']}/"):
        assert given(bot("status", name, "--json", cwd=demo / "now")) == cycle
    assert given(bot("recheck", f".bot/{cycle['cycle']}", "--json", cwd=demo / "now"))["holds"] is True
    assert conforms(json.loads((demo / "now" / ".bot" / cycle["cycle"] / "record.json").read_text())) == "record"
    assert given(bot("recheck", f".bot/{of_run}", "--json", cwd=demo / "now"))["holds"] is True
    assert given(bot("report", "--out", str(tmp_path), "--json", cwd=demo / "now"))["cycles"] == 1
    assert given(bot("prune", "--older-than", "0d", "--json", cwd=demo / "now"))["schema"] == "whybot/prune/1"
    assert given(bot("notify", "--json", cwd=demo / "now"))["destinations"] == []
    unknown = given(bot("status", "nowhere", "--json", cwd=demo / "now"), 2)
    assert unknown["what"] == "There is no cycle 'nowhere' in .bot."


def test_what_is_published(demo: Path, tmp_path: Path) -> None:
    kept = json.loads((demo / "later" / "publication.json").read_text())
    assert conforms(kept) == "publication"
    (tmp_path / "publication.json").write_text(json.dumps(kept))
    document = given(bot("publish", "publication.json", "--demo", "--json", cwd=tmp_path))
    assert [effect["receipt"]["did"] for effect in document["effects"]] == ["created"] * len(document["effects"])  # type: ignore[index, attr-defined, arg-type]


def test_what_needs_no_record(tmp_path: Path) -> None:
    (tmp_path / "test_shop.py").write_text("def test_nothing():\n    pass\n")
    (tmp_path / "REPORT.md").write_text("# Report\n\n10 tests, 9 passed.\n")
    assert given(bot("init", "--print", "--json", cwd=tmp_path))["files"][0]["written"] is False  # type: ignore[index]
    assert given(bot("init", "--json", cwd=tmp_path))["files"] == [{"path": "bot.toml", "written": True, "text": None}]
    assert (tmp_path / "bot.toml").exists()
    assert "exists already" in str(given(bot("init", "--json", cwd=tmp_path), 3)["what"])
    (tmp_path / "bot.toml").unlink()
    assert given(bot("audit", "test_shop.py", "--json", cwd=tmp_path), 1)["recommendation"] == "HOLD"
    assert given(bot("audit", "--rules", "no-assert", "--json", cwd=tmp_path))["schema"] == "whybot/audit-rules/1"
    assert given(bot("audit-report", "REPORT.md", "--json", cwd=tmp_path))["schema"] == "whybot/claims/1"
    both = given(bot("audit", "test_shop.py", "--json", "--format", "sarif", cwd=tmp_path), 2)
    assert both["what"] == "--json and --format sarif do not go together."
    assert given(bot("doctor", "--demo", "--json", cwd=tmp_path))["ok"] is True
    assert given(bot("logs", "--focus", "startup", "--logs", "demo", "--json", cwd=tmp_path))["focus"] == "startup"


def test_schemas(tmp_path: Path) -> None:
    documents = given(bot("schema", "--json", cwd=tmp_path))["documents"]
    assert {"cycle", "error", "record"} <= {one["name"] for one in documents}  # type: ignore[index, attr-defined]
    said = bot("schema", "error", cwd=tmp_path)
    assert json.loads(said.out)["$id"] == "urn:whybot:error:1"
    assert bot("schema", "nothing", cwd=tmp_path).code == 2
