"""`bot init` and `bot doctor`: getting from a clone to a first cycle."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

from bot.adapters.sandboxes import choose_sandbox, diagnose, try_python
from bot.app import App, Options, config_path
from bot.config import FILE, PRESETS
from bot.domain.checkup import Remark, State
from bot.domain.config import AskingStep
from bot.domain.errors import EXIT_ANSWER_IS_NO, BotError, ConfigProblem, RecordDamaged
from bot.domain.logs import LogQuery
from bot.progress import harmless, say, say_json, say_table
from bot.reports.json.doctor import DoctorDocument
from bot.reports.json.init import InitDocument, SetUpFile

_PLACEHOLDERS = frozenset({"OWNER/NAME", "PROJECT-ID", "SERVICE", "MODEL"})
TEMPLATE = Path(__file__).with_name("template.toml")


_LEFT_TO_DO = "Set [repository], [logs] and a [target], then run `bot doctor`."


def init_config(path: Path, show: bool, json: bool = False) -> int:
    """Write the commented configuration, or print it; return the exit code. Raises ConfigProblem."""
    text = TEMPLATE.read_text(encoding="utf-8")
    if show and json:
        say_json(InitDocument(files=(SetUpFile(path=str(path), written=False, text=text),), left_to_do=(_LEFT_TO_DO,)))
        return 0
    if show:
        print(text, end="")  # noqa: T201 - the result
        return 0
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise ConfigProblem(
            f"{path} exists already and was left as it is.", "`bot init --print` shows what would be written."
        ) from None
    except OSError as error:
        raise ConfigProblem(f"{path} cannot be written: {error.strerror}.", "Mend the folder's permissions.") from error
    if json:
        say_json(InitDocument(files=(SetUpFile(path=str(path), written=True, text=None),), left_to_do=(_LEFT_TO_DO,)))
    else:
        say(f"Wrote {path}. {_LEFT_TO_DO}")
    return 0


def _remark(what: str, state: State, said: str, remedy: str = "") -> Remark:
    return Remark(what=what, state=state, said=said, remedy=remedy)


def run_doctor(demo: bool, state: Path, config: Path | None, json: bool) -> int:
    """Look at everything a cycle needs; return 1 when something is missing."""
    findings = tuple(_examine(demo, state, config))
    missing = [item for item in findings if item.state == "missing"]
    if json:
        say_json(DoctorDocument(ok=not missing, findings=findings))
        return EXIT_ANSWER_IS_NO if missing else 0
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for item in findings:
        style = {"ok": "green", "missing": "red", "note": "yellow"}[item.state]
        table.add_row(Text(item.state, style), item.what, harmless(item.said))
        if item.remedy:
            table.add_row("", "", Text(harmless(item.remedy), "dim"))
    say_table(table, plain_width=120)
    return EXIT_ANSWER_IS_NO if missing else 0


def _examine(demo: bool, state: Path, config: Path | None) -> Iterator[Remark]:
    try:
        app = App.open(Options(demo=demo, state=state, config=config))
    except BotError as error:
        yield _remark("configuration", "missing", error.what, error.remedy)
        return
    yield _configuration(app, config, demo)
    yield _try("repository", lambda: _repository(app, demo))
    yield _try("logs", lambda: _logs(app))
    yield _try("model", lambda: _model(app))
    yield from _forge(app)
    yield _try("sandbox", lambda: _sandbox(app, demo))
    yield _try("targets", lambda: _targets(app))
    yield _try("state", lambda: _state(app))
    if not demo:
        from bot.notify_command import look_at_destinations

        yield from look_at_destinations(app)
    yield from _workflows(app, demo)


def _try(what: str, look: Callable[[], Remark]) -> Remark:
    try:
        return look()
    except BotError as error:
        return _remark(what, "missing", error.what, error.remedy)


def _configuration(app: App, config: Path | None, demo: bool) -> Remark:
    focuses = ", ".join(sorted(app.config.focus))
    if demo:
        return _remark("configuration", "ok", f"the demo's own; focuses: {focuses}")
    path = config_path(config)
    if path is None:
        return _remark("configuration", "note", f"no {FILE}; presets: {', '.join(sorted(PRESETS))}",
                       "`bot init` writes one.")
    given = app.config
    places = {
        "name under [repository]": given.repository.name, "project under [logs]": given.logs.project,
        "project under [model.vertex]": given.model.vertex.project,
        **{f"[target.{name}]": name for name in given.target},
        **{f'[model.prices."{name}"]': name for name in given.model.prices},
    }
    left = [f"{value} ({place})" for place, value in places.items() if value in _PLACEHOLDERS]
    if left:
        return _remark("configuration", "missing", f"{path} still says {', '.join(left)}",
                       "Put in what is yours; these are placeholders that `bot init` wrote.")
    return _remark("configuration", "ok", f"{path}; focuses: {focuses}")


def _repository(app: App, demo: bool) -> Remark:
    workspace = app.workspace(demo)
    path = app.config.repository.path
    if workspace is None:
        return _remark("repository", "missing", f"no git repository at {path}",
                       "Run bot inside a clone, or set `path` under [repository]; needed from step 1 on.")
    head = workspace.resolve(app.config.repository.branch)
    if head is None:
        return _remark("repository", "missing", f"{path} has no {app.config.repository.branch}",
                       "Commit something, or set `branch` under [repository].")
    repository = app.config.repository
    at = f"{repository.name}, {repository.branch} is at {head[:12]}"
    if app.config.forge.kind == "github" and not demo:
        from bot.repository_facts import look_at_origin

        origin = look_at_origin(Path(path))
        if origin is not None and origin.name.lower() != repository.name.lower():
            return _remark("repository", "note", f"{at}; but `origin` of the clone is {origin.name}",
                           "If that is where it should publish, put it in as `name` under [repository].")
    return _remark("repository", "ok", at)


def _logs(app: App) -> Remark:
    if not app.config.logs.source:
        return _remark("logs", "note", "no source in the configuration",
                       "Give --logs, or set `source` under [logs] to file:PATH or gcp.")
    source = app.logs(app.config.logs.source)
    reading = source.read(LogQuery(focus=PRESETS["errors"], most_entries=1))
    try:
        found = sum(1 for _ in reading)
    finally:
        reading.close()
    return _remark("logs", "ok", f"{source.name} can be read" + ("" if found else ", and holds nothing"))


def _model(app: App) -> Remark:
    usual = app.config.model.name
    asked = {app.config.model.of_step(step, usual).name: None for step in get_args(AskingStep)}
    models = [app.model(name) for name in asked]
    named = ", ".join(model.name for model in models)
    if all(model.scripted for model in models):
        return _remark("model", "ok", f"{named}, a scripted model: its answers come from files")
    return _remark("model", "ok", f"{named}; credentials are there (not called here, since that costs)")


def _forge(app: App) -> Iterator[Remark]:
    """One finding for each thing that matters; the kind that is configured decides what that is."""
    from bot.adapters.github_checkup import check_up
    from bot.adapters.github_forge import GitHubForge

    settings = app.config.forge
    if settings.kind == "local":
        yield _remark("forge", "ok", f"local, Markdown files in {app.state / 'forge'}")
        return
    try:
        forge = app.forge_named(settings.kind, app.workspace(demo=False))()
        if isinstance(forge, GitHubForge):
            yield from check_up(forge, settings.ci_on_unreviewed_code)
            if settings.state_branch == forge.place.repository.default_branch:
                yield _remark("forge", "missing", f"`state_branch` is {settings.state_branch}, the default branch",
                              "Give it a branch of its own under [forge], such as whybot-state.")
    except BotError as error:
        # The forge's remedies are made for cycles.
        yield _remark("forge", "missing", error.what, error.remedy.replace("un `bot resume`", "un `bot doctor` again"))


def _workflows(app: App, demo: bool) -> Iterator[Remark]:
    if demo:
        return
    from bot.workflow_checkup import look_at_workflows

    remark = look_at_workflows(Path(app.config.repository.path))
    if remark is not None:
        yield remark
    elif app.config.forge.kind == "github":
        yield _remark("workflows", "note", "none in the repository: nothing runs by itself and no comment is heard",
                      "`bot init --github` writes them.")


def _sandbox(app: App, demo: bool) -> Remark:
    wanted = app.config.sandbox
    sandbox = choose_sandbox(wanted.kind, demo, app.environ, wanted.image)
    refused = try_python(sandbox)
    if refused is not None:
        return _remark("sandbox", "missing", refused.sentence, refused.remedy)
    others = [f"{other.name} does not work ({other.sentence.rstrip('.')})"
              for other in diagnose(app.environ, wanted.image)
              if not other.works and (other.name == "bubblewrap" or (other.name == "container" and wanted.image))]
    tried = f"{sandbox.name}, tried: `true` and a Python that prints ran in it"
    if sandbox.warning:
        return _remark("sandbox", "note", f"{tried}. {sandbox.warning} {'; '.join(others)}".rstrip(),
                       "" if demo else "Take `kind = \"auto\"` under [sandbox] for code that you do not trust.")
    return _remark("sandbox", "ok", "; ".join((tried, *others)))


def _targets(app: App) -> Remark:
    config = app.config
    if not config.target:
        return _remark("targets", "missing", "no service is described",
                       "Add [target.NAME] with root, python, code and tests; needed from step 1 on.")
    for name, target in sorted(config.target.items()):
        if not (Path(config.repository.path) / target.root).is_dir():
            return _remark("targets", "missing", f"the root {target.root!r} of {name} is no folder of the repository",
                           f"Set `root` under [target.{name}] to the service's folder, relative to the repository.")
        if not target.setup and "/" not in target.python and shutil.which(target.python) is None:
            return _remark("targets", "missing", f"there is no {target.python!r} for {name} on the PATH",
                           f"Set `python` under [target.{name}], and `setup` to the commands that make it.")
    return _remark("targets", "ok", ", ".join(sorted(config.target)))


def _state(app: App) -> Remark:
    refs = app.store.cycles()
    damaged: list[str] = []
    for ref in refs:
        try:
            app.store.load(ref)
        except RecordDamaged:
            damaged.append(str(ref))
    if damaged:
        return _remark("state", "missing", f"{len(damaged)} of {len(refs)} records are damaged: {damaged[0]}",
                       "Restore it from a copy or move its folder away; the others are fine.")
    return _remark("state", "ok", f"{app.state}: {len(refs)} cycles")
