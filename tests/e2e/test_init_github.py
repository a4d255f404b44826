"""As a new user: `bot init --github` in a fresh repository, then `bot doctor` until it is content."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.cli import cli
from bot.config import load_config
from bot.domain.errors import ConfigProblem, UsageProblem
from bot.init_github import WORKFLOWS, Ours, filled, init_github
from bot.repository_facts import remote_of
from bot.setting_up import run_doctor
from tests.fakes.github_api import GitHub, Token, actions_token

ROOT = Path(__file__).parents[2]
OURS = "acme/whybot@0123456789abcdef0123456789abcdef01234567"
PYPROJECT = '[project]\nname = "shop"\nversion = "1"\n[project.optional-dependencies]\ntest = ["pytest"]\n'


def git(at: Path, *arguments: str) -> None:
    subprocess.run(["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", *arguments], cwd=at, check=True,
                   capture_output=True)


def repository(at: Path, files: dict[str, str], origin: str = "git@github.com:acme/shop.git") -> Path:
    at.mkdir(parents=True, exist_ok=True)
    git(at, "init", "--quiet", "--initial-branch=main")
    for path, text in files.items():
        (at / path).parent.mkdir(parents=True, exist_ok=True)
        (at / path).write_text(text)
    git(at, "add", "--all")
    git(at, "commit", "--quiet", "--allow-empty", "--message", "Begin")
    if origin:
        git(at, "remote", "add", "origin", origin)
    return at


SHOP = {
    "pyproject.toml": PYPROJECT, "src/shop/__init__.py": "", "src/shop/till.py": "def total(): return 1\n",
    "tests/test_till.py": "def test_total(): pass\n",
    "cloudbuild.yaml": "steps:\n- entrypoint: gcloud\n  args:\n  - 'run'\n  - 'deploy'\n  - 'shop-api'\n",
}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    at = repository(tmp_path / "shop", SHOP)
    monkeypatch.chdir(at)
    return at


def test_everything_is_written_and_what_is_left_is_said(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init_github(show=False, workflows=OURS) == 0
    said = capsys.readouterr().out
    config = load_config(shop / "bot.toml")
    assert (config.repository.name, config.forge.kind) == ("acme/shop", "github")
    assert set(config.target) == {"shop-api"}
    target = config.target["shop-api"]
    assert (target.root, target.code, target.tests, target.pythonpath) == (".", ("src/**",), ("tests",), ("src",))
    assert target.setup == ("python3 -m venv .venv", ".venv/bin/pip install -e .[test]")
    for name in WORKFLOWS:
        text = (shop / ".github/workflows" / name).read_text()
        assert "uses: acme/whybot/.github/workflows/" in text
        assert "OWNER" not in text
    for number, words in enumerate(("gcloud iam workload-identity-pools create", "actions/permissions/workflow",
                                    "git push origin HEAD:main"), 1):
        assert f"\n{number}. " in said
        assert words in said.partition(f"\n{number}. ")[2].partition(f"\n{number + 1}. ")[0]
    assert "assertion.repository == 'acme/shop' && assertion.ref == 'refs/heads/main'" in said
    assert "startsWith('acme/whybot/.github/workflows/')" in said
    assert filled("removal.txt", "acme/shop", "main", "", "") in said
    assert "@NAME@" not in said

    # Once more: nothing is overwritten, and what is missing is made again.
    (shop / "bot.toml").write_text("# mine\n")
    (shop / ".github/workflows/whybot-audit.yml").unlink()
    assert init_github(show=False, workflows=OURS) == 0
    said = capsys.readouterr().out
    assert said.startswith("Wrote .github/workflows/whybot-audit.yml.\nLeft as it is: ")
    assert (shop / "bot.toml").read_text() == "# mine\n"
    with pytest.raises(ConfigProblem, match="exist already and were left as they are"):
        init_github(show=False, workflows=OURS)


def test_print_shows_all_and_writes_nothing(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init_github(show=True, workflows=OURS) == 0
    said = capsys.readouterr().out
    assert [line for line in said.splitlines() if line.startswith("# ----")] == [
        *(f"# ---- .github/workflows/{name}" for name in WORKFLOWS), "# ---- bot.toml"]
    assert not (shop / "bot.toml").exists()
    assert not (shop / ".github").exists()


def test_the_command_takes_its_options() -> None:
    import typer

    names = {option for parameter in typer.main.get_command(cli).commands["init"].params  # type: ignore[attr-defined]
             for option in parameter.opts}
    assert {"--github", "--print", "--workflows"} <= names


@pytest.mark.parametrize(("given", "words"), [
    ("acme/whybot", "names no commit"), ("acme/whybot@v1", "names no commit"),
    ("acme/whybot@0123456", "names no commit"), ("whybot@" + 40 * "0", "names no commit"),
    (f"acme/why bot@{40 * 'a'}", "names no commit"),
])
def test_only_a_commit_is_a_place_to_take_it_from(shop: Path, given: str, words: str) -> None:
    with pytest.raises(UsageProblem, match=words):
        init_github(show=False, workflows=given)
    assert not (shop / "bot.toml").exists()


def test_outside_a_repository_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bot.config.nearest", lambda _name: None)
    monkeypatch.setattr("bot.init_github.nearest", lambda _name: None)
    with pytest.raises(ConfigProblem, match="no git repository"):
        init_github(show=False, workflows=OURS)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(shop: Path) -> None:
    (shop / ".github").write_text("a file\n")
    with pytest.raises(ConfigProblem, match=r"whybot\.yml cannot be written"):
        init_github(show=False, workflows=OURS)


@pytest.mark.parametrize(("address", "host", "name", "api"), [
    ("git@github.com:acme/shop.git", "github.com", "acme/shop", "https://api.github.com"),
    ("https://github.com/acme/shop", "github.com", "acme/shop", "https://api.github.com"),
    ("https://ada:token@github.com/acme/shop.git/", "github.com", "acme/shop", "https://api.github.com"),
    ("ssh://git@ssh.github.com:443/acme/shop.git", "github.com", "acme/shop", "https://api.github.com"),
    ("git@github-work:acme/shop.git", "github.com", "acme/shop", "https://api.github.com"),
    ("https://acme.ghe.com/acme/shop.git", "acme.ghe.com", "acme/shop", "https://api.acme.ghe.com"),
    ("git@code.example.org:acme/shop.git", "code.example.org", "acme/shop", "https://code.example.org/api/v3"),
    ("https://gitlab.com/acme/shop.git", "gitlab.com", "acme/shop", ""),
])
def test_a_remote_s_address_is_read(address: str, host: str, name: str, api: str) -> None:
    remote = remote_of(address)
    assert remote is not None
    assert (remote.host, remote.name, remote.api_url) == (host, name, api)


@pytest.mark.parametrize("address", ["", "/srv/git/shop.git", "../shop", "https://github.com/", "https://github.com/a/b/c",
                                     "https://github.com/a/$(id)"])
def test_what_is_no_repository_of_a_host_is_not_guessed_at(address: str) -> None:
    assert remote_of(address) is None


@pytest.mark.parametrize(("origin", "words"), [
    ("", "There is no remote `origin`"),
    ("https://ada:hunter2@gitlab.com/acme/shop.git", "is no repository on a GitHub"),
    ("/srv/git/shop.git", "is no repository on a GitHub"),
])
def test_a_remote_that_is_none_is_said_and_left_to_put_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], origin: str, words: str
) -> None:
    monkeypatch.chdir(repository(tmp_path / "shop", SHOP, origin))
    assert init_github(show=False, workflows=None) == 0
    said = capsys.readouterr().out
    assert words in said
    assert "hunter2" not in said
    # On a GitLab there is nothing to set up at GitHub; of no host at all it is not known.
    assert ("gh secret set ANTHROPIC_API_KEY --repo OWNER/NAME" in said) == Path(".github").exists()
    assert Path(".github").exists() == ("gitlab" not in origin)
    assert load_config(Path("bot.toml")).repository.name == "OWNER/NAME"


def test_enterprise_server_gets_no_workflows_that_cannot_work_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(repository(tmp_path / "shop", SHOP, "git@code.example.org:acme/shop.git"))
    assert init_github(show=False, workflows=OURS) == 0
    assert "taken for GitHub Enterprise Server" in capsys.readouterr().out
    assert not Path(".github").exists()
    assert load_config(Path("bot.toml")).forge.api_url == "https://code.example.org/api/v3"


def test_services_are_taken_where_they_are_certain_and_others_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(repository(tmp_path / "mono", {
        "services/orders/requirements.txt": "flask\npytest\n", "services/orders/orders/__init__.py": "",
        "services/orders/tests/unit/test_a.py": "", "services/orders/main.py": "",
        "services/orders/service.yaml":
            "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata:\n  name: orders\n",
        "services/mailer/pyproject.toml": '[project]\nname = "m"\n[dependency-groups]\ndev = ["pytest"]\n',
        "services/mailer/test/mail_test.py": "", "services/mailer/mail.py": "",
        "tools/requirements.txt": "rich\n", "deploy.sh": 'gcloud run deploy "$SERVICE" --image x\n',
    }))
    assert init_github(show=False, workflows=OURS) == 0
    config = load_config(Path("bot.toml"))
    assert set(config.target) == {"orders"}
    orders = config.target["orders"]
    assert (orders.root, orders.code, orders.suite) == ("services/orders", ("orders/**", "*.py"), ("tests",))
    assert orders.setup == ("python3 -m venv .venv", ".venv/bin/pip install -r requirements.txt")
    said = capsys.readouterr().out
    assert "services/mailer looks like a service" in said
    assert "tools" not in said


# Then the doctor

def healthy(shop: Path, hub: GitHub) -> None:
    """A set-up with which the doctor is content, on the machine of a person."""
    text = (shop / "bot.toml").read_text().replace('project = "PROJECT-ID"', '# project = ""')
    text = text.replace('source = "gcp"', 'source = "file:export.ndjson"')
    text = text.replace('# api_url = "https://api.github.com"', f'api_url = "{hub.url}"')
    text = text.replace('# name = "claude-opus-5-5"', 'name = "script:script"')
    text = text.replace('python = ".venv/bin/python"', f"python = {json.dumps(sys.executable)}")
    (shop / "bot.toml").write_text(text)
    (shop / "export.ndjson").write_text('{"insertId":"1","timestamp":"2026-01-01T00:00:00Z","textPayload":"up"}\n')
    (shop / "script").mkdir()


def doctor(capsys: pytest.CaptureFixture[str]) -> list[tuple[str, str, str]]:
    """What it finds: of what, in which state, and all that it says."""
    run_doctor(demo=False, state=Path(".bot"), config=None, json=True)
    found = json.loads(capsys.readouterr().out)["findings"]
    return [(one["what"], one["state"], f"{one['said']} {one['remedy']}") for one in found]


@pytest.fixture
def hub(
    tmp_path: Path, shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[GitHub]:
    hub = GitHub(tmp_path / "hub", "acme/shop", check=False)
    hub.tokens["good"] = actions_token(contents="write", issues="write", pull_requests="write", checks="write")
    hub.tokens["reads"] = Token("ada", 7, role="read")
    git(shop, "push", "--quiet", str(hub.bare), "main")
    monkeypatch.setenv("GITHUB_TOKEN", "good")
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    init_github(show=False, workflows=OURS)
    healthy(shop, hub)
    capsys.readouterr()
    yield hub
    hub.close()


Change = Callable[[Path, pytest.MonkeyPatch], None]


def edit(path: str, old: str, new: str) -> Change:
    def change(shop: Path, _monkeypatch: pytest.MonkeyPatch) -> None:
        text = (shop / path).read_text()
        assert old in text
        (shop / path).write_text(text.replace(old, new))

    return change


def environ(name: str, value: str) -> Change:
    return lambda _shop, monkeypatch: monkeypatch.setenv(name, value)


def without_repository(shop: Path, _monkeypatch: pytest.MonkeyPatch) -> None:
    (shop / ".git").rename(shop / "gone")


def without_set_up(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edit("bot.toml", f"python = {json.dumps(sys.executable)}", 'python = "python9"')(shop, monkeypatch)
    edit("bot.toml", "setup = [", "# setup = [")(shop, monkeypatch)


CALLER = ".github/workflows/whybot.yml"
COMMANDS = ".github/workflows/whybot-commands.yml"
MISTAKES: tuple[tuple[str, Change, str, str], ...] = (
    ("a placeholder", edit("bot.toml", 'name = "acme/shop"', 'name = "OWNER/NAME"'), "configuration",
     "still says OWNER/NAME (name under [repository])"),
    ("no TOML", edit("bot.toml", "[repository]", "[repository"), "configuration", "is not TOML"),
    ("a key that is none", edit("bot.toml", "[forge]", "[forge]\ntoken = 'x'"), "configuration",
     "there is no key 'forge.token' (there are api_url, app_id"),
    ("another's api_url", edit("bot.toml", "api_url = \"http://127.0.0.1", "api_url = \"http://127.0.0.2"), "forge",
     "api_url"),
    ("no token", environ("GITHUB_TOKEN", ""), "forge", "GITHUB_TOKEN is not set"),
    ("a token that is none", environ("GITHUB_TOKEN", "gone"), "forge", "token"),
    ("a token that only reads", environ("GITHUB_TOKEN", "reads"), "forge", "ada may not write to"),
    ("another repository", edit("bot.toml", 'name = "acme/shop"', 'name = "acme/other"'), "forge", "acme/other"),
    ("people's branch for the state", edit("bot.toml", "[forge]", '[forge]\nstate_branch = "main"'), "forge",
     "`state_branch` is main, the default branch"),
    ("no model key", edit("bot.toml", 'name = "script:script"', 'name = "claude-opus-5-5"'), "model",
     "ANTHROPIC_API_KEY"),
    ("no log source", edit("bot.toml", 'source = "file:export.ndjson"', ""), "logs", "`source` under [logs]"),
    ("a log that is not there", edit("bot.toml", "file:export.ndjson", "file:none.ndjson"), "logs", "none.ndjson"),
    ("a root that is none", edit("bot.toml", 'root = "."', 'root = "services/shop"'), "targets",
     "Set `root` under [target.shop-api]"),
    ("a Python that is none", without_set_up, "targets", "python9"),
    ("a right taken away", edit(CALLER, "      issues: write #", "      # issues: write #"), "workflows",
     "whybot.yml does not give `issues: write`"),
    ("every secret handed over", edit(COMMANDS, "    secrets:\n", "    secrets: inherit\n    others:\n"), "workflows",
     "Name the secrets"),
    ("a branch for a commit", edit(CALLER, f"@{OURS.partition('@')[2]}", "@main"), "workflows",
     "can be moved under you"),
    ("a place that was not put in", edit(CALLER, "acme/whybot", "OWNER/whybot"), "workflows", "are placeholders"),
    ("a right out of line", edit(CALLER, "    permissions:\n", "   permissions:\n"), "workflows",
     "not in line with its `uses:`"),
    ("another event", edit(COMMANDS, "issue_comment:", "issues:"), "workflows", "does not run on issue_comment"),
    ("an event for strangers", edit(".github/workflows/whybot-audit.yml", "pull_request:", "pull_request_target:"),
     "workflows", "Let it run on pull_request"),
    ("no repository", without_repository, "repository", "no git repository"),
)


def test_a_set_up_as_it_was_written_is_fine(hub: GitHub, capsys: pytest.CaptureFixture[str]) -> None:
    found = doctor(capsys)
    assert [one for one in found if one[1] == "missing"] == []
    assert [state for what, state, _ in found if what == "workflows"] == ["ok"]


@pytest.mark.parametrize(("change", "what", "words"), [mistake[1:] for mistake in MISTAKES],
                         ids=[mistake[0] for mistake in MISTAKES])
def test_each_mistake_is_named_with_its_remedy(
    shop: Path, hub: GitHub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, change: Change,
    what: str, words: str,
) -> None:
    change(shop, monkeypatch)
    found = doctor(capsys)
    (state,) = (state for of, state, said in found if of == what and words in said)
    # Both can be meant: logs that each command names, a version that somebody else raises.
    assert state == ("note" if words in {"can be moved under you", "`source` under [logs]"} else "missing")


def test_what_is_wrong_with_all_workflows_is_said_once(
    shop: Path, hub: GitHub, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in WORKFLOWS:
        path = shop / ".github/workflows" / name
        path.write_text(path.read_text().replace("acme/whybot", "OWNER/whybot"))
    ((_, _, said),) = (one for one in doctor(capsys) if one[0] == "workflows")
    assert said.startswith("whybot.yml, whybot-commands.yml, whybot-audit.yml: each still says OWNER/whybot")
    assert said.count("placeholders") == 1


def test_another_name_than_the_clone_s_is_noted(
    shop: Path, hub: GitHub, capsys: pytest.CaptureFixture[str]
) -> None:
    git(shop, "config", "remote.origin.url", "git@github.com:acme/other.git")
    ((_, state, said),) = (one for one in doctor(capsys) if one[0] == "repository")
    assert state == "note"
    assert "`origin` of the clone is acme/other" in said


def test_what_the_default_branch_lacks_is_said(shop: Path, hub: GitHub, capsys: pytest.CaptureFixture[str]) -> None:
    git(shop, "config", "remote.origin.url", str(hub.bare))
    git(shop, "fetch", "--quiet", "origin")
    ((_, state, said),) = (one for one in doctor(capsys) if one[0] == "workflows")
    assert state == "note"
    assert "bot.toml" in said
    assert "are not on main yet" in said
    git(shop, "add", "bot.toml", ".github")
    git(shop, "commit", "--quiet", "--message", "Add whybot")
    git(shop, "push", "--quiet", "origin", "main")
    assert [state for what, state, _ in doctor(capsys) if what == "workflows"] == ["ok"]


def test_the_readme_says_how_to_remove_everything() -> None:
    readme = (ROOT / "README.md").read_text()
    for line in filled("removal.txt", "OWNER/NAME", "main", "", "").splitlines():
        assert line.strip() in readme


def test_where_it_comes_from_is_known_from_pip_or_the_clone(monkeypatch: pytest.MonkeyPatch) -> None:
    from bot import init_github as module

    class Noted:
        def read_text(self, _name: str) -> str:
            return json.dumps({"url": "https://github.com/acme/whybot.git", "vcs_info": {
                "vcs": "git", "commit_id": OURS.partition("@")[2]}})

    monkeypatch.setattr(module.importlib.metadata, "distribution", lambda _name: Noted())
    assert module._ours(None) == Ours(repository="acme/whybot", commit=OURS.partition("@")[2])
    monkeypatch.setattr(module.importlib.metadata, "distribution", lambda _name: (_ for _ in ()).throw(
        module.importlib.metadata.PackageNotFoundError))
    assert module._of_installation() is None
