"""What becomes of the mocks that test and fixture code makes.

Copied out together with `whybot_probe.py` and loaded by it into the target's own Python, so it needs nothing but the
standard library of Python 3.9 or later.
"""

from __future__ import annotations

import sys
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING or __package__:
    from bot.probe.whybot_connections import HERE, wrap
else:
    from whybot_connections import HERE, wrap

if TYPE_CHECKING:
    # Never run, and annotations are not evaluated: names and unions newer than Python 3.9 may stand in both.
    from collections.abc import Iterator
    from types import CodeType, FrameType, ModuleType
    from typing import Any, Protocol, TypedDict

    class _Places(Protocol):
        def place(self, filename: str) -> tuple[str, bool, bool]: ...

    class Mocked(TypedDict):
        """As in the record."""

        path: str
        line: int
        target: str
        calls: int
        checked: bool

    _Where = tuple[str, int]

MOST_MOCKS = 200


class _Made:
    """What is known of one mock. It does not keep the mock alive."""

    def __init__(self, mock: object, number: int, where: _Where, target: str) -> None:
        self.mock = weakref.ref(mock)
        self.number, self.where, self.target = number, where, target
        self.calls = 0
        self.checked = False
        self.new = True


class Mocks:
    """The mocks of unittest.mock that test and fixture code makes, also by `patch`, and what becomes of them."""

    def __init__(self, places: _Places, pytest: ModuleType) -> None:
        from unittest import mock

        self.places = places
        self.counting = False
        self._file = mock.__file__
        self._mock = mock
        self._made: dict[int, _Made] = {}
        self._gone: list[_Made] = []
        self._number = 0
        self._patchers: weakref.WeakKeyDictionary[object, _Where] = weakref.WeakKeyDictionary()
        wrap(mock.NonCallableMock, "__init__", self._created)
        wrap(mock, "create_autospec", self._specified)
        for owner in (mock.NonCallableMock, getattr(mock, "AsyncMockMixin", None)):
            for name in [each for each in vars(owner) if each.startswith("assert_")] if owner else ():
                wrap(owner, name, self._checked)
        wrap(mock.CallableMixin, "_increment_mock_call", self._called)
        patcher = getattr(mock, "_patch", None)
        if patcher is not None:
            wrap(patcher, "__init__", self._patcher_made)
            wrap(patcher, "copy", self._patcher_copied)
            wrap(patcher, "__enter__", self._patched)
        wrap(pytest.MonkeyPatch, "setattr", self._set)

    def begin(self) -> None:
        """Begin with the next test: of the mocks that exist, those count that it will call or check."""
        self._gone = []
        for key, made in list(self._made.items()):
            made.calls, made.checked, made.new = 0, False, False
            if made.mock() is None:
                del self._made[key]

    def take(self) -> list[Mocked]:
        """The mocks of this test, in the order in which they were made."""
        concerned = [made for made in [*self._gone, *self._made.values()] if made.new or made.calls or made.checked]
        concerned.sort(key=lambda made: made.number)
        return [{"path": made.where[0], "line": made.where[1], "target": made.target, "calls": made.calls,
                 "checked": made.checked} for made in concerned[:MOST_MOCKS]]

    def _known(self, mock: object) -> _Made | None:
        made = self._made.get(id(mock))
        return made if made is not None and made.mock() is mock else None

    def _add(self, mock: object, where: _Where, target: str = "") -> None:
        made = self._known(mock)
        if made is not None:
            made.target, made.new = target or made.target, made.new or bool(target)
            return
        old = self._made.pop(id(mock), None)
        if old is not None:
            self._gone.append(old)
        if len(self._made) < 50 * MOST_MOCKS:
            self._number += 1
            self._made[id(mock)] = _Made(mock, self._number, where, target)

    def _created(self, arguments: tuple[Any, ...], _result: object, error: BaseException | None) -> None:
        mock = arguments[0]
        if error is not None or mock.__dict__.get("_mock_new_parent") is not None:
            return
        frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 - there is no other way to the caller
        while frame is not None:
            code = frame.f_code
            if code.co_name == "__init__" and code.co_argcount:
                if frame.f_locals.get(code.co_varnames[0]) is not mock:
                    if code.co_filename == self._file:
                        return  # a part of another mock
                    break
            elif code.co_filename == self._file and code.co_name in ("mock_open", "create_autospec"):
                # Of one the file that it opens, of the other all: what it gives is taken from there.
                if code.co_name == "create_autospec" or mock.__dict__.get("_mock_name") != "open":
                    return
            elif not self._passes_on(code):
                break
            frame = frame.f_back
        where = self._place(frame)
        if where is not None:
            self._add(mock, where)

    def _specified(self, _arguments: tuple[Any, ...], result: Any, _error: BaseException | None) -> None:
        caller = sys._getframe(3)  # noqa: SLF001 - as above
        where = self._outside()
        made = self._mock_in(result)
        if where is not None and made is not None and caller.f_code.co_filename != self._file:
            self._add(made, where)

    def _mock_in(self, put: object) -> object:
        """The mock that a value is, or that stands behind a function made by autospec."""
        put = put if isinstance(put, self._mock.NonCallableMock) else getattr(put, "__dict__", {}).get("mock")
        return put if isinstance(put, self._mock.NonCallableMock) else None

    def _passes_on(self, code: CodeType) -> bool:
        """Whether code stands between a mock and who wants it."""
        name = code.co_filename.replace("\\", "/")
        return (name == self._file.replace("\\", "/") or code.co_filename == HERE or "/pytest_mock/" in name
                or name.endswith("/contextlib.py"))

    def _place(self, frame: FrameType | None) -> _Where | None:
        if frame is None:
            return None
        path, in_app, product = self.places.place(frame.f_code.co_filename)
        return (path, frame.f_lineno) if in_app and not product else None

    def _outside(self) -> _Where | None:
        """Where the test or fixture code stands that asked for this."""
        frame: FrameType | None = sys._getframe(3)  # noqa: SLF001 - as above
        while frame is not None and self._passes_on(frame.f_code):
            frame = frame.f_back
        return self._place(frame)

    def _patcher_made(self, arguments: tuple[Any, ...], _result: object, _error: BaseException | None) -> None:
        where = self._outside()
        if where is not None:
            self._patchers[arguments[0]] = where

    def _patcher_copied(self, arguments: tuple[Any, ...], result: object, _error: BaseException | None) -> None:
        where = self._patchers.get(arguments[0])
        if where is not None and result is not None:
            self._patchers[result] = where

    def _patched(self, arguments: tuple[Any, ...], _result: object, error: BaseException | None) -> None:
        patcher = arguments[0]
        where = self._patchers.get(patcher) or self._outside()
        if error is not None or where is None:
            return
        # Not by getattr, which would call a PropertyMock.
        put = self._mock_in(_static(patcher.target, patcher.attribute))
        if put is not None:
            made = self._known(put)
            if made is not None and patcher.new is self._mock.DEFAULT:
                # Made by the patch itself, so it belongs where that is written.
                made.where = where
            self._add(put, where, f"{_named(patcher.target)}.{patcher.attribute}")

    def _set(self, arguments: tuple[Any, ...], _result: object, error: BaseException | None) -> None:
        where = self._outside()
        if error is not None or where is None:
            return
        _, owner, *rest = arguments
        if isinstance(owner, str) and rest and isinstance(rest[0], self._mock.NonCallableMock):
            self._add(rest[0], where, owner)
        elif len(rest) > 1 and isinstance(rest[0], str) and isinstance(rest[1], self._mock.NonCallableMock):
            self._add(rest[1], where, f"{_named(owner)}.{rest[0]}")

    def _chain(self, mock: Any) -> Iterator[_Made]:
        """A mock and those whose attribute or result it is, as far as they are known."""
        for _ in range(100):
            made = self._known(mock)
            if made is not None:
                yield made
            mock = getattr(mock, "__dict__", {}).get("_mock_new_parent")
            if mock is None:
                return

    def _called(self, arguments: tuple[Any, ...], _result: object, _error: BaseException | None) -> None:
        if self.counting:
            for made in self._chain(arguments[0]):
                made.calls += 1

    def _checked(self, arguments: tuple[Any, ...], _result: object, _error: BaseException | None) -> None:
        for made in self._chain(arguments[0]):
            made.checked = True


def _static(owner: object, name: str) -> object:
    for each in (owner, *getattr(type(owner), "__mro__", ()), *getattr(owner, "__mro__", ())):
        space = getattr(each, "__dict__", {})
        if name in space:
            found: object = space[name]
            return found.__func__ if isinstance(found, (staticmethod, classmethod)) else found
    return None


def _named(owner: object) -> str:
    if isinstance(owner, type(sys)):
        return str(owner.__name__)
    kind = owner if isinstance(owner, type) else type(owner)
    return f"{kind.__module__}.{kind.__qualname__}"
