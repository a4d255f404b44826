"""A model that answers from the exchanges of earlier cycles: a cycle runs again with no key and at no cost."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from pydantic import ValidationError

from bot.adapters.surroundings import Surroundings
from bot.domain.asking import Exchange, ModelReply, ModelRequest
from bot.domain.base import counted
from bot.domain.errors import OutOfScript, RecordDamaged, UsageProblem

MOST_BYTES = 32_000_000
"""Of one stored exchange; a larger file is not read."""
MOST_EXCHANGES = 5_000
_MOST_DEPTH = 6
_EXCHANGE = re.compile(r"[0-9a-f]{64}\.json")
_KEPT_APART = frozenset({"lost"})
_PREFIX = "replay:"


class ReplayedModel:
    """Answers a request whose digest, the model's name left out, is that of a stored exchange.

    The folder is a cycle's record folder, its `exchanges`, or a folder of several cycles, which is searched in the
    order of its names; where two exchanges answer one question, the first found counts. Links and files of more than
    MOST_BYTES are passed over. Raises UsageProblem where there is nothing to replay, RecordDamaged for an exchange
    that cannot be believed.
    """

    scripted = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._passed_over = 0
        self._replies: dict[str, ModelReply] = {}
        self._requests: list[ModelRequest] = []
        names: set[str] = set()
        for path in self._found():
            exchange = _read(path)
            names.add(exchange.request.model.removeprefix(_PREFIX))
            key = _key(exchange.request)
            if key not in self._replies:
                self._replies[key] = exchange.reply
                self._requests.append(exchange.request)
        if not self._requests:
            raise UsageProblem(
                f"There is nothing to replay in {folder}: no stored exchange is in it{self._and_passed_over()}.",
                "Name a cycle's record folder with --model replay:DIR; `bot status` shows where they are.",
            )
        self._name = _PREFIX + ",".join(sorted(names))

    @property
    def name(self) -> str:
        """`replay:` and the names of the models that were recorded."""
        return self._name

    def knows(self, request: ModelRequest) -> bool:
        """Whether this question was asked then."""
        return _key(request) in self._replies

    def ask(self, request: ModelRequest) -> ModelReply:
        """The recorded reply, with the tokens that it used then, at no cost. Raises OutOfScript."""
        reply = self._replies.get(_key(request))
        if reply is None:
            raise OutOfScript(
                f"The replay is out of script at step {request.step}, attempt {request.attempt}: "
                f"{self._nearest(request)}{self._and_passed_over()}.",
                "Replay with the logs, code and configuration of that cycle, the same version of whybot and a state "
                "that knows no more of the incident (a new --state), or use a real model with --model.",
            )
        return reply.model_copy(update={"usage": reply.usage.model_copy(update={"cost_usd": Decimal(0)})})

    def _nearest(self, request: ModelRequest) -> str:
        """What differs from the stored request that is most like this one."""
        same = [item for item in self._requests if (item.step, item.attempt) == (request.step, request.attempt)]
        if not same:
            there = ", ".join(sorted({f"{item.step} {item.attempt}" for item in self._requests}))
            return f"nothing was asked there (recorded: {there})"
        # The longest common beginning, then the fewest differences; sorting is stable, so the first found wins.
        nearest = min(same, key=lambda item: (-_common(item, request), len(_differences(item, request))))
        return f"it differs from the nearest recorded request in {' and in '.join(_differences(nearest, request))}"

    def _found(self) -> Iterator[Path]:
        """The files of exchanges, in a fixed order."""
        try:
            folder = self._folder.resolve(strict=True)
            if not folder.is_dir():
                raise NotADirectoryError
        except PermissionError as error:
            raise _unreadable(self._folder, error) from error
        except (OSError, RuntimeError, ValueError):
            raise UsageProblem(
                f"There is no folder {self._folder} to replay.", "Name a cycle's record folder with --model replay:DIR."
            ) from None
        for count, path in enumerate(self._walk(folder, _MOST_DEPTH), 1):
            if count > MOST_EXCHANGES:
                raise UsageProblem(
                    f"{self._folder} has more than {MOST_EXCHANGES:,} stored exchanges.",
                    "Name the record folder of one cycle with --model replay:DIR.",
                )
            yield path

    def _walk(self, folder: Path, depth: int) -> Iterator[Path]:
        try:
            with os.scandir(folder) as listing:
                items = sorted(listing, key=lambda item: item.name)
        except OSError as error:
            raise _unreadable(folder, error) from error
        for item in items:
            is_exchange = _EXCHANGE.fullmatch(item.name) is not None
            if item.is_dir(follow_symlinks=False):
                if depth > 0 and item.name not in _KEPT_APART:
                    yield from self._walk(Path(item.path), depth - 1)
            elif is_exchange and _is_readable(item):
                yield Path(item.path)
            elif is_exchange:
                self._passed_over += 1

    def _and_passed_over(self) -> str:
        if not self._passed_over:
            return ""
        return f" ({counted(self._passed_over, 'file')} passed over, since links and huge files are not read)"


def open_model(rest: str, surroundings: Surroundings) -> ReplayedModel:
    """The model that answers from the record folder `rest`."""
    return ReplayedModel(Path(rest))


def _key(request: ModelRequest) -> str:
    """The request's digest, whoever was asked."""
    return request.model_copy(update={"model": ""}).digest()


def _read(path: Path) -> Exchange:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise _damaged(path, "it is no plain file")
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        exchange = Exchange.model_validate_json(content)
    except ValidationError as error:
        raise _damaged(path, "it is not a whole stored exchange") from error
    if exchange.digest != path.stem or exchange.request.digest() != path.stem:
        raise _damaged(path, "its request does not have the digest that it is stored under")
    return exchange


def _damaged(path: Path, why: str) -> RecordDamaged:
    return RecordDamaged(
        f"{path} cannot be replayed: {why}.",
        "It was left as it is. Restore it from a copy, or take it out of that folder.",
    )


def _is_readable(item: os.DirEntry[str]) -> bool:
    """Whether it is a plain file of a size that is read."""
    try:
        return item.is_file(follow_symlinks=False) and item.stat(follow_symlinks=False).st_size <= MOST_BYTES
    except OSError as error:
        raise _unreadable(Path(item.path), error) from error


def _unreadable(path: Path, error: OSError) -> RecordDamaged:
    """What is there may well be whole: it is not said to be damaged."""
    remedy = "It was left as it is. Find out why the system refuses it, or take it out of that folder."
    if isinstance(error, PermissionError):
        remedy = "Change its permissions, and those of the folders it is in, so that you may read it."
    return RecordDamaged(f"{path} cannot be replayed: it cannot be read ({error.strerror}).", remedy)


def _common(one: ModelRequest, other: ModelRequest) -> int:
    """How many messages two conversations begin with alike."""
    alike = 0
    for mine, yours in zip(one.messages, other.messages, strict=False):
        if mine != yours:
            break
        alike += 1
    return alike


def _differences(stored: ModelRequest, request: ModelRequest) -> list[str]:
    """What differs, in the order in which it stands; of the messages only the first."""
    parts = (
        ("the system prompt", "system"), ("the tools", "tools"), ("the answer's name", "answer"),
        ("the answer's schema", "answer_schema"), ("the most output tokens", "most_tokens"), ("the effort", "effort"),
        ("whether tools are closed", "tools_closed"),
    )
    found = [name for name, field in parts if getattr(stored, field) != getattr(request, field)]
    if stored.messages != request.messages:
        found.append(f"message {_common(stored, request) + 1}")
    return found
