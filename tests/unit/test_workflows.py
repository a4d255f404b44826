from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.adapters.sandboxes import choose_sandbox
from bot.domain.config import Limits
from bot.init_github import WORKFLOWS, Ours, workflow_text
from bot.ports import Command
from tests.fakes.actions_expressions import condition, filled
from tests.unit import workflow_rules as rules
from tests.unit.workflow_rules import RULES, File, Files, Rule, own_files

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
OURS = Ours(repository="acme/whybot", commit="0123456789abcdef0123456789abcdef01234567")
CYCLE, COMMAND, ORDERED, AUDIT, NIGHTLY = (
    f".github/workflows/{name}.yml" for name in ("cycle", "command", "command-cycle", "audit", "nightly"))
CALLER, COMMANDS_CALLER, AUDIT_CALLER = (f"callers/{name}" for name in WORKFLOWS)


def all_files() -> dict[str, File]:
    """Ours, and the callers that `bot init --github` writes."""
    written = {f"callers/{name}": File(f"callers/{name}", workflow_text(name, OURS)) for name in WORKFLOWS}
    return own_files() | written


FILES: Files = all_files()


# Linters

def actionlint(*paths: Path, at: Path) -> str:
    """What actionlint says, without anything that a configuration would silence."""
    nothing = at / "nothing-ignored.yaml"
    nothing.write_text("paths: {}\n")
    done = subprocess.run(
        [BIN / "actionlint", "-no-color", "-oneline", "-config-file", nothing, "-pyflakes=",
         "-shellcheck", BIN / "shellcheck", *paths],
        capture_output=True, text=True, check=False, timeout=60, cwd=paths[0].parent,
    )
    assert done.returncode in {0, 1}, done.stderr
    return done.stdout


def zizmor(*paths: Path, ignores: bool = True) -> list[tuple[str, str]]:
    """What zizmor finds: kind and file."""
    done = subprocess.run(
        [BIN / "zizmor", "--offline", "--persona", "auditor", "--quiet", "--no-progress", "--no-exit-codes",
         "--strict-collection", "--format", "json", *(() if ignores else ("--no-ignores",)), *paths],
        capture_output=True, text=True, check=False, timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return [(found["ident"], Path(found["locations"][0]["symbolic"]["key"]["Local"]["verbatim_path"]).name)
            for found in json.loads(done.stdout)]


@pytest.fixture(scope="module")
def callers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the workflows as `bot init --github` writes them."""
    folder = tmp_path_factory.mktemp("callers") / ".github" / "workflows"
    folder.mkdir(parents=True)
    for name in WORKFLOWS:
        (folder / name).write_text(workflow_text(name, OURS))
    return folder


def test_actionlint_finds_nothing(callers: Path, tmp_path: Path) -> None:
    assert actionlint(*sorted((ROOT / ".github/workflows").glob("*.yml")), at=tmp_path) == ""
    # This key would be an error for actionlint 1.7.12, which most people have; the called workflow has it.
    said = [line for line in actionlint(*sorted(callers.glob("*.yml")), at=tmp_path).splitlines()
            if "no explicit cache access limit" not in line]
    assert said == []
    assert "cache-mode: none" in FILES[COMMAND].text


def test_zizmor_finds_nothing_but_that_comments_start_a_workflow(callers: Path) -> None:
    assert zizmor(ROOT / ".github") == zizmor(callers) == []
    # Those two are told to be ignored where they stand, with the reason; nothing else is.
    assert zizmor(ROOT / ".github", ignores=False) == [("dangerous-triggers", "command.yml")]
    assert zizmor(callers, ignores=False) == [("dangerous-triggers", "whybot-commands.yml")]


def test_the_linters_are_awake(tmp_path: Path) -> None:
    bad = tmp_path / ".github" / "workflows" / "cycle.yml"
    bad.parent.mkdir(parents=True)
    text = FILES[CYCLE].text
    bad.write_text(
        text.replace('exec "$RUNNER_TEMP/whybot/bin/run-bot" "$@"', "echo ${{ github.event.comment.body }} $FOCUS")
        .replace("persist-credentials: false", "show-progress: true").replace("needs: work", "needs: wurk"))
    assert {kind for kind, _ in zizmor(bad)} >= {"template-injection", "artipacked"}
    said = actionlint(bad, at=tmp_path)
    assert "wurk" in said
    assert "SC2086" in said


def test_shellcheck_finds_nothing_in_the_scripts_beside_them() -> None:
    scripts = sorted((ROOT / ".github").rglob("*.sh"))
    assert len(scripts) == 2
    subprocess.run([BIN / "shellcheck", *scripts], check=True, timeout=60)


# What must hold

@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_no_workflow_breaks_a_rule(rule: Rule) -> None:
    assert list(rule(FILES)) == []


_KEY_LINE = "          ANTHROPIC_API_KEY: ${{ secrets.ANTHROPIC_API_KEY }}\n"
_CONTENTS = "      contents: read # the code, and what the bot remembers\n"
_ID_TOKEN = "      id-token: write # to be known to Google; it writes nothing at GitHub\n"
_STOPS = "    needs: gate\n    if: needs.gate.outputs.run == 'true' && needs.gate.outputs.command == 'stop'\n"
_KEPT = "        if: always() && steps.made.outputs.record"
_LOOKS = "      contents: read # the code, the pull request, and what the bot remembers\n"

_GROUP = f"concurrency:\n  group: {rules.CYCLES}\n  cancel-in-progress: false\n  queue: max\n"
_GROUP_OF_A_JOB = "".join(f"    {line}\n" for line in _GROUP.splitlines())

BROKEN: tuple[tuple[Rule, str, str, str], ...] = (
    (rules.nothing_is_inherited, CYCLE, "permissions: {}\n", ""),
    (rules.nothing_is_inherited, CYCLE, "permissions: {}\n", "permissions: read-all\n"),
    (rules.nothing_is_inherited, COMMAND, f"    permissions:\n{_LOOKS}", ""),
    (rules.nothing_is_inherited, CYCLE, f"    permissions:\n{_CONTENTS}{_ID_TOKEN}", "    permissions: write-all\n"),
    (rules.nothing_is_inherited, AUDIT, "contents: read", "packages: read"),
    (rules.who_has_a_key_or_runs_code_does_not_write, CYCLE, _CONTENTS, _CONTENTS.replace("read", "write")),
    (rules.who_has_a_key_or_runs_code_does_not_write, COMMAND, _LOOKS, f"{_LOOKS}      issues: write # to answer\n"),
    (rules.who_has_a_key_or_runs_code_does_not_write, ORDERED, "      actions: read #", "      actions: write #"),
    (rules.who_has_a_key_or_runs_code_does_not_write, CYCLE, _KEY_LINE,
     f"{_KEY_LINE}          TOKEN: ${{{{ secrets.WHYBOT_APP_KEY }}}}\n"),
    (rules.who_has_a_key_or_runs_code_does_not_write, CYCLE, _KEY_LINE,
     f"{_KEY_LINE}          ALL: ${{{{ toJSON(secrets) }}}}\n"),
    (rules.who_writes_has_no_key_and_runs_no_code, CYCLE, "          WHYBOT_APP_KEY: ${{ secrets.WHYBOT_APP_KEY }}\n",
     _KEY_LINE),
    (rules.who_writes_has_no_key_and_runs_no_code, CYCLE, "run-bot\" publish", "run-bot\" resume"),
    (rules.who_writes_has_no_key_and_runs_no_code, CYCLE, "      checks: write #",
     "      id-token: write # more\n      checks: write #"),
    (rules.who_writes_has_no_key_and_runs_no_code, COMMAND, "run-bot\" actions react", "python\" react.py"),
    (rules.nobody_but_the_two_jobs_has_secrets, CYCLE, "jobs:\n",
     "env:\n  KEY: ${{ secrets.ANTHROPIC_API_KEY }}\n\njobs:\n"),
    (rules.nobody_but_the_two_jobs_has_secrets, CYCLE, "    defaults:\n",
     "    env:\n      KEY: ${{ secrets.ANTHROPIC_API_KEY }}\n    defaults:\n"),
    (rules.nobody_but_the_two_jobs_has_secrets, CYCLE, "          path: repository\n",
     "          path: repository\n          token: ${{ secrets.WHYBOT_APP_KEY }}\n"),
    (rules.nobody_but_the_two_jobs_has_secrets, CYCLE, "          GH_TOKEN: ${{ github.token }}\n", _KEY_LINE),
    (rules.no_variable_is_one_that_the_sandbox_lets_through, CYCLE, _KEY_LINE,
     _KEY_LINE.replace("ANTHROPIC", "PIP", 1)),
    (rules.actions_are_pinned, CYCLE, "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1",
     "actions/checkout@v7"),
    (rules.actions_are_pinned, CYCLE, "273ba90b1 # v7.0.1", "273ba90b1"),
    (rules.actions_are_pinned, CALLER, f"@{OURS.commit}", "@main"),
    (rules.actions_are_pinned, CYCLE, "$/.github/actions/install", "./.github/actions/install"),
    (rules.no_expression_in_a_script, COMMAND, 'own="${GITHUB_WORKFLOW_REF%%@*}"',
     'own="${{ github.event.comment.body }}"'),
    (rules.no_expression_in_a_script, CYCLE, '"--focus=$FOCUS"', '"--focus=${{ inputs.focus }}"'),
    (rules.no_expression_in_a_script, rules.ACTION, 'bash "$GITHUB_ACTION_PATH/install.sh"',
     "bash ${{ github.action_path }}/install.sh"),
    (rules.no_expression_in_a_script, COMMAND, "          MOST: ${{ inputs.most_an_hour || 20 }}\n",
     "          MOST: ${{ github.event.comment.body }}\n"),
    (rules.nothing_lasts_beyond_a_step, CYCLE, 'mkdir -p "$RUNNER_TEMP/whybot-out"',
     'echo "FOCUS=$FOCUS" >> "$GITHUB_ENV"'),
    (rules.nothing_lasts_beyond_a_step, AUDIT, "          rm -rf bot.toml\n", '          echo x >> "$GITHUB_PATH"\n'),
    (rules.the_bot_says_no_workflow_command, CYCLE, 'exec "$RUNNER_TEMP/whybot/bin/run-bot" "$@"',
     '"$RUNNER_TEMP/whybot/bin/bot" "$@"'),
    (rules.no_trigger_gives_strangers_a_secret, AUDIT_CALLER, "pull_request:", "pull_request_target:"),
    (rules.no_trigger_gives_strangers_a_secret, NIGHTLY, "  workflow_dispatch:\n",
     "  workflow_run:\n    workflows: [ci]\n"),
    (rules.no_trigger_gives_strangers_a_secret, COMMAND, "types: [created]", "types: [created, edited]"),
    (rules.no_trigger_gives_strangers_a_secret, CALLER, "  workflow_dispatch:\n",
     "  pull_request:\n  workflow_dispatch:\n"),
    (rules.no_credential_stays_in_a_checkout, CYCLE, "          persist-credentials: false\n", ""),
    (rules.no_credential_stays_in_a_checkout, AUDIT, "persist-credentials: false", "persist-credentials: true"),
    (rules.no_secret_is_handed_on_unnamed, CALLER, workflow_text("whybot.yml", OURS).partition("    secrets:\n")[2],
     "      EVERYTHING: ${{ secrets.DEPLOY_KEY }}\n"),
    (rules.no_secret_is_handed_on_unnamed, NIGHTLY, "    with:\n", "    secrets: inherit\n    with:\n"),
    (rules.the_gate_has_neither_checkout_nor_model, COMMAND, "      - name: Decide\n",
     "      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1\n      - name: Decide\n"),
    (rules.the_gate_has_neither_checkout_nor_model, COMMAND, "          MOST: ${{ inputs.most_an_hour || 20 }}\n",
     _KEY_LINE),
    (rules.the_gate_has_neither_checkout_nor_model, COMMAND, "      issues: write # the reaction\n",
     "      contents: read # more\n      issues: write # the reaction\n"),
    (rules.the_gate_has_neither_checkout_nor_model, COMMAND, _STOPS, ""),
    (rules.every_job_ends, CYCLE, "    timeout-minutes: 330\n", ""),
    (rules.every_job_ends, CYCLE, "runs-on: ubuntu-24.04", "runs-on: ${{ inputs.runner }}"),
    (rules.runs_of_people_are_never_cancelled, CYCLE, "cancel-in-progress: false", "cancel-in-progress: true"),
    (rules.runs_of_people_are_never_cancelled, CYCLE, "  queue: max\n", ""),
    (rules.runs_of_people_are_never_cancelled, COMMAND, "-${{ github.event.comment.id }}", ""),
    (rules.what_is_kept_is_kept_after_a_failure_and_not_for_long, CYCLE, _KEPT, _KEPT.replace("always() && ", "")),
    (rules.what_is_kept_is_kept_after_a_failure_and_not_for_long, CYCLE, "retention-days: 7", "retention-days: 90"),
    (rules.what_is_kept_is_kept_after_a_failure_and_not_for_long, CYCLE,
     "    if: always() && needs.work.outputs.publication", "    if: needs.work.outputs.publication"),
    (rules.no_cache_is_shared, COMMAND, "cache-mode: none\n", ""),
    (rules.callers_grant_what_is_needed_and_no_more, CALLER, "      issues: write #", "      issues: read #"),
    (rules.callers_grant_what_is_needed_and_no_more, AUDIT_CALLER, "contents: read", "contents: write"),
    (rules.callers_grant_what_is_needed_and_no_more, NIGHTLY, "      demo: true\n", "      demmo: true\n"),
    (rules.callers_grant_what_is_needed_and_no_more, COMMAND, "      earlier: ${{ needs.gate.outputs.earlier }}\n    ",
     "    "),
    (rules.callers_grant_what_is_needed_and_no_more, COMMAND, "      actions: read # for", "      actions: write # x"),
    # A group around one of the two jobs is left before the ledger is written.
    (rules.cycles_go_on_one_by_one_until_they_are_published, ORDERED, _GROUP, ""),
    (rules.cycles_go_on_one_by_one_until_they_are_published, ORDERED, f"{_GROUP}\njobs:\n  work:\n",
     f"jobs:\n  work:\n{_GROUP_OF_A_JOB}"),
    (rules.cycles_go_on_one_by_one_until_they_are_published, CYCLE, "-${{ github.repository }}", ""),
    (rules.cycles_go_on_one_by_one_until_they_are_published, COMMAND, " --only-reply\n", "\n"),
    (rules.cycles_go_on_one_by_one_until_they_are_published, COMMAND, "    # It waits there for its turn,",
     f"{_GROUP_OF_A_JOB}    # It waits there for its turn,"),
    (rules.cycles_go_on_one_by_one_until_they_are_published, COMMAND,
     "whybot-command-${{ github.repository }}-${{ github.event.comment.id }}", rules.CYCLES),
    (rules.cycles_go_on_one_by_one_until_they_are_published, NIGHTLY, "jobs:\n", f"{_GROUP}\njobs:\n"),
)


@pytest.mark.parametrize(("rule", "path", "old", "new"), BROKEN, ids=[f"{rule.__name__}-{number}" for number, (rule, *_)
                                                                      in enumerate(BROKEN)])
def test_a_rule_bites(rule: Rule, path: str, old: str, new: str) -> None:
    assert old in FILES[path].text
    mutated = replace(FILES[path], text=FILES[path].text.replace(old, new, 1))
    complaints = list(rule({**FILES, path: mutated}))
    assert complaints
    assert all(path in complaint for complaint in complaints)


def test_every_rule_was_seen_to_bite() -> None:
    assert {rule for rule, *_ in BROKEN} == set(RULES)


# What the rules cannot see

def test_nightly_is_what_init_writes_but_for_the_name_and_the_inputs() -> None:
    nightly, written = FILES[NIGHTLY].body, FILES[CALLER].body
    assert nightly["on"]["schedule"] == written["on"]["schedule"]
    assert nightly["permissions"] == written["permissions"] == {}
    (mine,), (theirs,) = nightly["jobs"].values(), written["jobs"].values()
    own = {"uses", "with", "secrets"}
    assert {key: value for key, value in mine.items() if key not in own} == {
        key: value for key, value in theirs.items() if key not in own}
    assert mine["uses"] == "$/.github/workflows/cycle.yml"
    assert theirs["uses"] == f"acme/whybot/.github/workflows/cycle.yml@{OURS.commit}"


def test_steps_that_are_twice_are_the_same() -> None:
    """The two jobs that publish, and those that hand over, may not drift apart."""
    def step(path: str, job: str, name: str) -> dict[str, Any]:
        (found,) = (one for one in FILES[path].body["jobs"][job]["steps"] if one["name"] == name)
        return dict(found)

    for name in ("See what there is", "Hand over what is to be published", "Keep the record for a week",
                 "Check out the repository", "Become known to Google"):
        assert step(CYCLE, "work", name) == step(ORDERED, "work", name)
    whole, answer = FILES[CYCLE].body["jobs"]["publish"], FILES[COMMAND].body["jobs"]["publish"]
    ordered = FILES[ORDERED].body["jobs"]["publish"]
    assert ordered == whole
    name = "Check out the default branch, whose bot.toml is the policy"
    assert step(COMMAND, "publish", name) == step(CYCLE, "publish", name)
    # A job that only looks ran code of a pull request: it may answer, and nothing else.
    mine, theirs = step(COMMAND, "publish", "Publish"), step(CYCLE, "publish", "Publish")
    env = {name: value for name, value in dict(theirs["env"]).items() if "NOTIFY" not in name}
    assert mine == {**theirs, "run": f"{theirs['run']} --only-reply", "env": env}
    assert set(answer["permissions"].items()) - set(whole["permissions"].items()) == {("contents", "read")}
    assert set(whole["permissions"]) - set(answer["permissions"]) == {"checks"}
    for path in (COMMAND, ORDERED):
        assert FILES[path].body["jobs"]["react"]["permissions"] == {"issues": "write", "pull-requests": "write"}
    react = step(ORDERED, "react", "React")
    assert step(COMMAND, "react", "React")["run"] == react["run"]
    # What is asked of both callers is said in the same words.
    inputs = [FILES[path].body["on"]["workflow_call"]["inputs"] for path in (CYCLE, COMMAND, ORDERED)]
    for key in ("workload_identity_provider", "service_account", "keep_record", "ephemeral_runner"):
        assert inputs[0][key] == inputs[1][key] == inputs[2][key]


def test_the_gate_s_outputs_all_reach_the_jobs_behind_it() -> None:
    from bot.actions import NAMES, variable

    jobs = FILES[COMMAND].body["jobs"]
    assert set(jobs["gate"]["outputs"]) == {"run", *NAMES}
    wanted = {name: f"${{{{ needs.gate.outputs.{name} }}}}" for name in NAMES}
    assert wanted.items() <= jobs["work"]["with"].items()
    ordered = FILES[ORDERED].body["jobs"]["work"]["steps"]
    given = {name: f"${{{{ inputs.{name} }}}}" for name in NAMES}
    for steps, values in ((ordered, given), (jobs["look"]["steps"], wanted), (jobs["stop"]["steps"], wanted)):
        found = [one for one in steps if re.search(r"actions (work|stop|locate)", one.get("run", ""))]
        assert found
        for step in found:
            assert {variable(name): value for name, value in values.items()}.items() <= step["env"].items()


def test_stop_names_the_job_that_works_as_github_does() -> None:
    """By the names that people see, a call and its job with a slash between; an input is given where none is."""
    jobs, ordered = FILES[COMMAND].body["jobs"], FILES[ORDERED].body["jobs"]
    (step,) = (one for one in jobs["stop"]["steps"] if "actions stop" in one.get("run", ""))
    assert f'"--workflow=$own:{jobs["work"]["name"]} / {ordered["work"]["name"]}"' in step["run"]
    # A boolean of another workflow cannot be nothing, which it is where a comment starts this one.
    assert jobs["work"]["with"]["ephemeral_runner"] == "${{ inputs.ephemeral_runner || false }}"


def test_who_is_owed_an_answer_and_gets_none_is_told() -> None:
    for path, sources in ((ORDERED, ["work"]), (COMMAND, ["look", "stop"])):
        job = FILES[path].body["jobs"]["react"]
        assert {*sources, "publish"} <= set(job["needs"])
        for result, publication, refused, publish, told in (
            ("success", "p", "", "success", False), ("failure", "p", "", "success", False),
            ("failure", "", "", "skipped", True), ("failure", "p", "", "failure", True),
            ("success", "p", "", "failure", True), ("success", "", "-1", "skipped", True),
            ("cancelled", "", "", "skipped", False), ("skipped", "", "", "skipped", False),
        ):
            for source in sources:
                if source == "stop" and refused:
                    continue
                skipped = {"result": "skipped", "outputs": {}}
                needs = dict.fromkeys(job["needs"], skipped) | {
                    source: {"result": result, "outputs": {"publication": publication, "refused": refused}},
                    "publish": {"result": publish, "outputs": {}}, "gate": {"result": "success", "outputs": {}}}
                contexts = {"needs": needs, "status": "failure"}
                assert condition(job["if"], contexts) is told
                if told:
                    (step,) = (one for one in job["steps"] if one["name"] == "React")
                    assert filled(step["env"]["WHYBOT_REACTION"], contexts) == (refused or "confused")


def test_every_word_has_a_job_of_its_kind() -> None:
    from bot.domain.commands import COMMANDS

    jobs = FILES[COMMAND].body["jobs"]
    words = {job: set(re.findall(r'"(\w+)"|== \'(?!true)(\w+)\'', str(jobs[job]["if"]))) for job in
             ("work", "look", "stop")}
    found = {job: {one or other for one, other in pairs} for job, pairs in words.items()}
    assert set().union(*found.values()) == set(COMMANDS)
    assert found == {"work": {"cycle", "retry"}, "look": {"help", "status", "audit", "prove"}, "stop": {"stop"}}


def secrets_of_the_work() -> Iterator[tuple[str, str]]:
    """The environment of the steps that run generated code, with a secret for each value that GitHub puts in."""
    for job in rules.jobs(FILES):
        for step in job.steps if job.runs_generated_code and not job.calls else ():
            for name, value in step.get("env", {}).items():
                if "${{" in value:
                    yield name, f"{name}-{secrets.token_hex(8)}"
    # What the runner and google-github-actions/auth add.
    for name in ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "GOOGLE_APPLICATION_CREDENTIALS",
                 "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE", "GOOGLE_GHA_CREDS_PATH", "GITHUB_ENV", "GITHUB_OUTPUT",
                 "GITHUB_STEP_SUMMARY", "GITHUB_PATH"):
        yield name, f"{name}-{secrets.token_hex(8)}"


@pytest.mark.bubblewrap
def test_nothing_that_the_jobs_hold_is_in_the_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = dict(secrets_of_the_work())
    assert {"ANTHROPIC_API_KEY", "GITHUB_TOKEN"} <= set(given)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    workspace, runs = tmp_path / "workspace", tmp_path / "run"
    workspace.mkdir()
    runs.mkdir()
    credentials = workspace / "gha-creds-0123.json"
    credentials.write_text(f"key-file-{secrets.token_hex(8)}")
    looking = (
        "import glob, os, pathlib\n"
        "print(dict(os.environ))\n"
        "for path in [*glob.glob('/proc/*/environ'), *glob.glob('/proc/*/cmdline'), " + repr(str(credentials)) + "]:\n"
        "    try: print(path, pathlib.Path(path).read_bytes())\n"
        "    except OSError as error: print(path, error)\n"
    )
    sandbox = choose_sandbox("auto", demo=False, env=os.environ)
    done = sandbox.run(Command(
        argv=(os.path.realpath(sys.executable), "-c", looking), folder=runs, cwd=runs, limits=Limits(seconds=30),
        read_only=(Path(os.path.realpath(sys.base_prefix)),), env={"PATH": "/usr/bin:/bin"}))
    assert sandbox.name == "bubblewrap"
    assert "environ" in done.output
    assert "PATH" in done.output
    for secret in (*given.values(), credentials.read_text()):
        assert secret not in done.output
    assert list(runs.iterdir()) == []


def test_the_job_with_the_model_needs_no_key_of_the_app_that_publishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bot.app import App, Options

    monkeypatch.delenv("WHYBOT_APP_KEY", raising=False)
    config = tmp_path / "bot.toml"
    config.write_text('[forge]\nkind = "github"\napp_id = "4711"\n')
    options = Options(config=config, state=tmp_path / "state")
    assert App.open(replace(options, publish_to=tmp_path / "p.json")).config.forge.app_id == ""
    assert App.open(options).config.forge.app_id == "4711"


# The scripts

def run_bot(tmp_path: Path, program: str) -> list[str]:
    """A runner's folder where the bot is this program of Python; returns the command of a step that runs it."""
    folder = tmp_path / "whybot" / "bin"
    folder.mkdir(parents=True)
    (folder / "bot").write_text(f"#!{sys.executable}\n{program}")
    (folder / "bot").chmod(0o755)
    shutil.copy(ROOT / ".github/actions/install/run-bot.sh", folder / "run-bot")
    return ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", 'exec "$RUNNER_TEMP/whybot/bin/run-bot" "$@"',
            "step", "cycle", "a b"]


@pytest.mark.parametrize(("code", "seen"), [(0, 0), (1, 0), (3, 3), (70, 70)])
def test_an_answer_of_no_is_no_failed_job_and_all_else_is(tmp_path: Path, code: int, seen: int) -> None:
    step = run_bot(tmp_path, f"import sys\nprint(sys.argv[1:], flush=True)\nsys.exit({code})")
    done = subprocess.run(step, env={"PATH": os.environ["PATH"], "RUNNER_TEMP": str(tmp_path)}, capture_output=True,
                          text=True, check=False, timeout=20)
    assert (done.returncode, done.stderr) == (seen, "")
    assert "['cycle', 'a b']" in done.stdout


def test_what_the_bot_prints_is_no_command_to_the_runner(tmp_path: Path) -> None:
    hostile = "::set-env name=A::b\n::stop-commands::x\n::x::\n::add-mask::e\n##[set-env name=A;]b"
    step = run_bot(tmp_path, f"print({hostile!r}, end='')")
    done = subprocess.run(step, env={"PATH": os.environ["PATH"], "RUNNER_TEMP": str(tmp_path)}, capture_output=True,
                          text=True, check=True, timeout=20)
    obeyed, waiting = [], ""
    for line in done.stdout.splitlines():
        # As the runner does: nothing counts until the word that was agreed upon.
        if waiting:
            waiting = "" if line == f"::{waiting}::" else waiting
        elif line.startswith("::stop-commands::"):
            waiting = line.removeprefix("::stop-commands::")
        elif line.startswith("::") or "##[" in line:
            obeyed.append(line)
    assert (obeyed, waiting) == ([], "")
    assert "::set-env" in done.stdout


def test_stopping_a_step_interrupts_the_bot_which_ends_in_its_own_time(tmp_path: Path) -> None:
    step = run_bot(tmp_path, (
        "import sys, time\n"
        "try:\n    print('begun', flush=True)\n    time.sleep(20)\n"
        "except KeyboardInterrupt:\n    time.sleep(0.3)\n    print('said what there is', flush=True)\n    sys.exit(130)"
    ))
    with subprocess.Popen(step, env={"PATH": os.environ["PATH"], "RUNNER_TEMP": str(tmp_path)}, text=True,
                          stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while "begun" not in process.stdout.readline():
            pass
        # The runner signals the step's own process alone.
        process.send_signal(2)
        said = process.stdout.read()
        assert process.wait(10) == 130
    assert "said what there is" in said
    assert said.rstrip().splitlines()[-1].startswith("::")


def test_generated_code_is_refused_on_a_runner_that_is_kept(tmp_path: Path) -> None:
    def installing(**given: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": "/nowhere", "RUNNER_TEMP": str(tmp_path), **given}
        return subprocess.run(["/bin/bash", ROOT / ".github/actions/install/install.sh"], env=env, capture_output=True,
                              text=True, check=False, timeout=20)

    refused = installing(SANDBOX="true", RUNNER_ENVIRONMENT="self-hosted")
    assert refused.returncode == 1
    assert "ephemeral_runner" in refused.stdout
    # Others get on, and fail here for want of any program.
    for given in ({"RUNNER_ENVIRONMENT": "github-hosted"}, {"RUNNER_ENVIRONMENT": "self-hosted", "EPHEMERAL": "true"}):
        assert "ephemeral_runner" not in installing(SANDBOX="true", **given).stdout


def test_the_lock_of_the_jobs_is_the_part_of_the_whole_that_they_need() -> None:
    def pins(name: str) -> dict[str, str]:
        text = (ROOT / name).read_text()
        assert "index-url" not in text
        return {match["name"]: match["block"] for match in re.finditer(
            r"^(?P<name>[a-z0-9.-]+)==(?P<block>\S+(?:.*\\\n(?:    --hash=\S+ ?\\?\n)+))", text, re.MULTILINE)}

    whole, run = pins("requirements.lock"), pins("requirements-run.lock")
    assert {"anthropic", "pydantic", "pygithub", "hatchling", "websockets"} <= set(run)
    assert not {"ruff", "mypy", "zizmor"} & set(run)
    for name, block in run.items():
        hashes = set(re.findall(r"sha256:[0-9a-f]{64}", block))
        assert hashes
        assert block.split()[0] == whole[name].split()[0]
        assert hashes == set(re.findall(r"sha256:[0-9a-f]{64}", whole[name]))


def test_what_old_linters_do_not_know_is_all_that_they_are_told_to_ignore() -> None:
    """The configuration that silences them names what GitHub has had since, each as the old one words it."""
    config = yaml.safe_load((ROOT / ".github/actionlint.yaml").read_text())
    patterns = config["paths"][".github/workflows/*.yml"]["ignore"]
    worded = (
        'unexpected key "queue" for "concurrency" section. expected one of "cancel-in-progress", "group"',
        'specifying action "$/.github/actions/install" in invalid format because ref is missing. available formats are',
        'reusable workflow call "$/.github/workflows/command-cycle.yml" at "uses" is not following the format "owner',
        'unexpected key "cache-mode" for "workflow" section. expected one of "concurrency", "defaults"',
    )
    assert [sum(re.search(pattern, words) is not None for words in worded) for pattern in patterns] == [1, 1, 1, 1]
