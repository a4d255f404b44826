from __future__ import annotations

import os
import shutil
import stat
import subprocess
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.adapters.git_history import ignored_paths
from bot.adapters.git_workspace import GitWorkspace
from bot.domain.base import repo_path
from bot.domain.errors import ConfigProblem, ForgeProblem
from bot.ports import FileChange, PastCommit, Workspace
from tests.fakes.git_http import password
from tests.fakes.github_api import Fault, GitHub, Token
from tests.fakes.repositories import ENVIRONMENT, commit_all, git, make_repository, raw_tree

WHEN = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
SECRET = "ghs_0123456789abcdefSECRET"
WEIRD = {
    "with space.txt": b"1", "ünïcødé/ß.txt": b"2", 'quo"te\'s.txt': b"3", "new\nline.txt": b"4", "tab\there": b"5",
    "back\\slash": b"6", "-dash": b"7", "$(touch x)": b"8", "glob*[a].txt": b"9", ":(top)magic": b"10",
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    at = tmp_path / "repository"
    make_repository(at, {"app.py": b"print('one')\n", "src/deep/er/mod.py": b"x = 1\n", "run.sh": b"#!/bin/sh\n"})
    (at / "run.sh").chmod(0o755)
    (at / "link").symlink_to("app.py")
    commit_all(at, "Second")
    return at


@pytest.fixture
def workspace(repository: Path) -> GitWorkspace:
    return GitWorkspace(repository)


def head(repository: Path) -> str:
    return git(repository, "rev-parse", "HEAD")


def change(path: str, content: bytes | None) -> tuple[FileChange, ...]:
    return (FileChange(path=path, content=content),)


def snapshot(repository: Path) -> tuple[object, ...]:
    """All that a person would notice: the index to the byte, files with their times, branches, reflogs of HEAD."""
    files = tuple(
        (str(path), path.lstat().st_mtime_ns, path.lstat().st_mode)
        for path in sorted(repository.rglob("*")) if ".git" not in path.parts
    )
    folder = repository / ".git"
    return (
        (folder / "index").read_bytes(), (folder / "index").stat().st_mtime_ns, files, (folder / "HEAD").read_bytes(),
        (folder / "logs/HEAD").read_bytes(), git(repository, "for-each-ref"), (folder / "config").read_bytes(),
        sorted(path.name for path in folder.iterdir()),
    )


# Reading


def test_it_is_a_workspace(workspace: GitWorkspace) -> None:
    port: Workspace = workspace
    assert port.resolve("HEAD") is not None


def test_resolve(workspace: GitWorkspace, repository: Path) -> None:
    sha = head(repository)
    git(repository, "tag", "-a", "-m", "v1", "v1")
    for revision in ("HEAD", "main", "refs/heads/main", "v1", sha, sha[:10]):
        assert workspace.resolve(revision) == sha
    assert workspace.resolve("HEAD~1") == git(repository, "rev-parse", "HEAD~1")
    tree = git(repository, "rev-parse", "HEAD^{tree}")
    nothing = ("", "no-such", "0" * 40, "f" * 40, "-h", "--help", "--all", "HEAD\n", "a" * 300, tree, "HEAD HEAD")
    for revision in nothing:
        assert workspace.resolve(revision) is None


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=20))
def test_resolve_survives_any_text(workspace: GitWorkspace, revision: str) -> None:
    found = workspace.resolve(revision)
    assert found is None or len(found) == 40


def test_read_and_files(workspace: GitWorkspace, repository: Path) -> None:
    commit = head(repository)
    assert workspace.read(commit, "app.py") == b"print('one')\n"
    assert workspace.read(commit, "src/deep/er/mod.py") == b"x = 1\n"
    assert workspace.read(commit, "run.sh") == b"#!/bin/sh\n"
    for path in ("link", "src", "src/", "nothing", "", ".", "../app.py", "/app.py", "./app.py", ".git/config", "a\0"):
        assert workspace.read(commit, path) is None
    assert workspace.files(commit) == ("app.py", "run.sh", "src/deep/er/mod.py")


def test_read_gives_the_commit_not_the_work_tree(workspace: GitWorkspace, repository: Path) -> None:
    (repository / "app.py").write_bytes(b"changed\n")
    git(repository, "add", "app.py")
    assert workspace.read(head(repository), "app.py") == b"print('one')\n"


def test_submodules_are_no_files(workspace: GitWorkspace, repository: Path) -> None:
    inner = head(repository)
    git(repository, "update-index", "--add", "--cacheinfo", f"160000,{inner},vendored")
    git(repository, "commit", "--quiet", "-m", "Submodule")
    commit = head(repository)
    assert workspace.read(commit, "vendored") is None
    assert "vendored" not in workspace.files(commit)
    for path in ("vendored", "vendored/inside.py"):
        with pytest.raises(ForgeProblem, match="vendored"):
            workspace.commit(commit, change(path, b"x"), "m", WHEN)
    with pytest.raises(ForgeProblem, match="submodule"):
        workspace.commit(commit, change("vendored", None), "m", WHEN)


def test_weird_names(tmp_path: Path) -> None:
    at = tmp_path / "weird"
    commit = make_repository(at, WEIRD)
    workspace = GitWorkspace(at)
    assert workspace.files(commit) == tuple(sorted(WEIRD))
    for path, content in WEIRD.items():
        assert workspace.read(commit, path) == content
    workspace.export(commit, tmp_path / "out")
    assert {str(path.relative_to(tmp_path / "out")): path.read_bytes()
            for path in (tmp_path / "out").rglob("*") if path.is_file()} == WEIRD
    allowed = [path for path in WEIRD if "\n" not in path and "\t" not in path and "\\" not in path]
    changes = tuple(FileChange(path=path, content=b"changed") for path in allowed)
    made = workspace.commit(commit, changes, "m", WHEN)
    assert workspace.changed_paths(commit, made) == tuple(sorted(allowed))
    assert all(workspace.read(made, path) == b"changed" for path in allowed)
    assert not (at / "x").exists()


def test_names_that_are_not_utf8_are_never_hidden_from_a_policy(tmp_path: Path) -> None:
    at = tmp_path / "latin"
    base = make_repository(at, {"a": b"1"})
    Path(os.fsdecode(os.fsencode(at) + b"/caf\xe9.txt")).write_bytes(b"x")
    commit = commit_all(at, "Latin")
    workspace = GitWorkspace(at)
    assert workspace.files(commit) == ("a",)
    (named,) = workspace.changed_paths(base, commit)
    with pytest.raises(ValueError, match="POSIX"):
        repo_path(named)
    workspace.export(commit, tmp_path / "out")
    assert {os.fsencode(path.name) for path in (tmp_path / "out").iterdir()} == {b"a", b"caf\xe9.txt"}


# Export


def tree_of(folder: Path) -> dict[str, tuple[str, object]]:
    found: dict[str, tuple[str, object]] = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if ".git" in path.relative_to(folder).parts or (path.is_dir() and not path.is_symlink()):
            continue
        if path.is_symlink():
            found[name] = ("link", path.readlink())
        else:
            found[name] = ("exec" if path.stat().st_mode & stat.S_IXUSR else "file", path.read_bytes())
    return found


def test_export_is_what_git_checks_out(workspace: GitWorkspace, repository: Path, tmp_path: Path) -> None:
    (repository / "empty").write_bytes(b"")
    (repository / "binary").write_bytes(bytes(range(256)) * 5000)
    (repository / "src/up").symlink_to("../app.py")
    (repository / "dangling").symlink_to("nowhere")
    commit = commit_all(repository, "More")
    workspace.export(commit, tmp_path / "new" / "out")
    git(tmp_path, "clone", "--quiet", str(repository), "clone")
    assert tree_of(tmp_path / "new" / "out") == tree_of(tmp_path / "clone")
    assert not list((tmp_path / "new" / "out").rglob(".git"))


def test_export_ignores_attributes_and_filters(tmp_path: Path) -> None:
    at = tmp_path / "attributes"
    attributes = b"secret.py export-ignore\nv.txt export-subst\ncrlf.txt eol=crlf\nf.txt filter=evil\n"
    files = {".gitattributes": attributes, "secret.py": b"1\n", "v.txt": b"$Format:%H$\n", "f.txt": b"f\n"}
    make_repository(at, files)
    marker = tmp_path / "ran"
    git(at, "config", "filter.evil.smudge", f"touch {marker}; cat")
    workspace = GitWorkspace(at)
    workspace.export(head(at), tmp_path / "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == files
    assert not marker.exists()


def test_export_leaves_out_links_that_lead_out(workspace: GitWorkspace, repository: Path, tmp_path: Path) -> None:
    for name, target in {
        "absolute": "/etc/passwd", "above": "../outside", "ok": "src/deep", "src/deep/home": "../..",
        "chain": "src/deep/home/..", "self": "self", "root": ".",
    }.items():
        (repository / name).symlink_to(target)
    out = tmp_path / "out"
    workspace.export(commit_all(repository, "Links"), out)
    links = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_symlink()}
    assert links == {"link", "ok", "src/deep/home", "self", "root"}


def test_export_refuses_hostile_trees(repository: Path, tmp_path: Path) -> None:
    blob = git(repository, "hash-object", "-w", "app.py")
    link = git(repository, "hash-object", "-w", "--stdin", stdin=str(tmp_path / "victim").encode())
    (tmp_path / "victim").mkdir()
    inner = raw_tree(repository, [("100644", b"owned", blob)])
    hostile = {
        "dots": raw_tree(repository, [("40000", b"..", inner)]),
        "git": raw_tree(repository, [("40000", b".git", inner)]),
        "shouting": raw_tree(repository, [("40000", b".GIT", inner)]),
        "both": raw_tree(repository, [("120000", b"d", link), ("40000", b"d", inner)]),
    }
    for name, tree in hostile.items():
        commit = git(repository, "commit-tree", "-m", "hostile", tree)
        with pytest.raises(ForgeProblem):
            GitWorkspace(repository).export(commit, tmp_path / name / "out")
    assert not list(tmp_path.rglob("owned")) or all("both" in path.parts for path in tmp_path.rglob("owned"))
    assert not list((tmp_path / "victim").iterdir())


def test_export_wants_an_empty_folder(workspace: GitWorkspace, repository: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    workspace.export(head(repository), tmp_path / "out")
    with pytest.raises(ForgeProblem, match="not empty"):
        workspace.export(head(repository), tmp_path / "out")
    with pytest.raises(ForgeProblem, match="could not be written"):
        workspace.export(head(repository), tmp_path / "out" / "app.py" / "below")


def test_export_that_takes_too_long(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrapper = tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(
        f'#!/bin/sh\ncase "$*" in *cat-file*) sleep 30;; esac\nexec {shutil.which("git")} "$@"\n'
    )
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{wrapper.parent}:{os.environ['PATH']}")
    began = time.monotonic()
    with pytest.raises(ForgeProblem, match="longer than 1 s"):
        GitWorkspace(repository, most_seconds=1).export(head(repository), tmp_path / "out")
    assert time.monotonic() - began < 10


# Committing


def test_the_same_arguments_give_the_same_commit(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", str(repository), "other")
    changes = (*change("app.py", b"two\n"), *change("tests/test_new.py", b"assert 0\n"), *change("run.sh", None))
    one = GitWorkspace(repository).commit(head(repository), changes, "Fix: it\n\nBody ü", WHEN)
    git(tmp_path / "other", "config", "user.name", "Somebody")
    git(tmp_path / "other", "config", "commit.gpgSign", "true")
    git(tmp_path / "other", "config", "i18n.commitEncoding", "ISO-8859-1")
    berlin = WHEN.astimezone(timezone(timedelta(hours=1)))
    other = GitWorkspace(tmp_path / "other")
    assert other.commit(head(repository), changes, "Fix: it\n\nBody ü", berlin) == one
    assert other.commit(head(repository), tuple(reversed(changes)), "Fix: it\n\nBody ü", WHEN) == one
    assert other.commit(head(repository), changes, "Fix: it", WHEN) != one
    assert other.commit(head(repository), changes, "Fix: it\n\nBody ü", WHEN + timedelta(seconds=1)) != one
    shown = git(repository, "log", "-1", "--format=%an|%ae|%cn|%ce|%aI|%cI|%P|%B", one)
    bot = "whybot|whybot@bot.invalid"
    assert shown.strip() == f"{bot}|{bot}|{'2026-03-04T05:06:07+00:00|' * 2}{head(repository)}|Fix: it\n\nBody ü"
    assert git(repository, "fsck", "--strict", "--no-dangling") == ""


def test_a_commit_is_made_again_from_its_parts(repository: Path, workspace: GitWorkspace, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--no-local", str(repository), "second")
    second = GitWorkspace(tmp_path / "second")
    base = head(repository)
    for number, message in enumerate(("One line", "Two\n\nlines: é\n", "", "\n\nblank\n\n", "-- x\n#1\n")):
        changes = change("new.py", f"{number}\n".encode())
        made = workspace.commit(base, changes, message, WHEN)
        parts = workspace.parts(made)
        assert (parts.parent, parts.when) == (base, WHEN)
        assert second.commit(parts.parent, changes, parts.message, parts.when) == made
    with pytest.raises(ForgeProblem, match="not one that the bot made"):
        workspace.parts(base)


def test_a_commit_on_a_branch_of_peoples(repository: Path, workspace: GitWorkspace) -> None:
    base = head(repository)
    assert workspace.is_on_a_branch(base)
    made = workspace.commit(base, change("new.py", b"1\n"), "x", WHEN)
    assert not workspace.is_on_a_branch(made)
    workspace.set_branch("whybot/x", made)
    for ref in ("remotes/origin/whybot/x", "remotes/pull/3/merge", "tags/v1"):
        git(repository, "update-ref", f"refs/{ref}", made)
    assert not workspace.is_on_a_branch(made)
    git(repository, "update-ref", "refs/remotes/origin/release/1", made)
    assert workspace.is_on_a_branch(made)
    assert not workspace.is_on_a_branch("c" * 40)


def test_commit_content(workspace: GitWorkspace, repository: Path) -> None:
    base = head(repository)
    changes = (*change("app.py", b"\x00\xff\r\n"), *change("a/b/c.py", b""), *change("src/deep/er/mod.py", None))
    made = workspace.commit(base, changes, "m", WHEN)
    assert workspace.files(made) == ("a/b/c.py", "app.py", "run.sh")
    assert workspace.read(made, "app.py") == b"\x00\xff\r\n"
    assert workspace.changed_paths(base, made) == ("a/b/c.py", "app.py", "src/deep/er/mod.py")
    assert workspace.tree(made) == git(repository, "rev-parse", f"{made}^{{tree}}")
    assert workspace.tree(workspace.commit(base, (), "nothing", WHEN)) == workspace.tree(base)


def test_modes_are_kept(workspace: GitWorkspace, repository: Path) -> None:
    changes = (*change("run.sh", b"#!/bin/bash\n"), *change("app.py", b"x"), *change("new.sh", b"#!/bin/sh\n"))
    made = workspace.commit(head(repository), changes, "m", WHEN)
    listed = dict(reversed(line.split(maxsplit=3)[::3]) for line in git(repository, "ls-tree", made).splitlines())
    assert listed == {"run.sh": "100755", "app.py": "100644", "new.sh": "100644", "link": "120000", "src": "040000"}


def test_links_are_not_replaced(workspace: GitWorkspace, repository: Path) -> None:
    for path, content in (("link", b"x"), ("link", None), ("link/below.py", b"x")):
        with pytest.raises(ForgeProblem, match="link"):
            workspace.commit(head(repository), change(path, content), "m", WHEN)


@pytest.mark.parametrize("path", [
    "../x", "/etc/x", "a/../../x", ".git/config", "a/.git/hooks/x", ".GIT/config", "a//b", "./a", "a/", "", "a\nb",
    "a\\b", "a\0b", "x" * 401, "caf\udce9",
])
def test_hostile_paths(workspace: GitWorkspace, repository: Path, path: str) -> None:
    for content in (b"x", None):
        with pytest.raises(ForgeProblem):
            workspace.commit(head(repository), change(path, content), "m", WHEN)


def test_a_name_that_other_systems_read_as_git_is_refused(workspace: GitWorkspace, repository: Path) -> None:
    for path in (".g\u200cit/config", "git~1/config", ".git /config", ".git./x", ".git::$INDEX_ALLOCATION/x"):
        with pytest.raises(ForgeProblem):
            workspace.commit(head(repository), (*change("a.py", b"1"), *change(path, b"x")), "m", WHEN)


def test_changes_that_contradict(workspace: GitWorkspace, repository: Path) -> None:
    base = head(repository)
    for changes in (
        (*change("a", b"1"), *change("a", b"2")), (*change("a", b"1"), *change("a", None)),
        (*change("a", b"1"), *change("a/b", b"2")), change("src", b"x"), change("app.py/x", b"x"),
        change("nothing.py", None), change("src/deep", None),
    ):
        with pytest.raises(ForgeProblem):
            workspace.commit(base, changes, "m", WHEN)
    made = workspace.commit(base, (*change("app.py", None), *change("app.py/x", b"1")), "m", WHEN)
    assert workspace.read(made, "app.py/x") == b"1"
    back = workspace.commit(made, (*change("app.py/x", None), *change("app.py", b"2")), "m", WHEN)
    assert workspace.read(back, "app.py") == b"2"


def test_unusable_arguments(workspace: GitWorkspace, repository: Path) -> None:
    for bad in ("HEAD", "--all", head(repository)[:10], "0" * 40, ""):
        with pytest.raises(ForgeProblem):
            workspace.commit(bad, change("a", b"1"), "m", WHEN)
        with pytest.raises(ForgeProblem):
            workspace.files(bad)
    with pytest.raises(ForgeProblem):
        workspace.commit(head(repository), change("a", b"1"), "nul \0", WHEN)
    with pytest.raises(ForgeProblem, match="Unicode"):
        workspace.commit(head(repository), change("a", b"1"), "\ud800", WHEN)
    with pytest.raises(ValueError, match="aware"):
        workspace.commit(head(repository), change("a", b"1"), "m", WHEN.replace(tzinfo=None))


def test_no_temporary_folder(
    workspace: GitWorkspace, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with pytest.raises(ForgeProblem, match="prepared"):
        workspace.commit(head(repository), change("a", b"1"), "m", WHEN)


def test_a_person_notices_nothing(workspace: GitWorkspace, repository: Path, tmp_path: Path) -> None:
    (repository / "app.py").write_bytes(b"staged\n")
    git(repository, "add", "app.py")
    (repository / "app.py").write_bytes(b"and edited\n")
    (repository / "untracked").write_bytes(b"u")
    (repository / ".gitattributes").write_bytes(b"*.py -diff\n")
    status = git(repository, "status", "--porcelain")
    before = snapshot(repository)
    base = head(repository)
    made = workspace.commit(base, (*change("app.py", b"bot\n"), *change("src/deep/er/mod.py", None)), "m", WHEN)
    workspace.diff(base, made)
    workspace.changed_paths(base, made)
    workspace.export(made, tmp_path / "out")
    assert snapshot(repository) == before
    workspace.set_branch("whybot/fix", made)
    now = snapshot(repository)
    assert [a == b for a, b in zip(now, before, strict=True)] == [True, True, True, True, True, False, True, True]
    assert git(repository, "status", "--porcelain") == status
    assert git(repository, "rev-parse", "--abbrev-ref", "HEAD") == "main"


def test_hooks_and_helpers_of_the_repository_do_not_run(repository: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    script = f"#!/bin/sh\necho \"$0\" >> {ran}\n"
    for name in ("pre-commit", "post-commit", "reference-transaction", "pre-push", "post-index-change", "fsmonitor"):
        hook = repository / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(script)
        hook.chmod(0o755)
    for key in ("core.fsmonitor", "diff.external", "core.pager", "core.askPass", "credential.helper", "gpg.program",
                "core.sshCommand", "diff.evil.command", "diff.evil.textconv"):
        git(repository, "config", key, str(repository / ".git/hooks/fsmonitor"))
    (repository / ".git/info").mkdir(exist_ok=True)
    (repository / ".git/info/attributes").write_text("* diff=evil\n")
    git(tmp_path, "init", "--quiet", "--bare", "remote.git")
    ran.unlink(missing_ok=True)
    workspace = GitWorkspace(repository)
    base = head(repository)
    ran.unlink(missing_ok=True)
    made = workspace.commit(base, change("app.py", b"two\n"), "m", WHEN)
    workspace.set_branch("whybot/fix", made)
    assert "+two" in workspace.diff(base, made)
    workspace.export(made, tmp_path / "out")
    workspace.push(made, "whybot/fix", (tmp_path / "remote.git").as_uri(), "")
    assert not ran.exists()
    (repository / "app.py").write_bytes(b"by a person\n")
    git(repository, "-c", "core.fsmonitor=false", "commit", "--all", "--quiet", "-m", "person")
    assert ran.exists(), "the hooks would have run for a person"


def test_replaced_objects_are_not_believed(workspace: GitWorkspace, repository: Path) -> None:
    real = git(repository, "rev-parse", "HEAD:app.py")
    fake = git(repository, "hash-object", "-w", "--stdin", stdin=b"fake\n")
    git(repository, "replace", real, fake)
    assert workspace.read(head(repository), "app.py") == b"print('one')\n"


def test_diff_is_the_same_whatever_the_settings(workspace: GitWorkspace, repository: Path) -> None:
    base = head(repository)
    made = workspace.commit(base, (*change("app.py", b"print('two')\n"), *change("ü n.py", b"x\n")), "m", WHEN)
    diff = workspace.diff(base, made)
    assert "--- a/app.py\n+++ b/app.py\n@@ -1 +1 @@\n-print('one')\n+print('two')\n" in diff
    assert "+++ b/ü n.py" in diff
    for key, value in {"diff.noprefix": "true", "diff.mnemonicPrefix": "true", "diff.renames": "copies",
                       "color.ui": "always", "diff.context": "9", "diff.algorithm": "patience",
                       "core.quotePath": "true"}.items():
        git(repository, "config", key, value)
    assert GitWorkspace(repository).diff(base, made) == diff
    (repository / "patch").write_text(diff)
    git(repository, "apply", "--check", "patch")
    assert workspace.diff(base, base) == ""


# Branches


def test_set_branch(workspace: GitWorkspace, repository: Path) -> None:
    base = head(repository)
    one = workspace.commit(base, change("a", b"1"), "one", WHEN)
    two = workspace.commit(base, change("a", b"2"), "two", WHEN)
    workspace.set_branch("whybot/x/y", one)
    workspace.set_branch("whybot/x/y", one)
    workspace.set_branch("whybot/x/y", two)
    assert workspace.resolve("refs/heads/whybot/x/y") == two
    with pytest.raises(ForgeProblem):
        workspace.set_branch("whybot/x", one)
    with pytest.raises(ForgeProblem):
        workspace.set_branch("whybot/none", "0" * 40)
    with pytest.raises(ForgeProblem):
        workspace.set_branch("whybot/x/y", "0" * 40)
    assert workspace.resolve("refs/heads/whybot/x/y") == two
    assert workspace.resolve("refs/heads/whybot/none") is None


@pytest.mark.parametrize("branch", [
    "main", "whybot", "whybot/", "Whybot/x", "refs/heads/main", "whybot/../main", "whybot/a..b", "whybot/a.lock",
    "whybot/a/", "whybot//a", "whybot/a b", "whybot/a\n", "--force", "whybot/a~1", "whybot/@{0}", "other/whybot/x",
])
def test_other_branches_are_not_touched(workspace: GitWorkspace, repository: Path, branch: str) -> None:
    before = git(repository, "for-each-ref")
    with pytest.raises(ForgeProblem):
        workspace.set_branch(branch, head(repository))
    assert git(repository, "for-each-ref") == before


def test_a_branch_that_is_checked_out_is_not_moved(workspace: GitWorkspace, repository: Path, tmp_path: Path) -> None:
    base = head(repository)
    made = workspace.commit(base, change("a", b"1"), "m", WHEN)
    workspace.set_branch("whybot/here", base)
    workspace.set_branch("whybot/there", base)
    git(repository, "checkout", "--quiet", "whybot/here")
    git(repository, "worktree", "add", "--quiet", str(tmp_path / "second tree"), "whybot/there")
    for branch in ("whybot/here", "whybot/there"):
        with pytest.raises(ForgeProblem, match="checked out"):
            workspace.set_branch(branch, made)
        assert workspace.resolve(f"refs/heads/{branch}") == base
    git(repository, "checkout", "--quiet", "--orphan", "whybot/unborn")
    with pytest.raises(ForgeProblem, match="checked out"):
        workspace.set_branch("whybot/unborn", made)


def test_commits_of_people_on_the_bots_branch_are_kept(workspace: GitWorkspace, repository: Path) -> None:
    base = head(repository)
    made = workspace.commit(base, change("a", b"1"), "m", WHEN)
    workspace.set_branch("whybot/x", made)
    theirs = git(repository, "commit-tree", "-p", made, "-m", "review", f"{made}^{{tree}}")
    git(repository, "update-ref", "refs/heads/whybot/x", theirs)
    with pytest.raises(ForgeProblem, match="not the bot's"):
        workspace.set_branch("whybot/x", made)
    workspace.set_branch("whybot/x", workspace.commit(theirs, change("b", b"1"), "m", WHEN))


def test_a_symbolic_branch_does_not_lead_to_main(workspace: GitWorkspace, repository: Path) -> None:
    base = head(repository)
    git(repository, "symbolic-ref", "refs/heads/whybot/trap", "refs/heads/main")
    made = workspace.commit(base, change("a", b"1"), "m", WHEN)
    workspace.set_branch("whybot/trap", made)
    assert git(repository, "rev-parse", "main") == base


# Pushing


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[GitHub]:
    server = GitHub(tmp_path / "server")
    server.tokens[SECRET] = Token("whybot", 1)
    server.tokens["reader"] = Token("reader", 2, write=False)
    yield server
    server.close()


def test_push_over_http(workspace: GitWorkspace, repository: Path, remote: GitHub) -> None:
    url = f"{remote.url}/acme/shop.git"
    made = workspace.commit(head(repository), change("a", os.urandom(3_000_000)), "m", WHEN)
    workspace.push(made, "whybot/fix", url, SECRET)
    assert remote.head("whybot/fix") == made
    workspace.push(made, "whybot/fix", url, SECRET)
    other = workspace.commit(head(repository), change("a", b"2"), "m", WHEN)
    workspace.push(other, "whybot/fix", url, SECRET)
    assert remote.head("whybot/fix") == other
    assert SECRET not in (repository / ".git/config").read_text()
    assert workspace.resolve("refs/heads/whybot/fix") is None


def test_push_is_not_upset_by_credentials_that_a_checkout_left(
    workspace: GitWorkspace, repository: Path, remote: GitHub
) -> None:
    git(repository, "config", f"http.{remote.url}/.extraHeader", "Authorization: Basic d3Jvbmc6d3Jvbmc=")
    workspace.push(head(repository), "whybot/fix", f"{remote.url}/acme/shop.git", SECRET)
    assert remote.head("whybot/fix") == head(repository)


def test_the_credential_is_nowhere_to_be_seen(
    workspace: GitWorkspace, repository: Path, remote: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrapper = tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(f"#!/bin/sh\necho \"$@\" >> {tmp_path}/argv\nexec {shutil.which('git')} \"$@\"\n")
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{wrapper.parent}:{os.environ['PATH']}")
    workspace.push(head(repository), "whybot/fix", f"{remote.url}/acme/shop.git", SECRET)
    argv = (tmp_path / "argv").read_text()
    assert "push" in argv
    assert SECRET not in argv
    encoded = b64encode(f"x-access-token:{SECRET}".encode()).decode()
    assert password({"Authorization": f"Basic {encoded}"}) == SECRET
    assert encoded not in argv
    assert all(SECRET not in request for request in remote.requests)


def test_push_refused(workspace: GitWorkspace, repository: Path, remote: GitHub) -> None:
    commit, url = head(repository), f"{remote.url}/acme/shop.git"
    for credential in ("wrong-token-xyz", "reader", ""):
        with pytest.raises(ForgeProblem) as caught:
            workspace.push(commit, "whybot/fix", url, credential)
        assert "write access" in caught.value.remedy
        assert not credential or credential not in caught.value.what.replace(url, "")
    with pytest.raises(ForgeProblem) as caught:
        workspace.push(commit, "whybot/fix", f"{remote.url}/acme/none.git", SECRET)
    assert "name" in caught.value.remedy
    with pytest.raises(ForgeProblem, match="bot's own"):
        workspace.push(commit, "main", url, SECRET)
    for bad in ("ext::sh -c touch% /tmp/x", "--upload-pack=x", "ssh://git@host/x.git", "git@github.com:a/b.git", "",
                f"https://x:{SECRET}@github.com/a/b.git", "http://example.org/a/b.git", "/tmp/x", "https://h/a\nb", "https://[h/a"):
        with pytest.raises(ForgeProblem) as caught:
            workspace.push(commit, "whybot/fix", bad, SECRET)
        assert SECRET not in str(caught.value)
    assert remote.head("whybot/fix") is None


def test_push_hides_the_credential_that_a_server_echoes(
    workspace: GitWorkspace, repository: Path, remote: GitHub
) -> None:
    remote.faults.append(Fault(
        "GET", "info/refs", 500, body=f"token {SECRET} is bad", headers={"Content-Type": "text/plain"}, times=9
    ))
    with pytest.raises(ForgeProblem) as caught:
        workspace.push(head(repository), "whybot/fix", f"{remote.url}/acme/shop.git", SECRET)
    assert "could not be pushed" in caught.value.what
    assert SECRET not in str(caught.value)


def test_push_follows_no_redirection(workspace: GitWorkspace, repository: Path, remote: GitHub, tmp_path: Path) -> None:
    other = GitHub(tmp_path / "elsewhere")
    try:
        elsewhere = f"{other.url}/acme/shop.git/info/refs?service=git-upload-pack"
        remote.faults.append(Fault("GET", "info/refs", 302, headers={"Location": elsewhere}))
        with pytest.raises(ForgeProblem):
            workspace.push(head(repository), "whybot/fix", f"{remote.url}/acme/shop.git", SECRET)
        assert other.requests == []
    finally:
        other.close()


def test_push_keeps_what_others_pushed(workspace: GitWorkspace, repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--bare", "remote.git")
    url, bare = (tmp_path / "remote.git").as_uri(), tmp_path / "remote.git"
    made = workspace.commit(head(repository), change("a", b"1"), "m", WHEN)
    workspace.push(made, "whybot/fix", url, "")
    git(tmp_path, "clone", "--quiet", "--branch", "whybot/fix", url, "reviewer")
    theirs = commit_all(tmp_path / "reviewer", "Review")
    git(tmp_path / "reviewer", "push", "--quiet", "origin", "whybot/fix")
    other = workspace.commit(head(repository), change("a", b"2"), "m", WHEN)
    with pytest.raises(ForgeProblem, match="not the bot's"):
        workspace.push(other, "whybot/fix", url, "")
    assert git(bare, "rev-parse", "whybot/fix") == theirs


def test_push_to_nowhere_and_too_slow(repository: Path, remote: GitHub) -> None:
    with pytest.raises(ForgeProblem):
        GitWorkspace(repository).push(head(repository), "whybot/fix", "file:///no/such/place.git", "")
    remote.faults.append(Fault("GET", "info/refs", 500, delay=3, times=9))
    began = time.monotonic()
    before = threading.active_count()
    with pytest.raises(ForgeProblem, match="longer than"):
        GitWorkspace(repository, most_seconds=0.5).push(
            head(repository), "whybot/fix", f"{remote.url}/acme/shop.git", SECRET
        )
    assert time.monotonic() - began < 2.5
    assert threading.active_count() <= before + 1


# What a repository can be


def test_no_repository(tmp_path: Path) -> None:
    with pytest.raises(ConfigProblem, match="no folder"):
        GitWorkspace(tmp_path / "nowhere")
    with pytest.raises(ConfigProblem, match="no git repository"):
        GitWorkspace(tmp_path)


def test_a_folder_within(repository: Path) -> None:
    with pytest.raises(ConfigProblem, match="src/deep"):
        GitWorkspace(repository / "src/deep")


def test_bare_linked_and_sha256(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--bare", str(repository), "bare.git")
    git(repository, "worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"))
    (tmp_path / "modern").mkdir()
    git(tmp_path / "modern", "init", "--quiet", "--object-format=sha256")
    (tmp_path / "modern/app.py").write_bytes(b"1")
    commit_all(tmp_path / "modern", "First")
    for at in (tmp_path / "bare.git", tmp_path / "linked", tmp_path / "modern"):
        workspace = GitWorkspace(at)
        base = workspace.resolve("HEAD")
        assert base is not None
        made = workspace.commit(base, (*change("app.py", None), *change("b", b"1")), "m", WHEN)
        workspace.set_branch("whybot/x", made)
        assert workspace.changed_paths(base, made) == ("app.py", "b")
        assert len(made) == len(base) == (64 if at.name == "modern" else 40)


def test_git_is_missing(repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigProblem, match="not installed"):
        GitWorkspace(repository)


def test_a_repository_of_somebody_else(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrapper = tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(f"#!/bin/sh\nGIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec {shutil.which('git')} \"$@\"\n")
    wrapper.chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("PATH", f"{wrapper.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("GIT_CONFIG_GLOBAL", raising=False)
    with pytest.raises(ConfigProblem, match="another user") as caught:
        GitWorkspace(repository)
    subprocess.run(["sh", "-c", caught.value.remedy.partition(": ")[2]], check=True)
    assert GitWorkspace(repository).resolve("HEAD") is not None
    make_repository(tmp_path / "unsafe", {"a": b"1"})
    with pytest.raises(ConfigProblem, match="another user"):
        GitWorkspace(tmp_path / "unsafe")


def test_shallow(repository: Path, tmp_path: Path) -> None:
    first = git(repository, "rev-parse", "HEAD~1")
    git(tmp_path, "clone", "--quiet", "--depth=1", repository.as_uri(), "shallow")
    workspace = GitWorkspace(tmp_path / "shallow")
    assert workspace.resolve(first) is None
    with pytest.raises(ForgeProblem) as caught:
        workspace.files(first)
    assert "git fetch --unshallow" in caught.value.remedy
    made = workspace.commit(head(repository), change("a", b"1"), "m", WHEN)
    workspace.push(made, "whybot/x", repository.as_uri(), "")
    assert git(repository, "rev-parse", "whybot/x") == made


def test_a_missing_object(repository: Path, tmp_path: Path) -> None:
    blob = git(repository, "rev-parse", "HEAD:app.py")
    (repository / ".git/objects" / blob[:2] / blob[2:]).unlink()
    workspace = GitWorkspace(repository)
    with pytest.raises(ForgeProblem) as caught:
        workspace.read(head(repository), "app.py")
    assert "git fetch" in caught.value.remedy
    with pytest.raises(ForgeProblem, match="missing"):
        workspace.export(head(repository), tmp_path / "out")


# History


def commit_at(at: Path, message: str, seconds: int) -> str:
    """Commit the work tree with a time of its own."""
    env = ENVIRONMENT | {"GIT_COMMITTER_DATE": f"@{seconds} +0500", "GIT_AUTHOR_DATE": f"@{seconds - 999} -0100"}
    for arguments in (("add", "--all"), ("commit", "--quiet", "--allow-empty", "--message", message)):
        subprocess.run(["git", *arguments], cwd=at, env=env, check=True, capture_output=True)
    return git(at, "rev-parse", "HEAD")


class Past(NamedTuple):
    at: Path
    one: str
    two: str
    three: str
    later: str


@pytest.fixture
def past(tmp_path: Path) -> Past:
    """Three commits up to `three`, and one after it."""
    at = tmp_path / "past"
    one = make_repository(at, {"a.py": b"1\nthe second line\n3\n", "b.py": b"x\n"})
    (at / "a.py").write_bytes(b"1\nthe second Line\n3\n")
    two = commit_at(at, "Change two\nand the rest of a paragraph\n\nBody", 1_700_000_100)
    (at / "a.py").write_bytes(b"1\nthe second Line\n3\n4")
    three = commit_at(at, "Add four ü", 1_700_000_200)
    (at / "a.py").write_bytes(b"one\n")
    return Past(at, one, two, three, commit_at(at, "Later", 1_700_000_300))


def test_history_is_newest_first_and_only_what_is_reachable(past: Past) -> None:
    workspace: Workspace = GitWorkspace(past.at)
    found = workspace.history(past.three, "a.py", None, 10)
    assert [(item.commit, item.subject) for item in found] == [
        (past.three, "Add four ü"), (past.two, "Change two"), (past.one, "First"),
    ]
    assert [int(item.when.timestamp()) - 1_700_000_000 for item in found] == [200, 100, 0]
    assert all(item.when.utcoffset() == timedelta(0) for item in found)
    assert [item.commit for item in workspace.history(past.three, "a.py", None, 2)] == [past.three, past.two]
    assert [item.commit for item in workspace.history(past.three, "b.py", None, 9)] == [past.one]
    assert [item.commit for item in workspace.history(past.three, "a.py", (2, 2), 9)] == [past.two, past.one]
    assert [item.commit for item in workspace.history(past.three, "a.py", (2, 4), 1)] == [past.three]
    assert [item.commit for item in workspace.history(past.later, "a.py", None, 1)] == [past.later]


def test_blame_names_the_commit_of_each_line(past: Past) -> None:
    workspace = GitWorkspace(past.at)
    # git counts the last line as new, since it changes by its line end.
    assert workspace.blame(past.three, "a.py", (1, 4)) == (past.one, past.two, past.one, past.three)
    assert workspace.blame(past.three, "a.py", (2, 2)) == (past.two,)
    assert workspace.blame(past.later, "a.py", (1, 1)) == (past.later,)


@pytest.mark.parametrize("lines", [(0, 1), (1, 5), (5, 5), (3, 2), (-1, 2), (10**30, 10**30)], ids=str)
def test_lines_that_are_not_there_have_no_past(past: Past, lines: tuple[int, int]) -> None:
    workspace = GitWorkspace(past.at)
    assert workspace.blame(past.three, "a.py", lines) == ()
    assert workspace.history(past.three, "a.py", lines, 9) == ()


def test_what_is_no_plain_file_has_no_past(past: Past) -> None:
    (past.at / "link").symlink_to("a.py")
    git(past.at, "update-index", "--add", "--cacheinfo", f"160000,{past.one},vendored")
    (past.at / "empty").write_bytes(b"")
    (past.at / "src").mkdir()
    (past.at / "src/c.py").write_bytes(b"1\n")
    commit = commit_all(past.at, "Odd")
    workspace = GitWorkspace(past.at)
    odd = ("link", "vendored", "src", "src/", "nothing", "", ".", "..", "/etc/passwd", "../a.py", ".git/config", "a\0")
    for path in (*odd, "--all", "--output=x"):
        assert workspace.history(commit, path, None, 9) == ()
        assert workspace.history(commit, path, (1, 1), 9) == ()
        assert workspace.blame(commit, path, (1, 1)) == ()
    assert [item.subject for item in workspace.history(commit, "empty", None, 9)] == ["Odd"]
    assert workspace.blame(commit, "empty", (1, 1)) == ()
    assert workspace.history(commit, "a.py", None, 0) == ()
    for bad in ("HEAD", "--all", "0" * 40):
        with pytest.raises(ForgeProblem):
            workspace.history(bad, "a.py", None, 9)


def test_weird_names_have_a_past(tmp_path: Path) -> None:
    commit = make_repository(tmp_path / "weird", WEIRD | {"a:b.py": b"1\n", "1,2:x": b"1\n"})
    workspace = GitWorkspace(tmp_path / "weird")
    for path in (*WEIRD, "a:b.py", "1,2:x"):
        assert [item.commit for item in workspace.history(commit, path, None, 9)] == [commit]
        assert [item.commit for item in workspace.history(commit, path, (1, 1), 9)] == [commit]
        assert workspace.blame(commit, path, (1, 1)) == (commit,)


def test_the_past_is_the_same_whatever_the_settings(past: Past, tmp_path: Path) -> None:
    def told() -> tuple[object, ...]:
        workspace = GitWorkspace(past.at)
        return (workspace.history(past.three, "a.py", None, 9), workspace.history(past.three, "a.py", (1, 4), 9),
                workspace.blame(past.three, "a.py", (1, 4)))

    before = told()
    ran = tmp_path / "ran"
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\necho ran >> {ran}\ncat \"$1\" | tr 123 999\n")
    script.chmod(0o755)
    (tmp_path / "revs").write_text(f"{past.two}\n")
    (tmp_path / "mailmap").write_text("Mallory <evil@example.org> <ada@example.org>\n")
    for key, value in {
        "diff.evil.textconv": str(script), "diff.evil.command": str(script), "diff.external": str(script),
        "core.pager": str(script), "gpg.program": str(script), "log.showSignature": "true", "log.follow": "true",
        "log.date": "relative", "format.pretty": "oneline", "color.ui": "always", "log.mailmap": "true",
        "mailmap.file": str(tmp_path / "mailmap"), "blame.ignoreRevsFile": str(tmp_path / "revs"),
        "blame.markIgnoredLines": "true", "blame.blankBoundary": "true", "i18n.logOutputEncoding": "ISO-8859-1",
        "core.quotePath": "true", "log.diffMerges": "on", "format.notes": "*", "blame.showEmail": "true",
    }.items():
        git(past.at, "config", key, value)
    (past.at / ".git/info").mkdir(exist_ok=True)
    (past.at / ".git/info/attributes").write_text("* diff=evil\n")
    (past.at / ".git/info/grafts").write_text(f"{past.three}\n")
    (past.at / ".gitattributes").write_text("* diff=evil\n")
    (past.at / ".mailmap").write_text("Mallory <evil@example.org> <ada@example.org>\n")
    assert told() == before
    assert not ran.exists()
    assert past.two not in git(past.at, "blame", "--porcelain", "--no-textconv", past.three, "--", "a.py")
    git(past.at, "blame", "--textconv", past.three, "--", "a.py")
    assert ran.exists(), "it would have run for a person"


def test_a_shallow_clone_tells_what_it_has(past: Past, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--depth=2", past.at.as_uri(), "shallow")
    workspace = GitWorkspace(tmp_path / "shallow")
    assert [item.commit for item in workspace.history(past.later, "a.py", None, 9)] == [past.later, past.three]
    assert workspace.blame(past.three, "a.py", (1, 4)) == (past.three,) * 4
    assert [item.commit for item in workspace.history(past.three, "a.py", (2, 2), 9)] == [past.three]


def test_messages_of_all_kinds(past: Past) -> None:
    tree = git(past.at, "rev-parse", f"{past.one}^{{tree}}")

    def made(message: bytes, when: bytes) -> str:
        content = b"tree %s\nauthor A <a@b> 1 +0000\ncommitter A <a@b> %s\n\n%s" % (tree.encode(), when, message)
        return git(past.at, "hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=content)

    def told(message: bytes, when: bytes = b"1700000000 +0000") -> PastCommit:
        (found,) = GitWorkspace(past.at).history(made(message, when), "a.py", None, 9)
        return found

    assert told(b"\n\n  Late start \nmore").subject == "Late start"
    assert told(b"").subject == ""
    assert told(b"caf\xe9").subject == "caf\ufffd"
    assert len(told(b"x" * 1_000_000).subject) == 1_000
    assert told(b"x\x1b[31m\x01y").subject == "x\x1b[31m\x01y"
    for when in (b"99999999999999999 +0000", b"9223372036854775807 +0000", b"-5 +0000", b"0 +0000", b"x"):
        assert 1970 <= told(b"m", when).when.year <= 9999


def test_a_past_that_takes_too_long(past: Past, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrapper = tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\ncase "$*" in *blame*|*" log "*) sleep 30;; esac\nexec {shutil.which("git")} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{wrapper.parent}:{os.environ['PATH']}")
    workspace = GitWorkspace(past.at, most_seconds=0.5)
    with pytest.raises(ForgeProblem, match="longer than"):
        workspace.history(past.three, "a.py", None, 9)
    with pytest.raises(ForgeProblem, match="longer than"):
        workspace.blame(past.three, "a.py", (1, 1))


# Ignored files


def ignored_by_git(at: Path, paths: tuple[str, ...]) -> frozenset[str]:
    """What git itself says of a work tree."""
    done = subprocess.run(
        ["git", "-c", "core.excludesFile=/dev/null", "check-ignore", "--no-index", "-z", "--stdin"], cwd=at,
        env=ENVIRONMENT, input="".join(f"{path}\0" for path in paths).encode(), capture_output=True, check=False,
    )
    assert done.returncode in {0, 1}, done.stderr.decode()
    return frozenset(done.stdout.decode().split("\0")[:-1])


def test_ignored(tmp_path: Path) -> None:
    at = tmp_path / "ignoring"
    ignore = "\ufeff*.log\r\n!keep.log\n/build/\n# no.txt\n\\#yes.txt\n  \n!\nfoo\\\nsrc/**/gen\n*.d/\n!x.d/\n"
    ignore += "[z-a]\n**/t/*.o\n"
    files = {
        ".gitignore": ignore.encode(), "a.log": b"", "keep.log": b"", "build/keep.log": b"", "src/build/x": b"",
        "no.txt": b"", "#yes.txt": b"", "src/a/b/gen": b"", "src/gen/x": b"", "y.d/x": b"", "x.d/y": b"", "t/a.o": b"",
        "src/t/a.o": b"", "src/.gitignore": b"!*.log\n/only\n*.c\n", "src/b.log": b"", "src/only": b"",
        "src/a/only": b"", "src/a/.gitignore": b"!z.c\n", "src/a/z.c": b"", "src/a/y.c": b"", "only": b"",
        "build/.gitignore": b"!*\n", "plain.py": b"",
    }
    at.mkdir()
    git(at, "init", "--quiet", "--initial-branch=main")
    for path, content in files.items():
        (at / path).parent.mkdir(parents=True, exist_ok=True)
        (at / path).write_bytes(content)
    git(at, "add", "--force", "--all")
    git(at, "commit", "--quiet", "-m", "m")
    workspace = GitWorkspace(at)
    commit = head(at)
    paths = workspace.files(commit)
    found = workspace.ignored(commit, paths)
    assert found == ignored_by_git(at, paths)
    assert {"a.log", "build/keep.log", "src/a/y.c", "y.d/x", "#yes.txt"} <= found
    assert not {"keep.log", "src/b.log", "src/a/z.c", "x.d/y", "plain.py", "only"} & found
    (at / ".gitignore").write_bytes(b"plain.py\n")
    assert workspace.ignored(commit, paths) == found, "the work tree does not matter"
    (at / "info").mkdir()
    (at / ".git/info").mkdir(exist_ok=True)
    (at / ".git/info/exclude").write_bytes(b"plain.py\n")
    assert workspace.ignored(commit, paths) == found, "a person's own list does not matter"


NAMES = st.sampled_from(["a", "b", "a.c", "b.c", "abc"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
PATTERNS = st.builds(
    # pathspec takes `a/**/` as `a/**`, git as the folders in `a` alone.
    lambda no, top, parts, folder: f"{no}{top}{'/'.join(parts)}{folder}".replace("**/", "**") if parts[-1] == "**"
    else f"{no}{top}{'/'.join(parts)}{folder}", st.sampled_from(["", "!"]),
    st.sampled_from(["", "/"]), st.lists(st.sampled_from(["a", "b", "*.c", "a*", "**", "?", "[ab]"]), min_size=1,
                                         max_size=3), st.sampled_from(["", "/"]),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(["", "a/", "a/b/", "b/"]), st.lists(PATTERNS, max_size=4), max_size=3),
       st.lists(PATHS, min_size=1, max_size=12, unique=True))
def test_ignored_is_what_git_says(repository: Path, ignores: dict[str, list[str]], paths: list[str]) -> None:
    files = {f"{folder}.gitignore": "\n".join(lines).encode() for folder, lines in ignores.items()}
    # A path cannot be a file and a folder.
    plain = tuple(path for path in paths if not any(other.startswith(f"{path}/") for other in (*paths, *files)))
    with TemporaryDirectory(dir=repository.parent) as folder:
        at = Path(folder)
        git(at, "init", "--quiet")
        for path, content in {**files, **dict.fromkeys(plain, b"")}.items():
            (at / path).parent.mkdir(parents=True, exist_ok=True)
            (at / path).write_bytes(content)
        assert ignored_paths(files.get, plain) == ignored_by_git(at, plain), files


def test_a_gitignore_that_would_take_for_ever_is_passed_over() -> None:
    hostile = b"*a*a*a*a*a*a*a*a*a*b\n" + b"**/a/**/a/**/a/**/a/**/b\n" + b"x" * 1_000_000 + b"\nreal.txt\n\xff\xfe\n"
    path = "a" * 200
    began = time.monotonic()
    found = ignored_paths({".gitignore": hostile}.get, (path, "real.txt", "a/" * 100 + "c"))
    assert found == {"real.txt"}
    assert time.monotonic() - began < 5
