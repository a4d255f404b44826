from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.domain.config import CommitRule
from bot.logs.commits import commit_of, find_commit, images_of, sources_in_words, tag_of

SHA = "5f0c1e9ab34d77e2c1a08b6f9d2e4c7a1b3d5e60"
EVERY = CommitRule(sources=("label:commit-sha", "revision", "image"))


def test_the_first_source_that_has_a_commit_decides() -> None:
    labels, revision = (("commit-sha", SHA),), "ferry-g1a2b3c4"
    images = {revision: "europe-docker.pkg.dev/p/r/ferry:9f8e7d6"}
    assert find_commit(EVERY, labels, revision, images) == (SHA, "label commit-sha of its log entries")
    assert find_commit(EVERY, (), revision, images) == ("1a2b3c4", "name of its revision")
    other = {"ferry-00007-xyz": images[revision]}
    assert find_commit(EVERY, (), "ferry-00007-xyz", other) == ("9f8e7d6", "tag of the image that its revision runs")
    turned = CommitRule(sources=("image", "label:commit-sha"))
    assert commit_of(turned, labels, revision, images) == "9f8e7d6"
    assert find_commit(EVERY, (), "", {}) == ("", "")


def test_only_the_configured_sources_are_asked() -> None:
    labels, revision = (("commit-sha", "main"), ("sha", SHA)), "ferry-1a2b3c4"
    assert commit_of(CommitRule(), labels, revision, {revision: "ferry:9f8e7d6"}) == ""
    assert commit_of(CommitRule(sources=("label:sha",)), labels, revision, {}) == SHA


@pytest.mark.parametrize("name", ["main", "HEAD~3", "v1.2.3", "abc123", SHA.upper(), f"{SHA}\n", "a" * 65, f" {SHA}"])
def test_what_is_no_commit_name_is_never_given(name: str) -> None:
    rule = EVERY.model_copy(update={"revision_pattern": "(?s)(.+)", "image_pattern": "(?s)(.+)"})
    assert commit_of(rule, (("commit-sha", name),), name, {name: f"ferry:{name}"}) == ""


@pytest.mark.parametrize(
    ("revision", "commit"),
    [
        ("ferry-1a2b3c4", "1a2b3c4"),
        (f"ferry-{SHA}", SHA),
        ("ferry-00012-g1a2b3c4", "1a2b3c4"),
        ("ferry-00012-abc", ""),
        ("ferry", ""),
        ("deadbeefcafe", ""),
    ],
)
def test_a_commit_in_the_name_of_a_revision(revision: str, commit: str) -> None:
    assert commit_of(CommitRule(sources=("revision",)), (), revision, {}) == commit


@pytest.mark.parametrize(
    ("image", "tag", "commit"),
    [
        ("europe-docker.pkg.dev/p/r/ferry:1a2b3c4", "1a2b3c4", "1a2b3c4"),
        ("gcr.io/p/ferry:v1.4.2-3-g1a2b3c4", "v1.4.2-3-g1a2b3c4", "1a2b3c4"),
        ("gcr.io/p/ferry:sha-1a2b3c4", "sha-1a2b3c4", "1a2b3c4"),
        (f"localhost:5000/ferry:main-{SHA}@sha256:{'0' * 64}", f"main-{SHA}", SHA),
        ("localhost:5000/ferry", "", ""),
        (f"gcr.io/p/ferry@sha256:{'a' * 64}", "", ""),
        ("gcr.io/p/ferry:latest", "latest", ""),
        ("gcr.io/p/ferry:v1.4.2", "v1.4.2", ""),
        ("", "", ""),
    ],
)
def test_a_commit_in_the_tag_of_an_image(image: str, tag: str, commit: str) -> None:
    assert tag_of(image) == tag
    assert commit_of(CommitRule(sources=("image",)), (), "ferry-00012-abc", {"ferry-00012-abc": image}) == commit


def test_a_pattern_of_ones_own() -> None:
    rule = CommitRule(sources=("revision",), revision_pattern=r"^r([0-9a-f]+)x$")
    assert commit_of(rule, (), "r1a2b3c4x", {}) == "1a2b3c4"


@pytest.mark.parametrize("fields", [
    {"sources": ()}, {"sources": ("label:",)}, {"sources": ("tag",)}, {"revision_pattern": "("},
    {"revision_pattern": "[0-9a-f]+"}, {"image_pattern": "(a)(b)"},
])
def test_a_rule_that_cannot_work_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CommitRule(**fields)


def test_the_rule_in_words() -> None:
    assert sources_in_words(EVERY) == (
        "label commit-sha of its log entries, name of its revision, tag of the image that its revision runs"
    )


def audit(**payload: Any) -> bytes:
    return json.dumps({"insertId": "a", "protoPayload": {"serviceName": "run.googleapis.com", **payload}}).encode()


def template(name: str, *containers: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"containers": list(containers)}}


SIDECAR, MAIN = {"image": "gcr.io/p/proxy:9"}, {"image": "gcr.io/p/ferry:1a2b3c4", "ports": [{"containerPort": 80}]}


@pytest.mark.parametrize(
    "payload",
    [
        {"request": {"service": {"spec": {"template": template("ferry-7", MAIN)}}}},
        {"request": {"service": {"spec": {"template": template("ferry-7", SIDECAR, MAIN)}}}},
        {"request": {"spec": {"template": template("ferry-7", MAIN)}}},
        {"response": {"spec": {"template": template("ferry-7", MAIN)}}},
        {"response": {"kind": "Revision", **template("ferry-7", MAIN)}},
        {"request": {"service": {"template": {"revision": "ferry-7", "containers": [MAIN]}}}},
        {"response": {"template": {"revision": "projects/p/locations/l/services/s/revisions/ferry-7",
                                   "containers": [MAIN]}}},
    ],
)
def test_an_audit_entry_names_the_image_of_a_revision(payload: dict[str, Any]) -> None:
    assert images_of(audit(**payload)) == {"ferry-7": "gcr.io/p/ferry:1a2b3c4"}


@pytest.mark.parametrize(
    "entry",
    [
        audit(request={"service": {"spec": {"template": {"spec": {"containers": [MAIN]}}}}},
              response={"status": {"latestCreatedRevisionName": "ferry-6"}}),
        audit(serviceName="container.googleapis.com", request={"spec": {"template": template("ferry-7", MAIN)}}),
        b'{"textPayload": "\\"protoPayload\\" \\"image\\""}',
        b'{"protoPayload": {"image"',
        b'"protoPayload" "image" \xff',
        b'{"protoPayload": ' + b'{"image":' * 100_000,
    ],
)
def test_what_names_no_image_gives_none(entry: bytes) -> None:
    assert images_of(entry) == {}


FIELDS = ("service", "spec", "template", "metadata", "name", "containers", "image", "revision", "ports")
json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(FIELDS), inner, max_size=4,
    ),
    max_leaves=12,
)


@given(json_values, json_values)
def test_any_value_in_an_audit_entry_is_borne(request: object, response: object) -> None:
    entry = json.dumps({"protoPayload": {"request": request, "response": response, "x": "", "image": 1}}).encode()
    for revision, image in images_of(entry).items():
        assert isinstance(revision, str)
        assert isinstance(image, str)
