"""The forge in a folder: files for people, damage, kills."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from bot.adapters.git_workspace import GitWorkspace
from bot.adapters.local_forge import LocalForge
from bot.domain.effects import Annotation
from bot.domain.errors import ForgeProblem


def test_files_are_for_people(tmp_path: Path, workspace: GitWorkspace) -> None:
    forge = LocalForge(tmp_path / "forge", workspace)
    issue = forge.create_issue("Startup: lost messages", "Body.\n", ("whybot",))
    forge.create_comment(1, "Done.")
    base = workspace.resolve("HEAD")
    assert base is not None
    forge.push("whybot/fix", base)
    forge.create_pull("Fix", "Fixes #1", "whybot/fix", draft=True)
    forge.create_check(base, "check x", "whybot", "success", "All", "s")
    found = sorted(str(path.relative_to(tmp_path / "forge")) for path in (tmp_path / "forge").rglob("*.md"))
    assert found == [f"checks/{base}/0001.md", "issues/0001.comments/0001.md", "issues/0001.md", "pulls/0002.md"]
    assert (tmp_path / "forge/issues/0001.md").read_text() == (
        '---\nnumber: 1\ntitle: "Startup: lost messages"\nopen: true\nlabels: ["whybot"]\n---\n\nBody.\n\n'
    )
    assert unquote(urlsplit(issue.url).path) == str(tmp_path / "forge/issues/0001.md")


def test_a_damaged_file_is_named(tmp_path: Path, workspace: GitWorkspace) -> None:
    forge = LocalForge(tmp_path / "forge", workspace)
    forge.create_issue("one", "b", ())
    forge.create_comment(1, "c")
    for name, spoil, attempt in (
        ("issues/0001.md", "title: x", lambda: list(forge.issues())),
        ("issues/0001.md", "number: 2", lambda: forge.update_issue(1, "t", "b", (), reopen=True)),
        ("issues/0001.comments/0001.md", "", lambda: list(forge.comments(1))),
    ):
        path = tmp_path / "forge" / name
        content = path.read_text()
        path.write_text(re.sub(r"^number.*$|^title.*$", spoil, content, count=1, flags=re.MULTILINE) if spoil else "")
        with pytest.raises(ForgeProblem, match=re.escape(str(path))):
            attempt()
        path.write_text(content)
    assert [issue.title for issue in forge.issues()] == ["one"]


def test_what_is_no_document_is_no_matter(tmp_path: Path, workspace: GitWorkspace) -> None:
    forge = LocalForge(tmp_path / "forge", workspace)
    forge.create_issue("one", "b", ())
    issues = tmp_path / "forge/issues"
    (issues / "0002.md.writing").write_text("---\nnumb")
    (issues / "README.md").write_text("Notes\n")
    (issues / "0001.md~").write_text("x")
    (issues / "0009.comments").mkdir()
    assert [issue.number for issue in forge.issues()] == [1]
    assert forge.create_issue("two", "b", ()).number == 10, "the conversation of a deleted issue is not inherited"
    assert not (issues / "0002.md.writing").exists()
    assert (issues / "README.md").exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path, workspace: GitWorkspace) -> None:
    (tmp_path / "forge").write_text("a file")
    with pytest.raises(ForgeProblem, match="cannot be written"):
        LocalForge(tmp_path / "forge", workspace).create_issue("t", "b", ())
    with pytest.raises(ForgeProblem, match="Unicode"):
        LocalForge(tmp_path / "other", workspace).create_issue("t", "\ud800", ())


KILLER = """
import os, pathlib, random, signal, sys, time
from bot.adapters.local_forge import LocalForge

def write(forge, said):
    while True:
        issue = forge.create_issue("t", "body " * 40_000, ("whybot",))
        forge.create_comment(issue.number, "comment " * 500)
        forge.update_issue(issue.number, "changed", "changed " * 40_000, ("more",), reopen=False)
        os.write(said, f"{issue.number} ".encode())

chance = random.Random(20260304)
said = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
rounds = 0
while rounds < 20 or (rounds < 300 and pathlib.Path(sys.argv[2]).read_text().count(" ") <= 20):
    rounds += 1
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            write(LocalForge(pathlib.Path(sys.argv[1]), None), said)
        children.append(child)
    for child in children:
        time.sleep(chance.uniform(0.0, 0.15))
        os.kill(child, signal.SIGKILL)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
"""


def test_two_processes_killed_at_any_moment(tmp_path: Path, workspace: GitWorkspace) -> None:
    folder, said = tmp_path / "forge", tmp_path / "said"
    subprocess.run([sys.executable, "-c", KILLER, str(folder), str(said)], check=True, timeout=120)
    done = [int(number) for number in said.read_text().split()]
    forge = LocalForge(folder, workspace)
    numbers = [issue.number for issue in forge.issues()]
    assert len(done) > 20
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(done) == len(set(done)), "no number was given twice"
    assert set(done) <= set(numbers), "nothing that was reported is lost"
    assert all(issue.title == "changed" for issue in forge.issues() if issue.number in done)
    comments = [comment for number in numbers for comment in forge.comments(number)]
    assert len({comment.id for comment in comments}) == len(comments) >= len(done)
    assert forge.create_issue("after", "", ()).number == len(numbers) + 1
    assert not list(folder.rglob("*.writing"))


def test_what_is_said_beside_the_text(tmp_path: Path, workspace: GitWorkspace) -> None:
    forge = LocalForge(tmp_path / "forge", workspace)
    forge.create_issue("t", "b", ())
    forge.close_issue(1, "not planned")
    comment = forge.create_comment(1, "c")
    forge.react(comment.id, "eyes")
    forge.put_state("ledger.json", b"{}\n", None)
    base = workspace.resolve("HEAD")
    assert base is not None
    remark = Annotation(path="a.py", start_line=3, end_line=4, level="failure", title="rule", message="No\nassert.")
    forge.create_check(base, "k", "whybot", "failure", "t", "Summary.", (remark,))
    issue = (tmp_path / "forge/issues/0001.md").read_text()
    assert issue == '---\nnumber: 1\ntitle: "t"\nopen: false\nlabels: []\nclosed_as: "not planned"\n---\n\nb\n'
    assert 'reactions: ["eyes"]' in (tmp_path / "forge/issues/0001.comments/0001.md").read_text()
    assert (tmp_path / "forge/state/ledger.json").read_bytes() == b"{}\n"
    check = (tmp_path / f"forge/checks/{base}/0001.md").read_text()
    assert check.endswith("Summary.\n\n## Annotations\n\n- `a.py:3` failure: rule No assert.\n")


def test_what_an_older_version_wrote_is_read(tmp_path: Path, workspace: GitWorkspace) -> None:
    (tmp_path / "forge/issues").mkdir(parents=True)
    (tmp_path / "forge/issues/0001.md").write_text('---\nnumber: 1\ntitle: "t"\nopen: true\nlabels: []\n---\n\nb\n')
    (issue,) = LocalForge(tmp_path / "forge", workspace).issues()
    assert (issue.number, issue.body, issue.open) == (1, "b", True)


def test_state_that_cannot_be_read_is_named(tmp_path: Path, workspace: GitWorkspace) -> None:
    forge = LocalForge(tmp_path / "forge", workspace)
    (tmp_path / "forge/state/ledger.json").mkdir(parents=True)
    with pytest.raises(ForgeProblem, match=r"state/ledger\.json"):
        forge.state("ledger.json")
