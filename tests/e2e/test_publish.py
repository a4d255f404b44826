"""Effects that are kept for later and published from another clone; and a cycle that is set back to a step."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.e2e.command import bot, record_of

DEMO = ("cycle", "--focus", "message-routing", "--demo")
POLICY = """
[repository]
name = "demo/message-router"

[target.message-router]
code = ["router/**"]
tests = ["tests/unit", "tests/integration"]
"""


def published(home: Path) -> dict[str, str]:
    """The documents of a folder forge, and the bot's branches."""
    forge = home / ".bot" / "forge"
    found = {str(path.relative_to(forge)): path.read_text() for path in forge.rglob("*") if path.name != ".lock"
             and path.is_file()}
    refs = subprocess.run(["git", "for-each-ref", "refs/heads/whybot"], cwd=home, capture_output=True, text=True,
                          check=True)
    return {**found, "refs": refs.stdout}


@pytest.mark.slow
def test_a_cycle_is_published_from_another_clone_once_and_can_be_set_back(tmp_path: Path) -> None:
    (tmp_path / "bot.toml").write_text("[proof]\nreruns = 1\nmutants = 0\n")
    said = bot(*DEMO, "--publish-to", "publication.json", cwd=tmp_path)
    assert said.code == 0, said.everything
    assert "`bot publish --demo publication.json` publishes:" in said.everything
    assert not (tmp_path / ".bot" / "forge").exists()
    assert subprocess.run(["git", "branch", "--list", "whybot/*"], cwd=tmp_path / ".bot" / "demo" / "message-router",
                          capture_output=True, check=True).stdout == b""
    (folder,) = (tmp_path / ".bot").glob("message-routing/*/cycle-01")
    checked = bot("recheck", str(folder), cwd=tmp_path)
    assert checked.code == 0, checked.everything

    home = tmp_path / "home"
    subprocess.run(["git", "clone", "--quiet", str(tmp_path / ".bot" / "demo" / "message-router"), str(home)],
                   check=True)
    (home / "bot.toml").write_text(POLICY)
    said = bot("publish", "../publication.json", "--json", cwd=home)
    assert said.code == 0, said.everything
    first = published(home)
    document = said.json()
    assert document["schema"] == "whybot/publish/1"
    assert {one["effect"]: one["receipt"]["did"] for one in document["effects"]} == dict.fromkeys(  # type: ignore[attr-defined]
        ("issue", "comment", "branch", "pull_request", "check"), "created")
    assert "ended: fix proposed" in first["issues/0001.comments/0001.md"]
    assert "Fixes #1" in first["pulls/0002.md"]
    (entry,) = json.loads(first["state/ledger.json"])["cycles"]
    assert (entry["issue"], entry["pull"], entry["end"]) == (1, 2, "fix proposed")

    # The run goes on from the last step: nothing that is published is doubled, and nothing of the record is lost.
    refused = bot("retry", "--from", "commit", cwd=tmp_path)
    assert refused.code == 2, refused.everything
    assert "--publish-to" in refused.everything
    again = bot("retry", "--from", "commit", "--publish-to", "second.json", cwd=tmp_path)
    assert again.code == 0, again.everything
    record = record_of(tmp_path / ".bot")
    steps, retries = record["steps"], record["retries"]
    assert isinstance(steps, list)
    assert isinstance(retries, list)
    assert (steps[-1]["step"], steps[-1]["attempt"]) == ("commit", 2)
    assert retries[0]["attempts"] == {"commit": 1}
    assert (folder / "before-retry-1" / "record.json").is_file()
    checked = bot("recheck", str(folder), cwd=tmp_path)
    assert checked.code == 0, checked.everything
    said = bot("publish", "../second.json", cwd=home)
    assert said.code == 0, said.everything
    second = published(home)
    assert {*second} == {*first}
    assert second["refs"] == first["refs"]

    listed = bot("status", "--ledger", "forge", cwd=home)
    assert listed.code == 0
    assert "issue 1, pull request 2" in listed.everything

    refused = bot("publish", "second.json", cwd=tmp_path)
    assert refused.code == 9, refused.everything
    assert "with --demo" in refused.everything
    said = bot("publish", "--demo", "second.json", cwd=tmp_path)
    assert said.code == 0, said.everything
    assert (tmp_path / ".bot/forge/pulls/0002.md").is_file()


def test_a_dry_run_keeps_nothing_for_later(tmp_path: Path) -> None:
    said = bot(*DEMO, "--dry-run", "--publish-to", "x.json", "--json", cwd=tmp_path)
    assert (said.code, said.json()["family"]) == (2, "usage")
    assert not (tmp_path / "x.json").exists()


def test_what_a_cycle_had_until_it_failed_is_in_the_file(tmp_path: Path) -> None:
    """The job that publishes gets what there is, and a run is gone on with as it was begun."""
    script = tmp_path / "script"
    script.mkdir()
    said = bot(*DEMO, "--model", f"script:{script}", "--publish-to", "x.json", cwd=tmp_path)
    assert said.code == 8, said.everything
    document = json.loads((tmp_path / "x.json").read_text())
    assert (document["effects"], document["past"]["status"], document["past"]["step"]) == ([], "paused", "five_whys")
    assert document["scope"]["fingerprint"] in document["past"]["names"]
    said = bot("resume", cwd=tmp_path)
    assert (said.code, "Name a file for it with --publish-to." in said.everything) == (2, True)
