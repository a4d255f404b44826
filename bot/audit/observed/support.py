"""Whether the words of the implementation speak for what a failed test wanted: its docstrings and comments."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from bot.audit.evaluating.documented import numbers_in
from bot.audit.reading.flat import every
from bot.audit.reading.program import ModuleInfo, Program
from bot.audit.reading.source import FunctionNode
from bot.audit.vacuity.phrases import agree, content, counts_otherwise, says_something, stems, without_codes

_SENTENCE = re.compile(r"(?<=[.;!?])\s+|\n\s*\n|\n\s*[-*]\s")
_LEAST_NUMBER = 4
"""Smaller whole numbers stand in all prose, and say nothing."""
_RUN = 4
"""Words in a row that make a quotation."""
_MOST_SENTENCE = 1_000


class Word(StrEnum):
    """What the words of the implementation say of an expectation."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    SILENT = "silent"


@dataclass(frozen=True)
class Claim:
    """What a test says, and what it wanted and got where it failed (texts; empty when not known).

    `name` is its function's, `prose` what it says besides.
    """

    name: str
    prose: tuple[str, ...] = ()
    expected: str = ""
    actual: str = ""


def judge(program: Program, reached: Iterable[str], claim: Claim) -> tuple[Word, str]:
    """What the prose about reached functions (`path::qualified.name`) says of a test's claim, and in which sentence."""
    entered = tuple(key for key in reached if _of_product(program, key))
    sentences = tuple(dict.fromkeys(_sentences(program, entered)))
    named = [(one, _names(one, claim.expected), _names(one, claim.actual)) for one in sentences]
    speaking = [one for one, wanted, got in named if wanted and not got and not counts_otherwise(claim.name, one)]
    against = [one for one, wanted, got in named if got and not wanted]
    met, sentence = _agreeing(program, entered, sentences, claim)
    if speaking or against:
        # Where each has its sentence, the one that is about what the test is about decides.
        about = {*content(claim.name), *(word for text in claim.prose for word in content(text))}
        found = [max((len(about & set(content(one))) for one in side), default=0) for side in (speaking, against)]
        if found[0] > found[1] or (speaking and not against and _is_name(claim.expected)):
            return Word.SUPPORTED, speaking[0]
        if found[1] and found[1] >= met:
            return Word.CONTRADICTED, against[0]
    return (Word.SUPPORTED, sentence) if met else (Word.SILENT, "")


def _agreeing(program: Program, entered: tuple[str, ...], sentences: tuple[str, ...], claim: Claim,
              ) -> tuple[int, str]:
    """The sentence that says what the test's name, docstring or messages say, and how many words they share; or 0."""
    if _is_stated(program, entered, claim.actual):
        # The product writes this value down: words on the subject that do not name the other one say nothing of it.
        sentences = tuple(one for one in sentences if _names(one, claim.expected))
    known = frozenset(word for key in entered for word in content(key.partition("::")[2]))
    best = 0, ""
    for sentence in sentences:
        shared = agree(claim.name, sentence, known, is_name=True)
        for text in (one for part in claim.prose for one in _SENTENCE.split(part) if one):
            quoted = _quotes(text, sentence) and not counts_otherwise(text, sentence)
            shared = max(shared, _RUN * quoted, agree(text, sentence, frozenset(), is_name=False))
        if shared > best[0]:
            best = shared, sentence
    return best


def _of_product(program: Program, key: str) -> bool:
    module = program.by_path.get(key.partition("::")[0])
    return module is not None and module.product


def _is_stated(program: Program, entered: tuple[str, ...], value: str) -> bool:
    """Whether a plain value, given as Python writes it, is written out in the files of the functions."""
    if not re.fullmatch(r"-?\d+(\.\d+)?|'\w{3,}'", value) or value in {"0", "1", "-1", "2", "0.0", "1.0"}:
        return False
    wanted = ast.literal_eval(value) if not re.match(r"-?0\d", value) else None
    paths = dict.fromkeys(key.partition("::")[0] for key in entered)
    return any(type(node.value) is type(wanted) and node.value == wanted
               for path in paths for node in every(program.by_path[path].source.tree, ast.Constant))


def _quotes(text: str, sentence: str) -> bool:
    """Whether a text repeats a part of a sentence: some words in a row, of which two or more say something."""
    said, theirs = stems(text), stems(sentence)
    runs = {tuple(theirs[at : at + _RUN]) for at in range(len(theirs) - _RUN + 1)}
    return any(run in runs and says_something(set(run)) >= 2
               for at in range(len(said) - _RUN + 1) if (run := tuple(said[at : at + _RUN])))


def _names(sentence: str, value: str) -> bool:
    """Whether a sentence names a value, given as Python writes it, and the value is one that says something."""
    value = value.strip()
    found = re.fullmatch(r"(?:Decimal\(')?(-?\d+(?:\.\d+)?)(?:'\))?", value)
    if found:
        number = float(found[1])
        telling = number >= _LEAST_NUMBER or number != int(number) or number < 0
        return telling and number in numbers_in(without_codes(sentence))
    if _is_name(value):
        return re.search(rf"\b{re.escape(value)}\b", sentence) is not None
    text = re.fullmatch(r"(['\"])(.{4,200})\1", value, re.DOTALL)
    return text is not None and re.search(rf"(?<!\w){re.escape(text[2])}(?!\w)", sentence, re.IGNORECASE) is not None


def _is_name(value: str) -> bool:
    """Whether a value is the name of a class, an exception's say."""
    return re.fullmatch(r"[A-Z]\w{3,}", value) is not None and value not in {"True", "False", "None"}


def _sentences(program: Program, reached: tuple[str, ...]) -> Iterator[str]:
    """The sentences about functions: their docstrings and comments, their classes', and those of their modules."""
    names: dict[str, list[list[str]]] = {}
    for key in reached:
        path, _, name = key.partition("::")
        names.setdefault(path, []).append(name.replace(".<locals>", "").split("."))
    for path, parts in names.items():
        module = program.by_path.get(path)
        if module is not None and module.product:
            for text in _texts(module, parts):
                for sentence in _SENTENCE.split(text):
                    clean = re.sub(r"\s+", " ", sentence).strip()
                    if clean:
                        yield clean[:_MOST_SENTENCE]


def _texts(module: ModuleInfo, names: list[list[str]]) -> Iterator[str]:
    tree = module.source.tree
    spans = [(0, 0)]
    nodes: list[FunctionNode | ast.ClassDef] = [
        *every(tree, ast.FunctionDef), *every(tree, ast.AsyncFunctionDef), *every(tree, ast.ClassDef)]
    for node in nodes:
        above = [item.name for item in module.source.above(node) if isinstance(item, FunctionNode | ast.ClassDef)]
        qualified = [*above[::-1], node.name]
        if any(name[: len(qualified)] == qualified for name in names):
            yield ast.get_docstring(node) or ""
            spans.append((node.lineno, node.end_lineno or node.lineno))
            yield from _told(node)
    yield ast.get_docstring(tree) or ""
    inside = [(node.lineno, node.end_lineno or node.lineno) for node in nodes]
    for line, comment in _comments(module):
        at_top = not any(first <= line <= last for first, last in inside)
        if at_top or any(first <= line <= last for first, last in spans):
            yield comment
    for item in tree.body:
        if isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant) and isinstance(item.value.value, str):
            yield item.value.value


def _told(node: ast.AST) -> Iterator[str]:
    """What code says of itself to users: texts of help, descriptions, docstrings of fields."""
    for word in every(node, ast.keyword):
        if word.arg in {"help", "description", "doc", "help_text"} and isinstance(word.value, ast.Constant):
            yield str(word.value.value)
    if isinstance(node, ast.ClassDef):
        for item in node.body:
            value = item.value if isinstance(item, ast.Expr | ast.Assign) else None
            named = isinstance(item, ast.Expr) or (
                isinstance(item, ast.Assign) and getattr(item.targets[0], "id", "") in {"help", "description"})
            if named and isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield value.value


def _comments(module: ModuleInfo) -> tuple[tuple[int, str], ...]:
    """The comments of a file by line; those on lines that follow each other are one text."""
    key = ("comments", module.source.path)
    if key not in module.program.memo:
        found: list[tuple[int, str]] = []
        try:
            for token in tokenize.generate_tokens(io.StringIO(module.source.text).readline):
                if token.type == tokenize.COMMENT:
                    text = token.string.lstrip("#: ")
                    if found and found[-1][0] + found[-1][1].count("\n") + 1 == token.start[0]:
                        found[-1] = (found[-1][0], f"{found[-1][1]}\n{text}")
                    else:
                        found.append((token.start[0], text))
        except (tokenize.TokenError, SyntaxError):
            pass
        module.program.memo[key] = tuple(found)
    known: tuple[tuple[int, str], ...] = module.program.memo[key]
    return known
