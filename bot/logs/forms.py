"""What the texts of one service come to: each form of text is looked at once and then found by its folded bytes.

Every look-up here is a short cut of `identify`, `infer` and `may_join`, and gives what they give: two texts share
a form only where all three are bound to treat them alike.
"""

from __future__ import annotations

import re

import msgspec

from bot.domain.base import Fingerprint
from bot.domain.logs import GroupKind, LogEntry
from bot.logs.fingerprint import of_exceptions, of_message, of_request
from bot.logs.grouping import Group
from bot.logs.joining import ending, may_join
from bot.logs.masking import mask, mask_path
from bot.logs.severity import RANK, infer
from bot.logs.tracebacks import GROUP_HEADER, HEADER, parse_tracebacks
from bot.logs.wire import decode_text

NEVER, IF_PLAIN, ALWAYS, STARTS = 0, 1, 2, 3
"""Whether a text could go on with a traceback: not at all, where no severity is known, whatever is known; or
whether it begins one."""

FOLD = bytes.maketrans(b"123456789", b"000000000")
_CLASSES = bytes(
    ord("h") if chr(code) in "0123456789abcdef" else ord("w") if chr(code).isalnum() or code >= 128 or code == 95
    else code if code in b"-.:" else ord(" ") for code in range(256)
)
"""Each byte as its class: h for a hexadecimal digit, w for what else a word is made of."""
_UUID = b"hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh"
_RUN = re.compile(rb"h+")
_LINE = re.compile(r"\", line \d+")
_TAIL = re.compile(r"\n(?=\S)")
_MOST_FORMS = 50_000
_MOST_SHAPES = 5_000
_MOST_KEY = 2_000


class Form(msgspec.Struct, gc=False):
    """A text without a traceback: its group, the rank of the severity that it tells, whether it may join."""

    group: Group
    level: int
    joins: int


class Shape(msgspec.Struct, gc=False):
    """A text with a traceback: its group, how it ends (see `ending`), and how many exceptions it prints.

    `loose` says that more than its frames and its exception's type made the shape, such as the values of a chain.

    `told` is whether its frames say to a focus that it is meant; None until somebody asks.
    """

    index: int
    group: Group
    ends: str
    exceptions: int
    loose: bool
    told: bool | None = None


class Groups:
    """All groups of a scan, by fingerprint, and all shapes by number."""

    def __init__(self) -> None:
        self.by_fingerprint: dict[Fingerprint, Group] = {}
        self.all: list[Group] = []
        self.shapes: list[Shape] = []

    def get(self, fingerprint: Fingerprint, kind: GroupKind, service: str, template: str = "") -> Group:
        """The group of a fingerprint."""
        group = self.by_fingerprint.get(fingerprint)
        if group is None:
            group = Group(len(self.all), fingerprint, kind, service, template)
            self.by_fingerprint[fingerprint] = group
            self.all.append(group)
        return group


def folded(text: str) -> bytes:
    """The text with its digits as zeros: what two texts must share to be looked at once."""
    return text.encode("utf-8", "surrogatepass").translate(FOLD)


def without_ids(key: bytes) -> bytes:
    """Folded text with the length in place of each hexadecimal id that `mask` replaces whatever it consists of.

    That is a UUID, or six or more hexadecimal digits of both kinds, that stand alone. A text that begins with one
    is left alone: whether it begins with a letter decides what else it may be.
    """
    if len(key) > _MOST_KEY:
        return key
    classes = key.translate(_CLASSES)
    start = classes.find(b"hhhhhh")
    if start < 0:
        return key
    pieces: list[bytes] = []
    done = 0
    while start >= 0:
        run = _RUN.match(classes, start)
        end = run.end() if run is not None else start + 6
        if classes.startswith(_UUID, start):
            end = start + 36
        before = classes[start - 1 : start]
        alone = start > 1 and (before == b" " or (before == b":" and classes[start - 2 : start - 1] == b"w"))
        found = key[start:end]
        if alone and classes[end : end + 1] not in (b"w", b"-", b"h") and b"0" in found and found.strip(b"0-"):
            # No text in UTF-8 holds the byte 255.
            pieces += [key[done:start], b"\xff%d\xff" % (end - start)]
            done = end
        start = classes.find(b"hhhhhh", end)
    return b"".join([*pieces, key[done:]]) if pieces else key


class Forms:
    """The forms of one service. `texts` is by folded bytes of JSON strings, `requests` by method, status and path."""

    def __init__(self, service: str, groups: Groups) -> None:
        self._service = service
        self._groups = groups
        self.texts: dict[bytes, Form] = {}
        self.requests: dict[tuple[str, int, bytes], Group] = {}
        self._paths: dict[tuple[str, int, bytes], Group] = {}
        self._ids: dict[bytes, Form] = {}
        self._exact: dict[str, Shape] = {}
        self._shapes: dict[str, Shape] = {}
        self._messages: dict[str, Group] = {}

    def text(self, key: bytes, raw: bytes | str) -> Form:
        """The form of a text by its folded bytes; `raw` is the text or the JSON string of it."""
        alike = without_ids(key)
        form = self._ids.get(alike)
        if form is None:
            text = raw if isinstance(raw, str) else decode_text(raw)
            form = self.form(text)
            if "exit(" in text or len(key) > _MOST_KEY:
                # Of `Container called exit(3)` the number decides, which the folded bytes do not tell.
                return form
            if len(self._ids) >= _MOST_FORMS:
                self._ids.clear()
            self._ids[alike] = form
        if alike is key:
            if len(self.texts) >= _MOST_FORMS:
                self.texts.clear()
            self.texts[key] = form
        return form

    def form(self, text: str) -> Form:
        """The form of a text, looked at in full."""
        if HEADER in text:
            joins = STARTS
        else:
            joins = ALWAYS if may_join(text, plain=False) else IF_PLAIN if may_join(text, plain=True) else NEVER
        return Form(self.message(text), RANK[infer(text)], joins)

    def message(self, text: str) -> Group:
        """The group of a text that is neither a traceback nor a request."""
        template = mask(text.strip())
        group = self._messages.get(template)
        if group is None:
            fingerprint = of_message(self._service, template)
            group = self._messages[template] = self._groups.get(
                fingerprint, GroupKind.MESSAGE, self._service, template
            )
        return group

    def request(self, method: str, url: str, status: int) -> Group:
        """The group of a request."""
        path = mask_path(url)
        fingerprint = of_request(self._service, method, path, status)
        return self._groups.get(fingerprint, GroupKind.REQUEST, self._service, path)

    def requested(self, key: tuple[str, int, bytes], url: msgspec.Raw) -> Group:
        """The group of a request by its folded path, which is remembered; `url` is the whole as JSON."""
        alike = (key[0], key[1], without_ids(key[2]))
        group = self._paths.get(alike)
        if group is None:
            group = self.request(key[0], decode_text(url), key[1])
            if len(self._paths) >= _MOST_FORMS:
                self._paths.clear()
            self._paths[alike] = group
        if alike[2] is key[2]:
            if len(self.requests) >= _MOST_FORMS:
                self.requests.clear()
            self.requests[key] = group
        return group

    def shape(self, text: str) -> Shape:
        """The shape of a text that holds a traceback."""
        key = _shape_key(text)
        shape = self._exact.get(key)
        if shape is None:
            alike = _LINE.sub("", key)
            shape = self._shapes.get(alike)
            if shape is None:
                shape = self._new_shape(text)
                if len(self._shapes) >= _MOST_SHAPES:
                    self._shapes.clear()
                self._shapes[alike] = shape
            if len(self._exact) >= _MOST_SHAPES:
                self._exact.clear()
            self._exact[key] = shape
        return shape

    def _new_shape(self, text: str) -> Shape:
        exceptions = parse_tracebacks(text)
        fingerprint = of_exceptions(self._service, exceptions)
        if fingerprint is None:
            group = self.message(text)
        else:
            group = self._groups.get(fingerprint, GroupKind.TRACEBACK, self._service)
        shape = Shape(
            len(self._groups.shapes), group, ending(text), len(exceptions), loose=value_start(text)[0] < 0
        )
        self._groups.shapes.append(shape)
        return shape

    def of_entry(self, entry: LogEntry) -> Group:
        """The group of an entry that no short cut fits."""
        if HEADER in entry.text:
            shape = self.shape(entry.text)
            if shape.group.is_traceback:
                return shape.group
        if entry.request is not None:
            return self.request(entry.request.method, entry.request.url, entry.request.status)
        return self.message(entry.text)


def value_start(text: str) -> tuple[int, int]:
    """Where the frames of a text's only traceback begin and where its exception's line does; (-1, -1) if unclear."""
    start = text.find(HEADER)
    if start < 0 or GROUP_HEADER in text or text.find(HEADER, start + 1) >= 0:
        return -1, -1
    if text.rfind("\n", 0, start) + 1 != start and not text[:start].rpartition("\n")[2].strip():
        return -1, -1
    tail = _TAIL.search(text, start)
    if tail is None or text.startswith("File \"", tail.end()) or text.find("\n  File \"", start, tail.start()) < 0:
        return -1, -1
    return start, tail.end()


def _shape_key(text: str) -> str:
    """What decides a traceback's shape, but for its line numbers: its frames and its exception's type.

    The exception's value decides nothing where there are frames. Where the text is not that plain, all of it does.
    """
    start, tail = value_start(text)
    if start < 0:
        return text
    line_end = text.find("\n", tail)
    kind, colon, _ = text[tail : line_end if line_end >= 0 else len(text)].partition(":")
    return f"{text[start:tail]}{kind}{colon}"
