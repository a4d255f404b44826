"""Functions, their shapes and the frames that they run in."""

from __future__ import annotations

import ast
import asyncio.coroutines
import inspect
import types
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bot.audit.interpret.values import UNKNOWN, Module, is_instance
from bot.audit.reading.flat import children, walk
from bot.audit.reading.program import ModuleInfo

Code = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_BINDING = frozenset({
    ast.Name, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.alias, ast.ExceptHandler, ast.MatchAs,
    ast.MatchStar, ast.MatchMapping,
})
"""All kinds of nodes that `bound_in` knows."""


@dataclass(frozen=True, eq=False, slots=True)
class Shape:
    """What a function's text says of its names and kind."""

    positional: tuple[str, ...]
    positional_only: int
    keyword_only: tuple[str, ...]
    rest: str
    keywords: str
    local: frozenset[str]
    outer: frozenset[str]
    global_: frozenset[str]
    yields: bool
    is_async: bool


def shape_of(node: Code) -> Shape:
    """The shape of a function, found once."""
    found: Shape | None = node.__dict__.get("_shape")
    if found is None:
        found = node.__dict__["_shape"] = _shape(node)
    return found


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function's body without those of functions and classes in it; comprehensions are its own."""
    stack: list[ast.AST] = list(node.body) if isinstance(node.body, list) else [node.body]  # type: ignore[attr-defined]
    while stack:
        item = stack.pop()
        yield item
        if isinstance(item, _SCOPES):
            stack.extend(getattr(item, "decorator_list", []))
        else:
            stack.extend(children(item))


def docstring_of(node: ast.AST) -> str | None:
    """The docstring of a function or class as `ast.get_docstring` cleans it."""
    first = node.body[0] if node.body else None  # type: ignore[attr-defined]
    if type(first) is not ast.Expr or type(first.value) is not ast.Constant or type(first.value.value) is not str:
        return None
    text = first.value.value
    return inspect.cleandoc(text) if "\n" in text or "\t" in text or text[:1].isspace() else text


def bound_in(node: ast.AST) -> Iterator[str]:
    """The names that a node itself binds."""
    if type(node) not in _BINDING:
        return
    if isinstance(node, ast.Name):
        if not isinstance(node.ctx, ast.Load):
            yield node.id
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.alias):
        yield node.asname or node.name.partition(".")[0]
    elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
        yield node.name
    elif isinstance(node, ast.MatchMapping) and node.rest:
        yield node.rest


def _shape(node: Code) -> Shape:
    arguments = node.args
    local = {item.arg for item in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
    local |= {item.arg for item in (arguments.vararg, arguments.kwarg) if item}
    outer: set[str] = set()
    globals_: set[str] = set()
    yields = False
    inside: set[ast.AST] = set()
    binding: list[ast.AST] = []
    for item in _own(node):
        kind = type(item)
        if kind in _BINDING:
            binding.append(item)
        elif kind in _COMPREHENSIONS:
            inside.update(name for part in item.generators for name in walk(part.target))  # type: ignore[attr-defined]
        elif isinstance(item, ast.Global):
            globals_.update(item.names)
        elif isinstance(item, ast.Nonlocal):
            outer.update(item.names)
        elif kind is ast.Yield or kind is ast.YieldFrom:
            yields = True
    for item in binding:
        if item not in inside:
            local.update(bound_in(item))
    return Shape(
        tuple(item.arg for item in (*arguments.posonlyargs, *arguments.args)), len(arguments.posonlyargs),
        tuple(item.arg for item in arguments.kwonlyargs), arguments.vararg.arg if arguments.vararg else "",
        arguments.kwarg.arg if arguments.kwarg else "", frozenset(local - outer - globals_), frozenset(outer),
        frozenset(globals_), yields, isinstance(node, ast.AsyncFunctionDef),
    )


class Frame:
    """The names of one call, class body, comprehension or module, and where it is."""

    __slots__ = ("caught", "function", "info", "kind", "names", "node", "parent", "result", "shape")

    def __init__(self, kind: str, names: dict[str, Any], parent: Frame | None, info: ModuleInfo,
                 function: Function | None = None, shape: Shape | None = None) -> None:
        self.kind, self.names, self.parent, self.info = kind, names, parent, info
        self.function, self.shape = function, shape
        self.node: ast.AST | None = None
        self.result: Any = None
        self.caught: list[BaseException] = []

    @property
    def root(self) -> Frame:
        """The frame of its module."""
        frame = self
        while frame.parent is not None:
            frame = frame.parent
        return frame

    @property
    def called(self) -> Frame | None:
        """The frame of the function that it is in."""
        frame: Frame | None = self
        while frame is not None and frame.kind != "function":
            frame = frame.parent
        return frame


@dataclass(eq=False, slots=True)
class Function:
    """An interpreted function. `owner` holds the class whose body it stands in, once that is made."""

    node: Code
    name: str
    frame: Frame
    defaults: tuple[Any, ...] = ()
    keyword_defaults: dict[str, Any] = field(default_factory=dict)
    owner: list[type] = field(default_factory=list)

    @property
    def info(self) -> ModuleInfo:
        """Its module."""
        return self.frame.info

    @property
    def key(self) -> str:
        """`path::qualified.name`, as the probe writes it."""
        return f"{self.info.source.path}::{self.name.replace('.<locals>', '')}"


def bind(function: Function, shape: Shape, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:  # noqa: C901, PLR0912
    """The local names that a call starts with. Raises TypeError where the arguments do not fit."""
    names: dict[str, Any] = {}
    positional = shape.positional
    if len(args) > len(positional):
        if not shape.rest:
            raise_wrong(function, f"takes {len(positional)} positional arguments but {len(args)} were given")
        names[shape.rest] = tuple(args[len(positional):])
    elif shape.rest:
        names[shape.rest] = ()
    names.update(zip(positional, args, strict=False))
    extra: dict[str, Any] = {}
    for name, value in kwargs.items():
        if name in shape.keyword_only or name in positional[shape.positional_only:]:
            if name in names:
                raise_wrong(function, f"got multiple values for argument '{name}'")
            names[name] = value
        elif shape.keywords:
            extra[name] = value
        else:
            raise_wrong(function, f"got an unexpected keyword argument '{name}'")
    first = len(positional) - len(function.defaults)
    missing = []
    for at, name in enumerate(positional):
        if name not in names:
            if at < first:
                missing.append(name)
            else:
                names[name] = function.defaults[at - first]
    for name in shape.keyword_only:
        if name not in names:
            if name in function.keyword_defaults:
                names[name] = function.keyword_defaults[name]
            else:
                missing.append(name)
    if missing:
        plural = "s" if len(missing) > 1 else ""
        raise_wrong(function, f"missing {len(missing)} required positional argument{plural}: "
                              + " and ".join(f"'{name}'" for name in missing))
    if shape.keywords:
        names[shape.keywords] = extra
    return names


class WrongCall(TypeError):
    """A call that does not fit the signature: a TypeError as Python raises it."""


def raise_wrong(function: Function, what: str) -> None:
    """Raise the TypeError of a call that does not fit."""
    raise WrongCall(f"{function.name}() {what}")


def signature_of(function: Function) -> inspect.Signature:
    """A signature for the doubles of unittest.mock, which bind calls with it; defaults are as they are."""
    shape = shape_of(function.node)
    kinds = inspect.Parameter
    first = len(shape.positional) - len(function.defaults)
    found = [
        kinds(name, kinds.POSITIONAL_ONLY if at < shape.positional_only else kinds.POSITIONAL_OR_KEYWORD,
              default=function.defaults[at - first] if at >= first else kinds.empty)
        for at, name in enumerate(shape.positional)
    ]
    if shape.rest:
        found.append(kinds(shape.rest, kinds.VAR_POSITIONAL))
    found += [kinds(name, kinds.KEYWORD_ONLY, default=function.keyword_defaults.get(name, kinds.empty))
              for name in shape.keyword_only]
    if shape.keywords:
        found.append(kinds(shape.keywords, kinds.VAR_KEYWORD))
    return inspect.Signature(found)


def forget_changed(node: ast.AST, root: Frame, seen: set[ast.AST]) -> None:
    """Take what a function may change of its module's containers and objects as unknown: how far it came is not known.

    It follows calls of functions by name, those of other modules too.
    """
    if node in seen or len(seen) > _MOST_FOLLOWED:
        return
    seen.add(node)
    arguments = getattr(node, "args", None)
    changed = {name.id for item in ast.walk(node) for name in _changed_by(item)}
    if isinstance(arguments, ast.arguments):
        changed |= {item.id for item in (*arguments.defaults, *arguments.kw_defaults) if isinstance(item, ast.Name)}
    for item in ast.walk(node):
        inner = inner_of(held_by(item, root.names))
        if inner is not None:
            forget_changed(inner.node, inner.frame.root, seen)
    for name in changed:
        held = root.names.get(name)
        if isinstance(held, list | dict | set | deque) or is_instance(held):
            root.names[name] = UNKNOWN


_MOST_FOLLOWED = 60


def held_by(item: ast.AST, names: dict[str, Any]) -> Any:
    """What a name, or a name of an interpreted module, stands for; None where it is neither."""
    if isinstance(item, ast.Attribute):
        owner = held_by(item.value, names)
        return vars(owner).get(item.attr) if type(owner) is Module else None
    return names.get(item.id) if isinstance(item, ast.Name) else None


def _changed_by(item: ast.AST) -> Iterator[ast.Name]:
    """The names of what a node stores into, asks a method of, or gives to a call."""
    parts: list[ast.expr] = []
    if isinstance(item, ast.Attribute) or (isinstance(item, ast.Subscript) and not isinstance(item.ctx, ast.Load)):
        parts = [item.value]
    elif isinstance(item, ast.AugAssign):
        parts = [item.target]
    elif isinstance(item, ast.Call):
        parts = [*item.args, *(part.value for part in item.keywords)]
    yield from (part for part in parts if isinstance(part, ast.Name))


def make_host(enter: Any, function: Any) -> Any:
    """A real function that enters the interpreter, so that classes and libraries can hold and call it."""

    def hosted(*args: Any, **kwargs: Any) -> Any:
        return enter(function, args, kwargs)

    return hosted


_HOSTED = make_host(None, None).__code__


def inner_of(value: Any) -> Function | None:
    """The interpreted function behind a real one."""
    if type(value) is types.FunctionType and value.__code__ is _HOSTED:
        cells = dict(zip(_HOSTED.co_freevars, value.__closure__ or (), strict=True))
        found: Function = cells["function"].cell_contents
        return found
    return None


def mark_async(call: Any) -> None:
    """Let the standard library see that a function gives coroutines."""
    call._is_coroutine = getattr(asyncio.coroutines, "_is_coroutine", None)  # noqa: SLF001
    mark = getattr(inspect, "markcoroutinefunction", None)
    if mark is not None:
        mark(call)


__all__ = ["Code", "Frame", "Function", "Module", "Shape", "WrongCall", "bind", "bound_in", "inner_of", "make_host", "mark_async",  # noqa: E501
           "shape_of",
           "signature_of"]
