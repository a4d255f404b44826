"""From a revision to the commit that it runs, by a configured rule. No repository is asked here.

What is found is a name that may be a commit: whether the repository has it, the step decides that reads code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TypeAlias

import msgspec

from bot.domain.config import CommitRule

Labels: TypeAlias = tuple[tuple[str, str], ...]

_COMMIT = re.compile(r"[0-9a-f]{7,64}", re.ASCII)
_LONGEST = 300
"""Characters of a name that a configured pattern is let loose on. Cloud Run's revisions have 63, tags 128."""


def commit_of(rule: CommitRule, labels: Labels, revision: str, images: Mapping[str, str]) -> str:
    """Return the commit that an entry ran at, by the first source of the rule that has one; empty if none has.

    `labels` and `revision` are the entry's, `images` the image of each revision (see `images_of`). Only 7 to 64
    lower-case hexadecimal digits are taken for a commit.
    """
    return find_commit(rule, labels, revision, images)[0]


def find_commit(rule: CommitRule, labels: Labels, revision: str, images: Mapping[str, str]) -> tuple[str, str]:
    """As `commit_of`, with the words for where it stood; two empty strings where there is none."""
    for source in rule.sources:
        kind, _, name = source.partition(":")
        if kind == "label":
            found = next((value for key, value in labels if key == name), "")
        elif kind == "revision":
            found = _group(rule.revision_pattern, revision)
        else:
            found = _group(rule.image_pattern, tag_of(images.get(revision, "")))
        if _COMMIT.fullmatch(found):
            return found, _WORDS[kind].format(name)
    return "", ""


_WORDS = {
    "label": "label {} of its log entries",
    "revision": "name of its revision",
    "image": "tag of the image that its revision runs",
}


def sources_in_words(rule: CommitRule) -> str:
    """Say where the rule looks, in its order: `label commit-sha of its log entries, name of its revision`."""
    return ", ".join(_WORDS[kind].format(name) for kind, _, name in (one.partition(":") for one in rule.sources))


def tag_of(image: str) -> str:
    """Return the tag of an image reference, empty if it has none. A digest is no tag.

    `HOST:PORT/PATH:TAG@DIGEST`, as in https://github.com/distribution/reference (reference.go).
    """
    name = image.partition("@")[0].rpartition("/")[2]
    return name.partition(":")[2]


def _group(pattern: str, text: str) -> str:
    match = _compiled(pattern).search(text[:_LONGEST]) if text else None
    return match[1] or "" if match else ""


@lru_cache(maxsize=16)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII)


def images_of(entry: bytes) -> Mapping[str, str]:
    """Return the image of each revision that an audit entry of Cloud Run names; empty for any other entry.

    Of the forms that CreateService, ReplaceService and UpdateService log: a service with a template (v1:
    `spec.template` with `metadata.name` and `spec.containers`; v2: `template` with `revision` and `containers`),
    in the request or the response, and a revision in the response. A template without a name is left out: the
    newest revision that such a response names may still be the one before. Of several containers it is the one
    with ports, which serves. Never raises.
    """
    if b'"protoPayload"' not in entry or b'"image"' not in entry:
        return {}
    try:
        payload = _part(msgspec.json.decode(entry), "protoPayload")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    if payload.get("serviceName", "run.googleapis.com") != "run.googleapis.com":
        return {}
    found: dict[str, str] = {}
    for said in (_part(payload, "request"), _part(payload, "response")):
        for thing in (said, _part(said, "service")):
            for revision in (_part(thing, "spec", "template"), thing):
                _note(found, _part(revision, "metadata").get("name"), _part(revision, "spec").get("containers"))
            template = _part(thing, "template")
            _note(found, template.get("revision"), template.get("containers"))
    return found


def _part(value: object, *names: str) -> dict[str, object]:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _note(found: dict[str, str], name: object, containers: object) -> None:
    listed = [one for one in containers if isinstance(one, dict)] if isinstance(containers, list) else []
    serving = next((one for one in listed if one.get("ports")), listed[0] if listed else {})
    image = serving.get("image")
    if isinstance(name, str) and name and isinstance(image, str) and image:
        found.setdefault(name.rpartition("/")[2], image)
