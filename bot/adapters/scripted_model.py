"""A model that answers from files, for the demo and for tests. It sees only the prompt, as a model does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from pydantic import JsonValue

from bot.adapters.surroundings import Surroundings
from bot.domain.asking import ModelReply, ModelRequest, StopReason, Usage
from bot.domain.errors import ModelProblem, UsageProblem
from bot.domain.evidence import EvidencePack
from bot.evidence.shown import find_code, find_log, read_shown
from bot.model.budget import estimate_tokens, prompt_tokens


class ScriptedModel:
    """Answers `<step>.<attempt>.json` of a folder; a later try of the same attempt `<step>.<attempt>.<try>.json`
    where that file exists.

    In a script, `{"$file": "a/path"}` stands for the text of that file in the folder; `{"$log": "text"}` for a
    citation of the first log item of the prompt that contains the text; `{"$code": ["path", "text"]}` for one
    of the first shown line of that file that contains it.
    """

    scripted = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        if not self._folder.is_dir():
            raise UsageProblem(f"There is no folder {folder} with a script.", "Name one with --model script:DIR.")

    @property
    def name(self) -> str:
        """`script:` and the folder's name."""
        return f"script:{self._folder.name}"

    def ask(self, request: ModelRequest) -> ModelReply:
        """Answer from the script. Raises ModelProblem when it has no answer or is broken; names the file."""
        path = self._script(request)
        try:
            script: JsonValue = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError, OSError) as error:
            raise ModelProblem(f"The script {path} is no JSON: {error}.", "Put that file right.") from error
        pack = read_shown(request.messages[0].text)
        text = json.dumps(_Filled(self._folder, path, pack).value(script), ensure_ascii=False, indent=1)
        usage = Usage(input_tokens=prompt_tokens(request), output_tokens=estimate_tokens(text))
        return ModelReply(model=self.name, text=text, stop=StopReason.END, usage=usage)

    def _script(self, request: ModelRequest) -> Path:
        turn = (len(request.messages) + 1) // 2
        first = self._folder / f"{request.step}.{request.attempt}.json"
        later = self._folder / f"{request.step}.{request.attempt}.{turn}.json"
        if turn > 1 and later.is_file():
            return later
        if first.is_file():
            return first
        raise ModelProblem(
            f"The scripted model is out of script: there is no {first.name} in {self._folder}.",
            "Add that file, or use a real model with --model.",
        )


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
            raise self._broken(f"cites a log line that the prompt does not show: {given!r}")
        return found.model_dump(mode="json")

    def _code(self, given: JsonValue) -> JsonValue:
        found = None
        match given:
            case [str(path), str(text)]:
                found = find_code(self._pack, path, text)
        if found is None:
            raise self._broken(f"cites a code line that the prompt does not show: {given!r}")
        return found.model_dump(mode="json")

    def _broken(self, why: str) -> ModelProblem:
        return ModelProblem(f"The script {self._path} {why}.", "Put that file right.")
