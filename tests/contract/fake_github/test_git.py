"""Git's data over REST, files, and git itself over HTTP: ids and differences are git's own."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest

from tests.contract.fake_github.client import REPOSITORY, TOKENS, Client, branch, said
from tests.fakes.github_api import GitHub
from tests.fakes.repositories import commit_all, git


def test_git_data_has_gits_own_ids(hub: GitHub, api: Client, clone: Path) -> None:
    head = hub.head("main")
    assert head
    git_of = f"{REPOSITORY}/git"
    content = base64.b64encode(b"\x00\xffdata").decode()
    blob = api.post(f"{git_of}/blobs", {"content": content, "encoding": "base64"})["sha"]
    assert blob == git(clone, "hash-object", "--stdin", stdin=b"\x00\xffdata")
    found = api.get(f"{git_of}/blobs/{blob}")
    assert (base64.b64decode(found["content"]), found["size"]) == (b"\x00\xffdata", 6)
    base = api.get(f"{git_of}/commits/{head}")["tree"]["sha"]
    tree = api.post(f"{git_of}/trees", {"base_tree": base, "tree": [
        {"path": "deep/down/x", "mode": "100755", "type": "blob", "sha": blob},
        {"path": "docs/a.md", "mode": "100644", "type": "blob", "sha": None},
        {"path": "y", "mode": "100644", "type": "blob", "content": "ü"},
    ]})
    assert [(entry["path"], entry["type"]) for entry in tree["tree"]] == [
        ("app.py", "blob"), ("deep", "tree"), ("y", "blob")
    ]
    alone = api.post(f"{git_of}/trees", {"tree": [{"path": "y", "mode": "100644", "type": "blob", "content": "ü"}]})
    assert [entry["path"] for entry in alone["tree"]] == ["y"]
    who = {"name": "Ada", "email": "ada@example.org", "date": "2026-03-04T05:06:07Z"}
    content_of = {"message": "Fix\n\nMore", "tree": tree["sha"], "parents": [head], "author": who}
    made = api.post(f"{git_of}/commits", content_of)
    git(clone, "fetch", "--quiet", str(hub.bare), "main")
    raw = hub.git("cat-file", "commit", made["sha"])
    assert raw == (f"tree {tree['sha']}\nparent {head}\nauthor Ada <ada@example.org> 1772600767 +0000\n"
                   "committer Ada <ada@example.org> 1772600767 +0000\n\nFix\n\nMore")
    assert api.post(f"{git_of}/commits", {"message": "m", "tree": alone["sha"], "parents": []})["parents"] == []
    for content_of, refusal in (
        ({"message": "m", "tree": blob}, "Tree SHA does not exist"),
        ({"message": "m", "tree": base, "parents": [blob]}, "Parent SHA does not exist or is not a commit object"),
    ):
        assert said(api.ask("POST", f"{git_of}/commits", content_of)) == (422, refusal)
    assert api.ask("GET", f"{git_of}/trees/{'0' * 40}").status_code == 404
    assert api.ask("GET", f"{git_of}/commits/{blob}").status_code == 404


def test_refs(hub: GitHub, api: Client, clone: Path) -> None:
    head, fix = hub.head("main"), branch(hub, clone, "whybot/fix")
    git_of = f"{REPOSITORY}/git"
    for content, refusal in (
        ({"ref": "refs/heads/whybot/fix", "sha": head}, "Reference already exists"),
        ({"ref": "refs/heads/new", "sha": "0" * 40}, "Object does not exist"),
        ({"ref": "heads/new", "sha": head}, "Reference name must start with 'refs/' and contain at least two slashes."),
    ):
        assert said(api.ask("POST", f"{git_of}/refs", content)) == (422, refusal)
    assert api.post(f"{git_of}/refs", {"ref": "refs/heads/whybot/deep/er", "sha": head})["object"]["sha"] == head
    moved = api.ask("PATCH", f"{git_of}/refs/heads/whybot/deep/er", {"sha": fix, "force": False})
    assert moved.json()["object"]["sha"] == fix == hub.head("whybot/deep/er")
    back = api.ask("PATCH", f"{git_of}/refs/heads/whybot/deep/er", {"sha": head})
    assert said(back) == (422, "Update is not a fast forward")
    assert api.ask("PATCH", f"{git_of}/refs/heads/whybot/deep/er", {"sha": head, "force": True}).status_code == 200
    assert said(api.ask("PATCH", f"{git_of}/refs/heads/none", {"sha": head})) == (422, "Reference does not exist")
    assert api.ask("GET", f"{git_of}/ref/heads/whybot").status_code == 404, "no prefix"
    assert [found["ref"] for found in api.get(f"{git_of}/matching-refs/heads/whybot/")] == [
        "refs/heads/whybot/deep/er", "refs/heads/whybot/fix"
    ]


def test_an_empty_repository(tmp_path: Path) -> None:
    hub = GitHub(tmp_path / "empty")
    hub.tokens |= TOKENS
    api = Client(hub)
    try:
        assert said(api.ask("GET", f"{REPOSITORY}/git/ref/heads/main")) == (409, "Git Repository is empty.")
        assert said(api.ask("POST", f"{REPOSITORY}/git/blobs", {"content": "x"})) == (409, "Git Repository is empty.")
        assert api.ask("GET", f"{REPOSITORY}/contents/x").status_code == 404
        assert api.ask("PUT", f"{REPOSITORY}/contents/x", {"message": "m", "content": "eA=="}).status_code == 201
        assert hub.git("show", "main:x") == "x"
    finally:
        api.session.close()
        hub.close()


def test_contents(hub: GitHub, api: Client) -> None:
    """As measured on GitHub: pome-sh/digital-twins#400."""
    path = f"{REPOSITORY}/contents/docs/a.md"
    found = api.get(path)
    assert base64.b64decode(found["content"]) == b"a\n"
    assert found["sha"] == hub.git("rev-parse", "main:docs/a.md")
    new = {"message": "m", "content": base64.b64encode(b"b\n").decode()}
    assert said(api.ask("PUT", path, new)) == (422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
    for sha in ("deadbeef", "0" * 40, hub.git("rev-parse", "main:app.py")):
        assert said(api.ask("PUT", path, {**new, "sha": sha})) == (409, f"docs/a.md does not match {sha}")
    fresh = api.ask("PUT", f"{REPOSITORY}/contents/docs/new.md", {**new, "sha": "0" * 40})
    assert fresh.status_code == 201, "the id of a file that is not there is not looked at"
    nowhere = api.ask("PUT", path, {**new, "sha": "deadbeef", "branch": "none"})
    assert said(nowhere) == (404, "Branch none not found")
    done = api.ask("PUT", path, {**new, "sha": found["sha"]})
    assert (done.status_code, hub.git("show", "main:docs/a.md")) == (200, "b")
    assert done.json()["commit"]["sha"] == hub.head("main")
    assert [entry["name"] for entry in api.get(f"{REPOSITORY}/contents/docs")] == ["a.md", "new.md"]
    assert api.ask("GET", f"{path}?ref=none").status_code == 404
    large = hub.store.write_tree("main", [("100644", hub.store.write_blob(b"x" * 1_000_001), "large")])
    who = "A <a@example.org> 0 +0000"
    hub.store.move("refs/heads/large", hub.store.write_commit(large, [], "m", who, who))
    found = api.get(f"{REPOSITORY}/contents/large?ref=large")
    assert (found["content"], found["encoding"], found["size"]) == ("", "none", 1_000_001)


@pytest.mark.parametrize(("secret", "pushes", "ci"), [
    ("app", True, ["push x"]), ("ada", True, ["push x"]), ("actions", True, []), ("reader", False, []),
    ("unknown", False, []),
])
def test_a_push(hub: GitHub, clone: Path, secret: str, pushes: bool, ci: list[str]) -> None:
    url = f"http://x-access-token:{secret}@{hub.url.removeprefix('http://')}/acme/shop.git"
    done = push(clone, url, "main:x")
    assert (done.returncode == 0, hub.head("x") is not None, hub.ci) == (pushes, pushes, ci)
    if not pushes:
        assert "denied to rita" in done.stderr or "Authentication failed" in done.stderr or "403" in done.stderr


def test_a_push_to_a_protected_or_renamed_place(hub: GitHub, clone: Path) -> None:
    hub.protect("main")
    url = f"http://x:ada@{hub.url.removeprefix('http://')}/acme/shop.git"
    commit_all(clone, "More [skip ci]")
    done = push(clone, url, "main")
    assert "GH006: Protected branch update failed for refs/heads/main" in done.stderr
    hub.rename("acme/store")
    assert push(clone, url, "main:y").returncode == 0, "git follows the redirect"
    assert (hub.head("y"), hub.ci) == (git(clone, "rev-parse", "HEAD"), [])
    hub.archived = True
    assert push(clone, url, "main:z").returncode != 0


def push(clone: Path, url: str, refs: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", "-c", "credential.helper=", "push", url, refs], cwd=clone, capture_output=True, text=True, check=False,
        env={"PATH": "/usr/bin:/bin", "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(clone)},
        timeout=30,
    )
