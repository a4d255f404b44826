"""Pages of records in which every text is hostile: the same elements as with harmless words, and the text as text."""

from __future__ import annotations

import json

import pytest

from bot.domain.evidence import CodeCitation
from bot.domain.logs import LogEntry, Novelty
from bot.domain.record import CycleRecord
from bot.domain.results import FiveWhys, Retrieved
from bot.domain.visible import visible
from bot.logs.entries import entry_from_json
from bot.logs.redact import redact
from bot.reports.site.context import Surroundings
from bot.reports.site.cycle_page import cycle_html
from bot.reports.site.html import Page
from bot.reports.site.material import Material
from bot.reports.site.run_page import overview, row_of, run_pages
from tests.browser.attacks import ON_PAGES
from tests.security.obedient import HARM
from tests.security.shop import SECRET_LINE, SECRETS
from tests.site_pages import Parsed, check_page
from tests.unit.recheck_records import WORKFLOW
from tests.unit.test_markdown import HOSTILE
from tests.unit.whole_records import Say, whole

ATTACKS = tuple(dict.fromkeys(text for text in (*ON_PAGES, *HOSTILE[::3], HARM) if visible(text).strip()))


def always(text: str) -> Say:
    """Says the same in every place, so that what is counted by name does not differ."""
    return lambda place: text


def one_line(say: Say, place: str) -> str:
    """Of how many lines something is made does matter for the form."""
    return " ".join(say(place).splitlines()) or "x"


def entries(made: CycleRecord, say: Say) -> tuple[LogEntry, ...]:
    """The cited entry with one before and one after it, every field of them said by others."""
    retrieved = made.latest(Retrieved)
    assert retrieved is not None
    return tuple(
        entry_from_json(json.dumps({
            "insertId": say("insert id") if number == 1 else f"e{number}", "timestamp": f"2025-11-07T08:00:0{number}Z",
            "severity": "ERROR", "jsonPayload": {"message": one_line(say, "entry"), "logger": say("logger")},
            "trace": say("trace"), "labels": {"instanceId": say("instance")},
            "resource": {"type": "cloud_run_revision", "labels": {
                "service_name": say("service"), "revision_name": say("revision"), "project_id": "p"}},
        }).encode())
        for number in range(3)
    )


def pages(say: Say) -> list[str]:
    """The page of a cycle, then that of its run, and the overview."""
    made = whole(say, Novelty.REGRESSED, cycles=10)
    whys = made.latest(FiveWhys)
    assert whys is not None
    paths = {one.citation.path for why in whys.whys for one in why.citations if isinstance(one.citation, CodeCitation)}
    material = Material(made, Surroundings(entries(made, say)), problems=(say("problem"),),
                        code={path: f"{one_line(say, 'code')}\n" * 9 for path in paths})
    row = row_of(made, WORKFLOW, held=False)
    made_pages = (*run_pages([made], WORKFLOW, False, (say("damage"),)), overview([row], (say("damage"),)))
    return [cycle_html(material, WORKFLOW, False, (1,), ()), *map(text_of, made_pages)]


def text_of(page: Page) -> str:
    return page.content.decode()


PLAIN = [check_page(html) for html in pages(always("a word"))]


def same_form(found: Parsed, usual: Parsed) -> None:
    assert found.odd == []
    assert found.skeleton == usual.skeleton
    assert found.ids == usual.ids


@pytest.mark.parametrize("text", ATTACKS, ids=lambda text: visible(text)[:30])
def test_hostile_text_stays_text(text: str) -> None:
    shown = visible(redact(text))
    for html, usual in zip(pages(always(text)), PLAIN, strict=True):
        found = check_page(html)
        same_form(found, usual)
        assert not {*html} & {"\u202e", "\u2066", "\u200b", "\u2028", "\x1b", "\x00"}
        if "`" not in shown and "\n" not in shown and len(shown) < 60:
            assert any(shown in piece for piece in found.texts), shown
        labels = [label for chart in found.data.values() for label in label_texts(chart)]
        assert all(json.loads(json.dumps(label)) == label for label in labels)


def label_texts(chart: dict[str, object]) -> list[str]:
    series = chart["series"]
    assert isinstance(series, list)
    return [one["label"] for one in series]


def test_the_labels_of_charts_are_given_to_the_script_as_they_are() -> None:
    for text in ("</script><script>x</script>", "<!--", "a & b"):
        html = pages(always(text))[0]
        assert text not in html.partition("<body>")[2].rpartition("<script>")[0]
        assert text in label_texts(check_page(html).data["chart-when"])


def test_no_secret_is_shown() -> None:
    for html in pages(always(SECRET_LINE)):
        assert not [name for name, secret in SECRETS.items() if secret in html]
