"""What arguments a function takes, and whether a call written in source binds to them."""

from __future__ import annotations

import ast
from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Parameter:
    """One parameter. `default` is its default's expression; `required` also holds for defaults unseen."""

    name: str
    required: bool
    default: ast.expr | None = None
    positional_only: bool = False


@dataclass(frozen=True, eq=False)
class Parameters:
    """A signature without `self`."""

    positional: tuple[Parameter, ...] = ()
    keyword_only: tuple[Parameter, ...] = ()
    rest: str = ""
    keywords: str = ""

    def without_first(self) -> Parameters:
        """The signature of a bound method."""
        if not self.positional:
            return self
        return Parameters(self.positional[1:], self.keyword_only, self.rest, self.keywords)

    @property
    def all(self) -> tuple[Parameter, ...]:
        """Every named parameter."""
        return (*self.positional, *self.keyword_only)


def of_function(arguments: ast.arguments) -> Parameters:
    """The signature that a `def` writes."""
    both = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(both) - len(arguments.defaults))
    defaults += arguments.defaults
    positional = tuple(
        Parameter(item.arg, default is None, default, index < len(arguments.posonlyargs))
        for index, (item, default) in enumerate(zip(both, defaults, strict=True))
    )
    keyword_only = tuple(
        Parameter(item.arg, default is None, default)
        for item, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    )
    rest = arguments.vararg.arg if arguments.vararg else ""
    return Parameters(positional, keyword_only, rest, arguments.kwarg.arg if arguments.kwarg else "")


def why_not(call: ast.Call, takes: Parameters) -> str:
    """Why a call does not bind, as Python's own TypeError puts it; empty when it binds or could.

    `*args` and `**kwargs` in the call may supply anything, so with them only what is too much is wrong.
    """
    starred = any(isinstance(argument, ast.Starred) for argument in call.args)
    spread = any(keyword.arg is None for keyword in call.keywords)
    given = len([argument for argument in call.args if not isinstance(argument, ast.Starred)])
    if given > len(takes.positional) and not takes.rest:
        return f"takes {_count(len(takes.positional), 'positional argument')} but {given} were given"
    by_position = {parameter.name for parameter in takes.positional[:given]}
    accepted = {parameter.name for parameter in takes.all if not parameter.positional_only}
    named = [keyword.arg for keyword in call.keywords if keyword.arg is not None]
    for name in named:
        if name in by_position and name in accepted:
            return f"got multiple values for argument '{name}'"
        if name not in accepted and not takes.keywords:
            return f"got an unexpected keyword argument '{name}'"
    missing = (
        []
        if spread
        else [
            parameter.name
            for parameter in takes.all
            if parameter.required
            and parameter.name not in named
            and parameter.name not in by_position
            and not (starred and parameter in takes.positional)
        ]
    )
    if missing:
        names = ", ".join(f"'{name}'" for name in missing)
        return f"misses {_count(len(missing), 'required argument')}: {names}"
    return ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
