"""Static evaluation of calls: constructors, simple functions and methods, async ones where they are awaited."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal

from bot.audit.evaluating.expressions import (
    ABSENT,
    ENVIRON,
    MOST_CALLS,
    MOST_STEPS,
    Expressions,
    Frame,
    GaveUp,
    Raised,
    Returned,
)
from bot.audit.evaluating.library import HARMLESS, LOGGERS, LOGGING, ROUNDINGS, builtin, elements, method
from bot.audit.evaluating.models import fits, is_model, model_field
from bot.audit.evaluating.values import (
    UNKNOWN,
    Box,
    Closure,
    Kind,
    Known,
    Pending,
    Place,
    Problem,
    Several,
    Thing,
    Unknown,
    Value,
    known_or_unknown,
    passed,
    plain,
    truth,
    via,
)
from bot.audit.reading.definitions import ClassInfo, FunctionInfo, field_default, last_name
from bot.audit.reading.flat import every
from bot.audit.reading.references import Bound, function_of
from bot.audit.reading.scope import Scope
from bot.audit.reading.signatures import Parameters, why_not

_RUNNERS = {"asyncio.run", "anyio.run"}
_MUCH, _DOUBTFUL = 120, 5
_OF_ITEMS = {f"builtins.{name}" for name in ("sorted", "min", "max", "map", "filter", "list", "tuple", "set")}
_TYPES: dict[str, type] = {
    **{f"builtins.{kind.__name__}": kind for kind in (str, int, float, bool, bytes, dict, list, tuple, set)},
    **{f"datetime.{kind.__name__}": kind for kind in (date, datetime, timedelta)},
    "decimal.Decimal": Decimal,
}
_READERS = {"os.getenv", "os.environ.get"}


class Calls(Expressions):
    """Evaluates calls. What statements do, `_block` and `_forget`, is the subclass's."""

    def _block(self, body: Iterable[ast.stmt], frame: Frame) -> None:
        raise NotImplementedError

    def _call(self, node: ast.Call, frame: Frame) -> Value:
        dotted = frame.scope.dotted(node.func)
        if dotted in _READERS and node.args:
            return self._read_variable(node, frame)
        if dotted == "builtins.super" or _is_super(node.func):
            return self._super(node, frame)
        arguments, starred = self._arguments(node, frame)
        keywords = {item.arg: self._value(item.value, frame) for item in node.keywords}
        named = {key: value for key, value in keywords.items() if key is not None}
        spread = keywords.get(None)
        if isinstance(spread, Box) and not spread.lost and spread.kind == "dict":
            texts = {key.value: item for key, item in spread.pairs() if isinstance(key, Known)}
            if len(texts) == len(spread.keys):
                named |= {str(key): item for key, item in texts.items()}
                spread = None
        if _is_logging(node.func):
            return Known(None)
        receiver: Value = UNKNOWN
        if isinstance(node.func, ast.Attribute) and not dotted:
            receiver = self._value(node.func.value, frame)
        if receiver is ENVIRON and last_name(node.func) == "get" and node.args:
            return self._read_variable(node, frame)
        return self._called(node, dotted, starred or spread is not None, arguments, keywords, named, receiver, frame)

    def _called(
        self,
        node: ast.Call,
        dotted: str,
        starred: bool,
        arguments: list[Value],
        keywords: dict[str | None, Value],
        named: dict[str, Value],
        receiver: Value,
        frame: Frame,
    ) -> Value:
        known = None
        if not starred:
            known = self._special(node, dotted, arguments, named, receiver, frame)
            known = known or self._known_call(node, receiver, arguments, named, frame)
        if known is not None:
            return known
        if dotted in HARMLESS:
            return UNKNOWN
        if isinstance(receiver, Thing) and _is_assertion(receiver, node):
            receiver = UNKNOWN  # an assertion of unittest changes nothing of the test
        for value in (receiver, *arguments, *keywords.values()):
            self._escape(value)
        return self._doubt()

    def _arguments(self, node: ast.Call, frame: Frame) -> tuple[list[Value], bool]:
        """The values of a call's positional arguments, and whether there may be more than these."""
        found: list[Value] = []
        open_ = False
        for item in node.args:
            value = self._value(item.value if isinstance(item, ast.Starred) else item, frame)
            inner = self._elements(value, frame) if isinstance(item, ast.Starred) else [value]
            open_ = open_ or inner is None
            found += inner if inner is not None else [value]
        return found, open_

    def _read_variable(self, node: ast.Call, frame: Frame) -> Value:
        key = self._value(node.args[0], frame)
        default = self._value(node.args[1], frame) if len(node.args) > 1 else Known(None)
        found = self._variable(str(key.value)) if isinstance(key, Known) else UNKNOWN
        return default if found is ABSENT else found

    def _special(
        self,
        node: ast.Call,
        dotted: str,
        arguments: list[Value],
        named: dict[str, Value],
        receiver: Value,
        frame: Frame,
    ) -> Value | None:
        """Calls of things that are not in the files at hand."""
        runs = isinstance(node.func, ast.Attribute) and node.func.attr == "run_until_complete"
        if (runs or dotted in _RUNNERS) and len(arguments) == 1:
            return self._awaited(arguments[0], frame)
        if dotted == "asyncio.wait_for" and arguments and isinstance(arguments[0], Pending):
            return arguments[0]
        if dotted == "pytest.approx" and len(arguments) == 1 and not named:
            return arguments[0]
        if dotted == "builtins.getattr" and len(arguments) >= 2 and isinstance(arguments[1], Known):
            owner = arguments[0]
            if isinstance(owner, Thing) and str(arguments[1].value) in owner.attributes:
                return self._thing_attribute(owner, str(arguments[1].value), frame)
            return None
        if dotted == "builtins.isinstance" and len(arguments) == 2 and len(node.args) == 2:
            return self._is_instance(arguments[0], node.args[1], arguments[1], frame)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "quantize" and isinstance(receiver, Known):
            return self._quantized(node, receiver, arguments, named, frame)
        if dotted.startswith("builtins.") and (found := self._of_objects(dotted, node, arguments, frame)) is not None:
            return found
        if dotted:
            return self._external_call(dotted, arguments, named, frame)
        plain_method = isinstance(node.func, ast.Attribute) and not named
        return method(receiver, last_name(node.func), arguments) if plain_method else None

    def _external_call(
        self, dotted: str, arguments: list[Value], named: dict[str, Value], frame: Frame
    ) -> Value | None:
        if dotted in _OF_ITEMS and arguments:
            return self._of_items(dotted, arguments, named, frame)
        if dotted in {"dataclasses.replace", "copy.replace"}:
            return self._replaced(arguments, named)
        return builtin(dotted, arguments, named)

    def _of_objects(self, name: str, node: ast.Call, arguments: list[Value], frame: Frame) -> Value | None:
        """What builtins give for objects and classes of the files: `len`, `str`, `bool`, `next`."""
        first = arguments[0] if arguments else UNKNOWN
        if name == "builtins.next" and isinstance(node.args[0] if node.args else None, ast.GeneratorExp):
            items = elements(first)
            if items is not None:
                return items[0] if items else arguments[1] if len(arguments) > 1 else None
        if len(arguments) != 1:
            return None
        if name == "builtins.len" and isinstance(first, Thing | Kind):
            items = self._elements(first, frame)
            return Known(len(items)) if items is not None else self._own_way(first, "__len__", [], frame)
        if name in {"builtins.str", "builtins.repr"} and isinstance(first, Thing):
            return self._own_way(first, f"__{name.removeprefix('builtins.')}__", [], frame)
        if name == "builtins.bool":
            decided = self._truth(first, frame)
            return None if decided is None else Known(decided, via=via(arguments))
        return None

    def _known_call(
        self, node: ast.Call, receiver: Value, arguments: list[Value], named: dict[str, Value], frame: Frame
    ) -> Value | None:
        owner: Thing | Kind | None = None
        value: Value = UNKNOWN
        if isinstance(node.func, ast.Name):
            value = frame.names.get(node.func.id, UNKNOWN)
        elif isinstance(receiver, Thing) and isinstance(node.func, ast.Attribute):
            value = receiver.attributes.get(node.func.attr, UNKNOWN)
        if isinstance(value, Closure):
            return self._call_value(value, arguments, named, frame)
        if isinstance(value, Thing):
            return None if named else self._own_way(value, "__call__", arguments, frame)
        if isinstance(receiver, Thing | Kind) and isinstance(node.func, ast.Attribute):
            name = node.func.attr
            own = isinstance(receiver, Thing) and name in receiver.attributes
            found = None if own or name in self._patched else receiver.cls.method(name)
            target: object = Bound(found) if found is not None else None
            if found is None and isinstance(receiver, Kind) and name not in self._patched:
                target = frame.scope.member(receiver.cls, node.func.attr)
            owner = receiver
        elif isinstance(node.func, ast.Name) and node.func.id in frame.names:
            target = value.cls if isinstance(value, Kind) else None
        else:
            target = frame.scope.resolve(node.func)
        if isinstance(target, ClassInfo):
            return self._construct(target, node, arguments, named, frame)
        return self._call_target(target, owner, arguments, named, frame)

    def _call_target(
        self,
        target: object,
        owner: Thing | Kind | None,
        arguments: list[Value],
        named: dict[str, Value],
        frame: Frame,
    ) -> Value | None:
        """What calling a function or method of the files gives."""
        function = function_of(target) if isinstance(target, Bound | FunctionInfo) else None
        if function is None or not _simple(function):
            return None
        if "classmethod" in function.decorators:
            owner = Kind(owner.cls if owner is not None else function.owner) if function.owner else None
        elif function.owner is not None and not function.is_static and not isinstance(owner, Thing):
            return None
        has_self = owner is not None and not function.is_static
        takes = function.parameters.without_first() if has_self else function.parameters
        bound = self._bind(takes, arguments, named, function, frame)
        if bound is None:
            return None
        if isinstance(function.node, ast.AsyncFunctionDef):
            return Pending(function, owner, bound)
        return self._call_function(function, owner, bound, frame)

    def _bind(
        self,
        takes: Parameters,
        arguments: list[Value],
        named: dict[str, Value],
        function: FunctionInfo | ClassInfo,
        frame: Frame,
    ) -> dict[str, Value] | None:
        any_value = ast.Constant(None)
        call = ast.Call(any_value, [any_value] * len(arguments), [ast.keyword(name, any_value) for name in named])
        if why_not(call, takes):
            return None
        bound = dict(zip((item.name for item in takes.positional), arguments, strict=False))
        if takes.rest:
            bound[takes.rest] = Several(tuple(arguments[len(takes.positional) :]))
        if takes.keywords:
            names = {item.name for item in takes.all}
            extra = {name: value for name, value in named.items() if name not in names}
            bound[takes.keywords] = Box("dict", list(extra.values()), [Known(name) for name in extra])
            named = {name: value for name, value in named.items() if name in names}
        bound |= named
        home = self._home(function.module, frame)
        for item in takes.all:
            if item.name not in bound:
                bound[item.name] = self._value(item.default, home) if item.default is not None else UNKNOWN
                if isinstance(bound[item.name], Box):
                    self._escape(bound[item.name])  # a default that is shared by all calls
        return bound

    def _call_function(
        self, function: FunctionInfo, owner: Thing | Kind | None, bound: dict[str, Value], frame: Frame
    ) -> Value:
        murky = ("murky", function.node)
        if self._calls > MOST_CALLS or function.is_generator or murky in self.program.memo:
            self._lose((*bound.values(), *([owner] if owner is not None else [])))
            return self._doubt()
        steps, doubts = self._steps, self._unsure
        if function.module.product:
            self._entered.add(f"{function.module.source.path}::{function.qualname}")
        names = dict(bound)
        positional = [*function.node.args.posonlyargs, *function.node.args.args]
        if owner is not None and positional and not function.is_static:
            names[positional[0].arg] = owner
        scope = Scope.of(
            self.program, function.module, (*function.outer, function.node), function.owner, frame.scope.replaced
        )
        self._calls += 1
        found: Value = Known(None)
        try:
            self._block(function.node.body, Frame(scope, names))
        except Returned as returned:
            place = Place(function.module.source.path, function.node.lineno, True)
            found = passed(returned.value, place) if function.module.product else returned.value
        except GaveUp:
            if self._steps > MOST_STEPS:
                raise
            self._lose(names.values())
            found = self._doubt()
        finally:
            self._calls -= 1
        if self._steps - steps > _MUCH and self._unsure - doubts > _DOUBTFUL:
            # Long and mostly unknown: it is not looked at again, and what was found this time does not count.
            self.program.memo[murky] = True
            self._lose((*names.values(), found))
            return self._doubt()
        return found

    def _call_value(
        self, value: Value, arguments: list[Value], named: dict[str, Value], frame: Frame
    ) -> Value | None:
        """What calling a lambda or an inner function gives."""
        if not isinstance(value, Closure) or self._calls > MOST_CALLS or value.node in self._free:
            return None
        node, taken = value.node, value.node.args
        if isinstance(node, ast.AsyncFunctionDef) or next(every(node, ast.Yield, ast.YieldFrom), None) is not None:
            return None
        if taken.vararg or taken.kwarg:
            return None
        takes = [*taken.posonlyargs, *taken.args]
        defaults = dict(zip([item.arg for item in takes[::-1]], taken.defaults[::-1], strict=False))
        for item, default in zip(taken.kwonlyargs, taken.kw_defaults, strict=True):
            if default is not None:
                defaults[item.arg] = default
        names = [item.arg for item in (*takes, *taken.kwonlyargs)]
        if len(arguments) > len(takes) or set(named) - set(names):
            return None
        bound = dict(zip(names, arguments, strict=False)) | named
        if any(name not in bound and name not in defaults for name in names):
            return None
        outer = Frame(value.scope, value.names)
        given = {name: bound[name] if name in bound else self._value(defaults[name], outer) for name in names}
        inner = Frame(value.scope, value.names | given)
        self._calls += 1
        try:
            if isinstance(node, ast.Lambda):
                return self._value(node.body, inner)
            self._block(node.body, inner)
        except Returned as returned:
            return returned.value
        except GaveUp:
            if self._steps > MOST_STEPS:
                raise
            self._lose(inner.names.values())
            return self._doubt()
        finally:
            self._calls -= 1
        return Known(None)

    def _own_way(self, owner: Value, name: str, arguments: list[Value], frame: Frame) -> Value | None:
        if not isinstance(owner, Thing) or name in self._patched:
            return None
        function = owner.cls.method(name)
        if function is None or not _simple(function) or isinstance(function.node, ast.AsyncFunctionDef):
            return None
        bound = self._bind(function.parameters.without_first(), arguments, {}, function, frame)
        return None if bound is None else self._call_function(function, owner, bound, frame)

    def _of_items(
        self, name: str, arguments: list[Value], named: dict[str, Value], frame: Frame
    ) -> Value | None:
        """`sorted`, `min` and `max` with a key function, `map` and `filter`; and what takes all of an enumeration."""
        if name in {"builtins.map", "builtins.filter"}:
            return self._mapped(name, arguments, frame)
        items = self._elements(arguments[0], frame) if len(arguments) == 1 else None
        if "key" not in named:
            given = [Box("list", list(items))] if items is not None and isinstance(arguments[0], Kind) else arguments
            return builtin(name, given, named)
        keys = [self._call_value(named["key"], [item], {}, frame) for item in items or ()]
        known = [key for key in keys if key is not None]
        if not items or len(known) != len(keys) or len({plain(key) for key in known}) != len(keys):
            return None  # which of two equal ones comes first is left open
        rest = {key: item for key, item in named.items() if key != "key"}
        places = Box("list", [Several((key, Known(at))) for at, key in enumerate(known)])
        ordered = builtin("builtins.sorted", [places], rest if name.endswith("sorted") else {})
        order = elements(ordered) if ordered is not None else None
        if order is None:
            return None
        at = [pair.items[1].value for pair in order if isinstance(pair, Several) and isinstance(pair.items[1], Known)]
        chosen = [items[place] for place in at if isinstance(place, int)]
        if name.endswith("sorted"):
            return Box("list", chosen)
        return chosen[0 if name.endswith("min") else -1]

    def _mapped(self, name: str, arguments: list[Value], frame: Frame) -> Value | None:
        items = self._elements(arguments[1], frame) if len(arguments) == 2 else None
        if items is None or not isinstance(arguments[0], Closure):
            return None
        found = [self._call_value(arguments[0], [item], {}, frame) or UNKNOWN for item in items]
        if name == "builtins.map":
            return Box("list", found)
        decided = [truth(item) for item in found]
        if None in decided:
            return None
        return Box("list", [item for item, kept in zip(items, decided, strict=True) if kept])

    def _replaced(self, arguments: list[Value], named: dict[str, Value]) -> Value | None:
        """`dataclasses.replace` of an object whose class does no more than keep its fields."""
        old = arguments[0] if arguments else None
        if not isinstance(old, Thing) or old.escaped or len(arguments) != 1 or not old.cls.closed:
            return None
        names = {name for item in old.cls.order if item.is_dataclass for name, _ in item.fields()}
        if not old.cls.is_dataclass or set(named) - names or old.cls.has_own("__post_init__"):
            return None
        if old.cls.has_own("__init__") or set(old.attributes) - names:
            return None
        made = Thing(old.cls, dict(old.attributes) | named)
        self._things.append(made)
        return made

    def _by_value(self, cls: ClassInfo, arguments: list[Value], frame: Frame) -> Value | None:
        """`Status("open")`: the member of this value, or ValueError."""
        if cls.has_own("_missing_") or cls.has_own("__new__") or isinstance(arguments[0], Unknown):
            return None
        members = self._elements(Kind(cls), frame)
        wanted = plain(arguments[0])
        if members is None or wanted is None:
            return None
        for member in members:
            if isinstance(member, Thing) and wanted in {plain(member), plain(member.attributes["value"])}:
                return member
        raise Raised(Problem(("ValueError", "Exception", "BaseException"), UNKNOWN, True))

    def _is_instance(self, value: Value, written: ast.expr, kind: Value, frame: Frame) -> Value:
        parts = written.elts if isinstance(written, ast.Tuple) else [written]
        kinds = kind.items if isinstance(kind, Several) else (kind,)
        answers = [self._is_a(value, part, item, frame) for part, item in zip(parts, kinds, strict=False)]
        if True in answers:
            return Known(True)
        return Known(False) if answers and None not in answers and len(answers) == len(parts) else UNKNOWN

    def _is_a(self, value: Value, written: ast.expr, kind: Value, frame: Frame) -> bool | None:
        dotted = frame.scope.dotted(written)
        if isinstance(value, Known) and dotted in _TYPES:
            return isinstance(value.value, _TYPES[dotted])
        if isinstance(value, Known) and isinstance(kind, Kind) and kind.cls.closed:
            return False
        if isinstance(value, Box | Several) and dotted in {"builtins.list", "builtins.dict", "builtins.tuple"}:
            own = "tuple" if isinstance(value, Several) else value.kind
            return own == dotted.removeprefix("builtins.") if own in {"list", "dict", "set", "tuple"} else None
        if isinstance(value, Thing) and isinstance(kind, Kind):
            if kind.cls in value.cls.order:
                return True
            protocol = any(base in {"Protocol", "ABC"} for item in kind.cls.order for base in item.base_names)
            return False if value.cls.closed and not protocol else None
        if isinstance(value, Thing) and dotted in _TYPES and value.cls.closed and not value.member:
            return False
        return None

    def _quantized(
        self, node: ast.Call, receiver: Known, arguments: list[Value], named: dict[str, Value], frame: Frame
    ) -> Value | None:
        """`Decimal.quantize`, with one of the names of the module `decimal` for the way to round."""
        exponent = arguments[0] if arguments else named.get("exp")
        written = node.args[1] if len(node.args) > 1 else None
        written = next((word.value for word in node.keywords if word.arg == "rounding"), written)
        way = frame.scope.dotted(written).rpartition(".")[2] if written is not None else "ROUND_HALF_EVEN"
        if isinstance(written, ast.Constant):
            way = str(written.value)
        if way not in ROUNDINGS or not isinstance(exponent, Known) or not isinstance(exponent.value, Decimal):
            return None
        if not isinstance(receiver.value, Decimal):
            return None
        try:
            return known_or_unknown(receiver.value.quantize(exponent.value, rounding=way), via((receiver, exponent)))
        except ArithmeticError:
            return None

    def _lose(self, values: Iterable[Value]) -> None:
        """Take what a function was given as changed in any way."""
        for value in values:
            self._escape(value)
            if isinstance(value, Thing):
                value.attributes = dict.fromkeys(value.attributes, UNKNOWN)

    def _super(self, node: ast.Call, frame: Frame) -> Value:
        """`super().method(...)`: the next class that has it; an unknown base may do anything."""
        scope = frame.scope
        first = scope.functions[-1].args.args[:1] if scope.functions else []
        owner = frame.names.get(first[0].arg) if first else None
        arguments, starred = self._arguments(node, frame)
        named = {item.arg: self._value(item.value, frame) for item in node.keywords if item.arg is not None}
        known = isinstance(owner, Thing) and scope.cls in owner.cls.order and not starred
        if known and isinstance(owner, Thing) and isinstance(node.func, ast.Attribute) and scope.cls is not None:
            after = owner.cls.order[owner.cls.order.index(scope.cls) + 1 :]
            for cls in after:
                found = cls.members.get(node.func.attr)
                if isinstance(found, ast.FunctionDef) and len(named) == len(node.keywords):
                    function = FunctionInfo(cls.module, found, cls)
                    bound = self._bind(function.parameters.without_first(), arguments, named, function, frame)
                    if bound is not None and _simple(function):
                        return self._call_function(function, owner, bound, frame)
            if node.func.attr == "__init__" and owner.cls.closed and not after:
                return Known(None)
        for value in (*arguments, *named.values()):
            self._escape(value)
        return self._doubt()

    def _construct(
        self, cls: ClassInfo, node: ast.Call, arguments: list[Value], named: dict[str, Value], frame: Frame
    ) -> Value | None:
        if cls.is_enum:
            return self._by_value(cls, arguments, frame) if len(arguments) == 1 and not named else None
        if is_model(cls):
            return self._model(cls, arguments, named, frame)
        takes = cls.constructor
        if takes is None or self._calls > MOST_CALLS:
            return None
        thing = Thing(cls)
        self._things.append(thing)
        init = cls.method("__init__")
        bound = self._bind(takes, arguments, named, init or cls, frame)
        if bound is None:
            return None
        if init is not None:
            self._call_function(init, thing, bound, frame)
            return thing
        thing.attributes.update(bound)
        given = {*named, *(item.name for item in takes.positional[: len(arguments)])}
        for item in cls.order:
            for name, statement in item.fields() if item.is_dataclass else ():
                if name not in thing.attributes or (name not in given and isinstance(bound.get(name), Unknown)):
                    thing.attributes[name] = self._field(item, statement, frame)
        if (post := cls.method("__post_init__")) is not None:
            self._call_function(post, thing, {}, frame)
        return thing

    def _model(self, cls: ClassInfo, arguments: list[Value], named: dict[str, Value], frame: Frame) -> Value | None:
        """An object of a pydantic model whose fields take exactly what they are given."""
        fields = {name: (item, node) for item in reversed(cls.order) for name, node in item.fields()}
        if arguments or set(named) - set(fields):
            return None
        thing = Thing(cls)
        for name, (item, node) in fields.items():
            default, options = model_field(node)
            value = named.get(name)
            if value is None and default is not None:
                value = self._value(default, self._home(item.module, frame))
            elif value is None and "default_factory" in options:
                value = self._field(item, node, frame)
            elif value is None or not fits(value, node.annotation, options):
                return None
            thing.attributes[name] = value
        self._things.append(thing)
        return thing

    def _field(self, cls: ClassInfo, statement: ast.AnnAssign, frame: Frame) -> Value:
        """A dataclass field's default, made anew where it has a factory."""
        has_default, default, _ = field_default(statement.value)
        home = self._home(cls.module, frame)
        if default is not None:
            return self._value(default, home)
        value = statement.value
        if not has_default or not isinstance(value, ast.Call):
            return UNKNOWN
        factory = next((word.value for word in value.keywords if word.arg == "default_factory"), None)
        if isinstance(factory, ast.Lambda):
            return self._value(factory.body, home)
        return self._call(ast.Call(factory, [], []), home) if factory is not None else UNKNOWN


def _is_assertion(receiver: Thing, node: ast.Call) -> bool:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    return name.startswith("assert") and receiver.cls.method(name) is None


def _is_logging(func: ast.expr) -> bool:
    return isinstance(func, ast.Attribute) and func.attr in LOGGING and last_name(func.value) in LOGGERS


def _is_super(func: ast.expr) -> bool:
    return isinstance(func, ast.Attribute) and isinstance(func.value, ast.Call) and last_name(func.value) == "super"


def _simple(function: FunctionInfo) -> bool:
    return (
        not function.opaque
        and not function.is_generator
        and not function.is_property
        and not function.decorators & {"contextmanager", "asynccontextmanager", "fixture", "overload", "abstractmethod"}
    )
