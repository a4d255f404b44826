"""Imports: interpreted modules of the program, and stand-ins for all others."""

from __future__ import annotations

import ast
from collections import defaultdict
from typing import Any

from bot.audit.interpret import host
from bot.audit.interpret.calls import Calls
from bot.audit.interpret.frames import Frame, inner_of
from bot.audit.interpret.keeping import Kept, Slots
from bot.audit.interpret.values import CONTAINERS, UNKNOWN, GaveUp, Module, Tool, is_instance, is_interpreted, open_up
from bot.audit.reading.program import Missing, ModuleInfo

_MOST_STATE = 3_000
_IMPORT_STEPS = 60_000
_PLAIN = (str, int, float, bytes, bool, type(None), complex)


class Library(Tool):
    """A module that is not interpreted. What `names` does not hold is unknown."""

    is_changeable = True

    def __init__(self, name: str, machine: Modules) -> None:
        self.__dict__[" name"] = name
        self.__dict__[" machine"] = machine

    def __getattr__(self, name: str) -> Any:
        machine, own = self.__dict__[" machine"], self.__dict__[" name"]
        found = machine.names.get(own, {}).get(name, machine)
        if found is not machine:
            return found
        whole = f"{own}.{name}"
        if whole in machine.program.modules:
            return machine.module(machine.program.modules[whole])
        return machine.library(whole) if whole in machine.names or whole in machine.parents else UNKNOWN


class Modules(Calls):
    """Imports modules, each once, and puts their state back before each run."""

    def set_up(self) -> None:
        """Make the tables; called once."""
        self.names: dict[str, dict[str, Any]] = {name: dict(found) for name, found in host.TABLE.items()}
        self.parents = {name.rpartition(".")[0] for name in self.names if "." in name}
        self.libraries: dict[str, Library] = {}
        self.frames: dict[str, Frame] = {}
        self.modules: dict[str, Module] = {}
        self.kept = Kept()
        self.seen: set[int] = set()
        self.keep: list[Any] = []
        self.reusable = True
        self.leaked = False
        self.makers = set()
        self.imported_steps = 0
        self.undo: list[tuple[Any, str, Any]] = []
        self.touched = True

    def library(self, name: str) -> Library:
        """The stand-in for a module that is not interpreted."""
        if name not in self.libraries:
            self.libraries[name] = Library(name, self)
        return self.libraries[name]

    def module(self, info: ModuleInfo) -> Module:
        """An interpreted module; what its top level gave up at is unknown in it."""
        path = info.source.path
        if path in self.modules:
            return self.modules[path]
        made = self.modules[path] = Module()
        names = made.__dict__
        names["__name__"] = info.name
        frame = self.frames[path] = Frame("module", names, None, info)
        if info.open:
            open_up(made)
        for package in _packages(info):
            if package in self.program.modules:
                self.module(self.program.modules[package])
        steps, depth, doubtful, met = self.steps, self.depth, self.doubtful, self.met
        if not self.importing:
            self.steps = _IMPORT_STEPS
        self.importing += 1
        for node in info.source.tree.body:
            self.depth = 0
            try:
                self.block([node], frame)
            except GaveUp:
                self.spare()
                self.forget(node, frame)
            except BaseException as error:
                if self.over:
                    raise
                self.places = [place for place in self.places if place[0] is not error]
                self.forget(node, frame)
                open_up(made)
        self.importing -= 1
        if not self.importing:
            self.imported_steps += _IMPORT_STEPS - self.steps
            self.steps = steps
        self.depth, self.doubtful, self.met = depth, doubtful, met
        parent = self.program.modules.get(info.name.rpartition(".")[0])
        if parent is not None and parent.source.path in self.modules:
            self.modules[parent.source.path].__dict__.setdefault(info.name.rpartition(".")[2], made)
        return made

    def import_(self, node: Any, frame: Frame) -> None:
        """Execute an import statement."""
        for alias in node.names:
            if isinstance(node, ast.Import):
                name = alias.name if alias.asname else alias.name.partition(".")[0]
                if not alias.asname:
                    self.import_name(alias.name, frame.info.source.path)
                found = self.import_name(name, frame.info.source.path)
                if isinstance(found, Library) and alias.asname:
                    found = self._by_tail(alias, frame) or found
                self.store(alias.asname or name, found, frame)
                continue
            owner = self._origin(node, frame)
            if alias.name == "*":
                self._star(owner, frame)
                continue
            self.store(alias.asname or alias.name, self.imported(owner, alias.name), frame)

    def imported(self, owner: Any, name: str) -> Any:
        """What `from owner import name` gives."""
        if owner is UNKNOWN:
            return UNKNOWN
        if isinstance(owner, Module):
            if name in owner.__dict__:
                return owner.__dict__[name]
            info = next(item.info for path, item in self.frames.items() if self.modules[path] is owner)
            below = self.program.modules.get(f"{info.name}.{name}")
            return self.module(below) if below is not None else UNKNOWN
        return getattr(owner, name)

    def import_name(self, name: str, near: str = "") -> Any:
        """What `import name` leads to."""
        found = self.program.find(name, near)
        if isinstance(found, ModuleInfo):
            return self.module(found)
        return self.library(name) if not isinstance(found, Missing) else UNKNOWN

    def _by_tail(self, alias: ast.alias, frame: Frame) -> Any:
        found = self.program.imported(alias) if alias in self.program._aliases else None  # noqa: SLF001
        return self.module(found) if isinstance(found, ModuleInfo) else None

    def _origin(self, node: ast.ImportFrom, frame: Frame) -> Any:
        base, info = node.module or "", frame.info
        if node.level:
            parts = info.package.split(".") if info.package else []
            parts = parts[: len(parts) - node.level + 1]
            base = ".".join([*parts, *([base] if base else [])])
            found = self.program.modules.get(base)
            return self.module(found) if found is not None else UNKNOWN
        target = self.program.find(base, info.source.path)
        if not isinstance(target, ModuleInfo) and not info.product:
            tail = self.program.by_tail(base, tuple(item.name for item in node.names))
            if tail is not None:
                return self.module(tail)
        return self.import_name(base, info.source.path)

    def _star(self, owner: Any, frame: Frame) -> None:
        if isinstance(owner, Module):
            wanted = owner.__dict__.get("__all__")
            for name, value in list(owner.__dict__.items()):
                if (name in wanted) if isinstance(wanted, list | tuple) else not name.startswith((" ", "_")):
                    frame.names[name] = value
            if " open" not in owner.__dict__:
                return
        frame.root.names[" open"] = True

    # state

    def changed_object(self, owner: Any, name: str) -> None:
        """Note what a module's or class's attribute was, before it changes."""
        if isinstance(owner, Module | Library) or is_interpreted(owner):
            self.undo.append((owner, name, vars(owner).get(name, self)))

    def changed_module(self, frame: Frame, name: str) -> None:
        """Note what a global name was, before it changes."""
        if not self.importing:
            self.undo.append((frame.names, name, frame.names.get(name, self)))

    def put_back(self) -> None:
        """Put the state of all modules back as it was after their import, if anything ran since it was put back."""
        if not self.touched:
            return
        self.touched = False
        for owner, name, old in reversed(self.undo):
            if isinstance(owner, dict):
                owner.pop(name, None) if old is self else owner.__setitem__(name, old)
            elif isinstance(owner, Module | Library):
                vars(owner).pop(name, None) if old is self else vars(owner).__setitem__(name, old)
            elif old is not self:
                type.__setattr__(owner, name, old)
            elif name in vars(owner):
                type.__delattr__(owner, name)
        self.undo.clear()
        self.kept.put_back()

    def remember(self) -> bool:  # noqa: C901, PLR0912
        """Note all that a test could change in place; whether that is all there is."""
        stack: list[Any] = [module.__dict__ for module in self.modules.values()]
        while stack:
            value = stack.pop()
            if isinstance(value, _PLAIN) or id(value) in self.seen or value is UNKNOWN:
                continue
            if value is self:
                continue
            self.seen.add(id(value))
            self.keep.append(value)
            if len(self.seen) > _MOST_STATE * 4:
                return False
            if isinstance(value, CONTAINERS) and not is_instance(value):
                if isinstance(value, list | dict | set) or type(value).__name__ == "deque":
                    plain = (list, dict, set, defaultdict)
                    is_globals = isinstance(value, dict) and "__name__" in value
                    if not is_globals:
                        self.kept.add(value, type(value)(value) if type(value) in plain[:3] else
                                      dict(dict.items(value)) if isinstance(value, dict) else list(value))
                stack.extend([*dict.keys(value), *dict.values(value)] if isinstance(value, dict) else value)
            elif is_interpreted(value):
                stack.extend(item for name, item in vars(value).items() if not name.startswith("__dataclass")
                             and name != "_interpreted")
            elif is_instance(value):
                if not hasattr(value, "__dict__"):
                    names = [name for cls in type(value).__mro__ for name in _slots(cls)]
                    held = Slots((name, object.__getattribute__(value, name)) for name in names if hasattr(value, name))
                    self.kept.add(value, held)
                    stack.extend(held.values())
                elif not hasattr(type(value), "_value2member_map_"):
                    stack.append(value.__dict__)
            elif (inner := inner_of(value)) is not None:
                stack += [*inner.defaults, *inner.keyword_defaults.values(), value.__dict__]
                if inner.frame.kind == "function":
                    stack.append(inner.frame.names)
            elif hasattr(type(value), "cache_clear"):
                self.kept.add(value, None)
            elif isinstance(value, staticmethod | classmethod):
                stack.append(value.__func__)
            elif isinstance(value, property):
                stack += [value.fget, value.fset]
            elif isinstance(value, Tool) and not isinstance(value, Library) and "machine" not in vars(value):
                stack.append(vars(value))
            elif type(value).__name__ in {"count", "cycle", "generator",
                                          "Lock", "Event", "Queue", "Semaphore", "ContextVar", "Random",
                                          "StringIO", "BytesIO",
                                          "Condition", "MagicMock", "Mock", "AsyncMock"}:
                return False
        return True


def _slots(cls: type) -> tuple[str, ...]:
    found = vars(cls).get("__slots__", ())
    return (found,) if isinstance(found, str) else tuple(found)


def _packages(info: ModuleInfo) -> list[str]:
    """The packages around a module, the outermost first: they are imported before it."""
    parts = info.name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts))]
