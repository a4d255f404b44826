"""A model that answers from files, for the demo and for tests. It sees only the prompt, as a model does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from pydantic import JsonValue

from bot.adapters.surroundings import Surroundings
from bot.domain.asking import ModelReply, ModelRequest, StopReason, ToolCall, Usage
from bot.domain.errors import ModelProblem, OutOfScript, UsageProblem
from bot.domain.evidence import EvidencePack
from bot.domain.tokens import estimate_tokens
from bot.evidence.shown import find_code, find_log, read_shown
from bot.model.budget import prompt_tokens

_PERMISSIONS = "Change its permissions, and those of the folders it is in, so that you may read it."


class ScriptedModel:
    """Answers from the files of a folder.

    The first reply of a step's attempt is `<step>.<attempt>.json`; the n-th of the same conversation, whether it
    comes after results of tools or after a repair, is `<step>.<attempt>.<n>.json` where that file exists, and else
    `<step>.<attempt>.json` again.

    A file is the answer, or `{"$call": [{"name": "read_code", "input": {"path": "a.py"}}, …]}`: the tools to call
    before the next file answers. Where no tool may be called (none is offered, or a cap is reached), it goes on to
    the next file that is an answer, and after the last one to the newest before.

    In a script, `{"$file": "a/path"}` stands for the text of that file in the folder; `{"$log": "text"}` for a
    citation of the first log item that the prompt or a tool's result shows and that contains the text;
    `{"$code": ["path", "text"]}` for one of the first shown line of that file that contains it.
    """

    scripted = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        try:
            _listed(self._folder)
        except (FileNotFoundError, NotADirectoryError):
            raise UsageProblem(
                f"There is no folder {folder} with a script.", "Name one with --model script:DIR."
            ) from None

    @property
    def name(self) -> str:
        """`script:` and the folder's name."""
        return f"script:{self._folder.name}"

    def ask(self, request: ModelRequest) -> ModelReply:
        """Answer from the script. Raises OutOfScript, or ModelProblem naming the file that is broken."""
        path, script = self._script(request)
        filled = _Filled(self._folder, path, _shown(request))
        calls = _calls(script)
        if calls is None:
            text = json.dumps(filled.value(script), ensure_ascii=False, indent=1)
            return self._reply(request, text, StopReason.END, ())
        return self._reply(request, "", StopReason.TOOLS, _called(path, filled.value(calls), request))

    def _reply(self, request: ModelRequest, text: str, stop: StopReason, calls: tuple[ToolCall, ...]) -> ModelReply:
        said = text + "".join(json.dumps(call.input) for call in calls)
        usage = Usage(input_tokens=prompt_tokens(request), output_tokens=estimate_tokens(said))
        return ModelReply(model=self.name, text=text, stop=stop, usage=usage, calls=calls)

    def _script(self, request: ModelRequest) -> tuple[Path, JsonValue]:
        """The file whose turn it is, and what it says."""
        turn = (len(request.messages) + 1) // 2
        files = self._files(request)
        if 1 not in files:
            raise OutOfScript(
                f"The scripted model is out of script: there is no {request.step}.{request.attempt}.json in "
                f"{self._folder}.",
                "Add that file, or use a real model with --model.",
            )
        path = files.get(turn, files[1])
        script = _read(path)
        if _calls(script) is None or (request.tools and not request.tools_closed):
            return path, script
        later = sorted(number for number in files if number > turn)
        before = sorted((number for number in files if number <= turn), reverse=True)
        for number in (*later, *before):
            script = _read(files[number])
            if _calls(script) is None:
                return files[number], script
        raise OutOfScript(
            f"The scripted model is out of script: no tool may be called now, and all files for {request.step}, "
            f"attempt {request.attempt}, in {self._folder} call one.",
            f"Add {request.step}.{request.attempt}.{turn}.json with an answer.",
        )

    def _files(self, request: ModelRequest) -> dict[int, Path]:
        """The files for a step's attempt, by the reply that they are."""
        form = re.compile(rf"{re.escape(request.step)}\.{request.attempt}(?:\.([1-9][0-9]{{0,5}}))?\.json")
        found: dict[int, Path] = {}
        for path in _listed(self._folder):
            match = form.fullmatch(path.name)
            if match is not None and match.group(1) != "1":
                found[int(match.group(1) or 1)] = path
        return found


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except PermissionError as error:
        raise UsageProblem(
            f"The folder {folder} with a script cannot be read: {error.strerror}.", _PERMISSIONS
        ) from error


def _read(path: Path) -> JsonValue:
    try:
        script: JsonValue = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelProblem(f"The script {path} cannot be read: {error.strerror}.", _PERMISSIONS) from error
    except (ValueError, RecursionError) as error:
        raise ModelProblem(f"The script {path} is no JSON: {error}.", "Put that file right.") from error
    return script


def _calls(script: JsonValue) -> JsonValue:
    """What a script calls, None where it is an answer."""
    match script:
        case {"$call": calls, **rest} if not rest:
            return calls
    return None


def _called(path: Path, calls: JsonValue, request: ModelRequest) -> tuple[ToolCall, ...]:
    found: list[ToolCall] = []
    before = sum(len(message.calls) for message in request.messages)
    for number, call in enumerate(calls if isinstance(calls, list) and calls else [None], before + 1):
        match call:
            case {"name": str(name), "input": dict(given), **rest} if not rest:
                found.append(ToolCall(id=f"call-{number}", name=name, input=given))
            case _:
                raise _broken(path, "has a $call that is no list of {\"name\": …, \"input\": {…}}")
    return tuple(found)


def _shown(request: ModelRequest) -> EvidencePack:
    """The evidence that the prompt and the tools' results show."""
    texts = [request.messages[0].text, *(result.text for message in request.messages for result in message.results)]
    packs = [read_shown(text) for text in texts]
    commit = next((pack.commit for pack in packs if pack.commit is not None), None)
    return EvidencePack(commit=commit, items=tuple(item for pack in packs for item in pack.items))


def open_model(rest: str, surroundings: Surroundings) -> ScriptedModel:
    """The model that answers from the folder `rest`."""
    return ScriptedModel(Path(rest))


class _Filled:
    """Puts files and citations in the place of a script's `$` objects."""

    def __init__(self, folder: Path, path: Path, pack: EvidencePack) -> None:
        self._folder = folder
        self._path = path
        self._pack = pack

    def value(self, node: JsonValue) -> JsonValue:
        if isinstance(node, list):
            return [self.value(item) for item in node]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            (key, given), = node.items()
            makers: dict[str, Callable[[JsonValue], JsonValue]] = {
                "$file": self._file, "$log": self._log, "$code": self._code,
            }
            if key in makers:
                return makers[key](given)
            if key.startswith("$"):
                raise self._broken(f"knows no {key}")
        return {key: self.value(item) for key, item in node.items()}

    def _file(self, given: JsonValue) -> JsonValue:
        path = (self._folder / str(given)).resolve()
        if not isinstance(given, str) or not path.is_relative_to(self._folder):
            raise self._broken(f"names a file outside its folder: {given!r}")
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise self._broken(f"names a file that cannot be read: {given!r} ({error})") from error

    def _log(self, given: JsonValue) -> JsonValue:
        found = find_log(self._pack, given) if isinstance(given, str) else None
        if found is None:
            raise self._broken(f"cites a log line that the conversation does not show: {given!r}")
        return found.model_dump(mode="json")

    def _code(self, given: JsonValue) -> JsonValue:
        found = None
        match given:
            case [str(path), str(text)]:
                found = find_code(self._pack, path, text)
        if found is None:
            raise self._broken(f"cites a code line that the conversation does not show: {given!r}")
        return found.model_dump(mode="json")

    def _broken(self, why: str) -> ModelProblem:
        return _broken(self._path, why)


def _broken(path: Path, why: str) -> ModelProblem:
    return ModelProblem(f"The script {path} {why}.", "Put that file right.")
