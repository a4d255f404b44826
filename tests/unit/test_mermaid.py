"""Pictures in Mermaid: what they show, and that no text can make them show or do anything else."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.domain.evidence import CheckedCitation, LogCitation, Support, Suspect
from bot.domain.logs import RevisionLife, RevisionSeen
from bot.domain.record import CycleRecord, CycleStatus, Decision, StepStatus
from bot.domain.results import FiveWhys, Retrieved
from bot.reports.mermaid import (
    causal_chain,
    course_path,
    incident_timeline,
    occurrences_by_revision,
    run_picture,
)
from bot.reports.mermaid.grammar import is_drawing
from bot.reports.mermaid.labels import MOST_TEXT, label
from bot.reports.run_lines import lines_of
from tests.unit.recheck_records import WORKFLOW
from tests.unit.run_records import ten_cycles
from tests.unit.whole_records import Say, plainly, whole

HOSTILE = (
    '"]; click w1 "javascript:alert(1)"', '"]:::cause', "%%{init: {'securityLevel': 'loose'}}%%", "%% a comment",
    'w1["x"]\nw2["y"]', "`code`", "`**bold**`", "**bold** _em_ __init__ ~~no~~", "<br/>",
    "<img src=x onerror=alert(1)>",
    "&lt;b&gt; &#60; #lt; #60;", "ﬂ°lt¶ß ﬂ°°60¶ß", "end", "click a href b", "style w1 fill:#f00;",
    "classDef x fill:#f;",
    "http://evil.example www.evil.example a@b.example mailto:a@b", "$$x^2$$ fa:fa-car", "1. one", "- one", "+ one",
    "# head", "> quote", "===", "---", "| a | b |", "a\r\nb\tc", "\u202egnp.exe", "\u200b\u2060\ufeff", "\x00\x1b[2J",
    "{{ config }} ${{ github.token }}", "x" * 5_000, "a/" * 900, "x@{ shape: circle }", "crit, 2025-01-01, 1d",
    "section x", "title x", "```\n</script>", "漢字 मनीष é 😀", "accTitle: x", "x --> y", "]", "\\n\\\"", "",
)


def inside(picture: str) -> list[str]:
    """The lines between the fences, which are there and nowhere else."""
    first, *lines, last = picture.split("\n")
    assert (first, last) == ("```mermaid", "```")
    assert not any(line.startswith(("```", "~~~")) for line in lines)
    return lines


def pictures(made: CycleRecord) -> list[str]:
    """All that can be drawn of a cycle."""
    whys, retrieved = made.latest(FiveWhys), made.latest(Retrieved)
    assert whys is not None
    assert retrieved is not None
    return [causal_chain(whys), incident_timeline(retrieved), incident_timeline(retrieved, made),
            course_path(made, WORKFLOW), occurrences_by_revision(retrieved), run_picture(lines_of([made], WORKFLOW))]


def nodes(picture: str) -> dict[str, str]:
    """The nodes of a flowchart, and what stands in them."""
    return dict(re.findall(r'^    (\w+)[(\[/]*"(.*)"[)\]/]*$', picture, re.MULTILINE))


def edges(picture: str) -> set[tuple[str, str, str, str]]:
    """From, arrow, what stands at it, to."""
    return set(re.findall(r'^    (\w+) ([-=.>]+)(?:\|"(.*)"\|)? (\w+)$', picture, re.MULTILINE))


@pytest.mark.parametrize("text", HOSTILE, ids=[ascii(text)[:40] for text in HOSTILE])
def test_no_text_breaks_a_picture(text: str) -> None:
    for picture in pictures(whole(lambda _place: text)):
        assert is_drawing(inside(picture)), picture
        assert len(picture) < MOST_TEXT


@given(st.text(st.characters(), max_size=300))
@example('"]; click w1 call x()')
@settings(max_examples=100, deadline=None)
def test_a_label_holds_nothing_that_is_read(text: str) -> None:
    shown = label(text)
    assert is_drawing(["flowchart TD", f'    a["{shown}"]', f'    a -->|"{shown}"| b'])
    assert is_drawing(["xychart-beta horizontal", f'    x-axis ["{shown}"]'])
    assert is_drawing(["gantt", f"    title {shown}"])
    assert not re.search(r"""["'`#;:<>&{}\[\]\\|$@*~\n\r\t]|%%|www\.|(?<!\w)_|_(?!\w)|^[-+=]|^\d+[.)]""", shown)
    assert all(unicodedata.category(one)[0] != "C" for one in shown)
    assert 0 < len(shown) <= 400


@given(st.text(st.sampled_from("abc é漢,.-/ _9()!?+=^"), min_size=1, max_size=30))
def test_a_plain_text_stands_as_it_is(text: str) -> None:
    """But for marks that would mean something at its beginning or at the edge of a word."""
    def plain(one: str) -> str:
        return re.sub(r"[-+=_.)−＋＝＿․）]", "", " ".join(one.split()))

    assert plain(label(text)) == (plain(text) or ("–" if not text.strip() else ""))


def test_a_label_shows_what_looks_like_it() -> None:
    assert label('TypeError: "x" <y> [0] {a} a_b __init__ 5% `c`') == (
        "TypeError∶ ”x” ‹y› ［0］ ｛a｝ a_b ＿＿init＿＿ 5% ˋcˋ")
    assert label("a" * 100) == " ".join(("a" * 36, "a" * 36, "a" * 28))
    assert label("shop/services/orders/placing/of/orders.py") == "shop/services/orders/placing/of/ orders.py"
    assert label("word " * 100, 12) == "word word w…"


def test_secrets_are_taken_out() -> None:
    secret = "ghp_" + "Zx9Yw8Vu7Ts6Rq5Po4Nm3Lk2Ji1Hg0FeDcBa"
    for picture in pictures(whole(lambda place: f"{place} {secret}")):
        assert secret not in picture


FORGED = (
    '    w1["x"] --> w2', '    click w1 "https://evil.example"', "    style w1 fill:#f00", "    %% comment",
    'w1["x"]',
    "    %%{init: {}}%%", '    w1["<b>"]', "    w1[x]", '    w1@{ img: "x" }', "    linkStyle 0 stroke:#f00",
    "    classDef x fill:url(x)", "    subgraph x", '    w1["a"]\n    w2["b"]', '    w1["http://x"]', "    href x",
    '    a --> b & c', '    w1["`x`"]', "```", "", '    a["x"]:::y', "    accDescr { x }", '    w1["#60;"]',
)


@pytest.mark.parametrize("line", FORGED)
@pytest.mark.parametrize("kind", ["flowchart TD", "flowchart LR", "gantt", "xychart-beta horizontal"])
def test_nothing_else_is_a_drawing(line: str, kind: str) -> None:
    assert not is_drawing([kind, "    accTitle: A picture", line])


@pytest.mark.parametrize("kind", ["graph TD", "flowchart RL", "timeline", "---", "pie", "", "gantt "])
def test_no_other_kind_is_a_drawing(kind: str) -> None:
    assert not is_drawing([kind, "    accTitle: A picture"])
    assert not is_drawing([kind])


# What they show


def test_the_chain_has_every_why_with_its_quotes() -> None:
    whys = whole().latest(FiveWhys)
    assert whys is not None
    drawn = causal_chain(whys)
    assert nodes(drawn) == {
        "w1": "Why 1, cited: the first why", "w1c1": "log entry the insert id: the quote of a log",
        "w1c2": "shop/till.py:5: the quote of code", "w2": "Why 2, unproven: the second why",
        "w2c1": "shop/till.py:5: the quote of code", "cause": "Root cause, cited: the root cause",
        "s1": "shop/till.py∶∶the function",
    }
    assert edges(drawn) == {
        ("w1", "-->", "because", "w2"), ("w1", "---", "", "w1c1"), ("w1", "-.-", "does not hold", "w1c2"),
        ("w2", "-.-", "does not hold", "w2c1"), ("w2", "==>", "", "cause"), ("cause", "---", "", "s1"),
    }
    assert "    class w1c2,w2,w2c1 unproven" in drawn
    assert "    class cause cause" in drawn


def test_an_unproven_cause_is_dashed_and_no_cause_is_not_there() -> None:
    whys = whole().latest(FiveWhys)
    assert whys is not None
    assert whys.root_cause is not None
    unproven = whys.model_copy(update={"root_cause": whys.root_cause.model_copy(update={"support": Support.UNPROVEN})})
    assert ("w2", "-.->", "", "cause") in edges(causal_chain(unproven))
    assert "class w1c2,w2,w2c1,cause unproven" in causal_chain(unproven)
    assert "cause" not in nodes(causal_chain(whys.model_copy(update={"root_cause": None})))
    assert causal_chain(whys.model_copy(update={"whys": (), "root_cause": None})) == ""


def test_of_many_quotes_the_first_are_drawn() -> None:
    whys = whole().latest(FiveWhys)
    assert whys is not None
    assert whys.root_cause is not None
    quotes = tuple(CheckedCitation(citation=LogCitation(insert_id=f"id{number}", quote="x" * 400), holds=True)
                   for number in range(300))
    many = whys.model_copy(update={
        "whys": tuple(why.model_copy(update={"citations": quotes, "statement": "x" * 1_200}) for why in whys.whys) * 9,
        "root_cause": whys.root_cause.model_copy(
            update={"suspects": (Suspect(path="a.py", function="f"),) * 300}),
    })
    drawn = causal_chain(many)
    assert nodes(drawn)["w1more"] == "and 296 more"
    assert is_drawing(inside(drawn))
    assert len(drawn) < MOST_TEXT


def test_the_timeline_has_revisions_the_incident_its_peak_and_the_cycle() -> None:
    made = whole()
    retrieved = made.latest(Retrieved)
    assert retrieved is not None
    drawn = inside(incident_timeline(retrieved, made))
    assert drawn[2] == "    title 2025-11-07 07∶58∶00 to 2025-11-07 08∶24∶02, UTC"
    assert drawn[6:] == [
        "    section Revisions",
        "        revision the first revision :2025-11-07T07:58:00.000, 2025-11-07T08:12:00.000",
        "        revision the second revision :2025-11-07T08:04:00.000, 2025-11-07T08:12:00.000",
        "    section Incident",
        "        12 entries :crit, 2025-11-07T08:00:00.000, 2025-11-07T08:10:00.000",
        # The third sixth of fourteen minutes.
        "        the most, 9 entries :active, 2025-11-07T08:02:40.000, 2025-11-07T08:05:00.000",
        "    section Cycle",
        "        cycle began :milestone, 2025-11-07T08:15:00.000, 0ms",
        "        fix proposed :milestone, 2025-11-07T08:24:02.000, 0ms",
    ]
    assert "section Cycle" not in incident_timeline(retrieved)
    much_later = made.model_copy(update={"created_at": made.created_at.replace(year=2026)})
    assert "cycle began" not in incident_timeline(retrieved, much_later)


def test_older_records_have_a_shorter_timeline_and_no_bars() -> None:
    retrieved = whole().latest(Retrieved)
    assert retrieved is not None
    winner = retrieved.selection.winner
    assert winner is not None
    old = winner.incident.model_copy(update={"by_revision": ()})
    older = retrieved.model_copy(update={
        "read_from": "", "read_until": "", "revisions": (),
        "selection": retrieved.selection.model_copy(update={"winner": winner.model_copy(update={"incident": old})}),
    })
    assert [line.strip() for line in inside(incident_timeline(older))][7:] == [
        "12 entries :crit, 2025-11-07T08:00:00.000, 2025-11-07T08:10:00.000"]
    assert occurrences_by_revision(older) == ""
    nothing = retrieved.model_copy(update={"selection": retrieved.selection.model_copy(update={"winner": None})})
    assert incident_timeline(nothing) == occurrences_by_revision(nothing) == ""


def with_incident(retrieved: Retrieved, **changes: object) -> Retrieved:
    winner = retrieved.selection.winner
    assert winner is not None
    changed = winner.model_copy(update={"incident": winner.incident.model_copy(update=changes)})
    return retrieved.model_copy(update={"selection": retrieved.selection.model_copy(update={"winner": changed})})


def test_times_that_cannot_be_read_are_left_out() -> None:
    retrieved = whole().latest(Retrieved)
    assert retrieved is not None
    assert incident_timeline(with_incident(retrieved, first_seen="yesterday")) == ""
    life = RevisionLife(service="shop", revision="r", first_seen="x", last_seen="y")
    assert "section Revisions" not in incident_timeline(retrieved.model_copy(update={"revisions": (life,)}))


def seen(revision: str, count: int, service: str = "shop") -> RevisionSeen:
    return RevisionSeen(service=service, revision=revision, count=count, first_seen="2025-11-07T08:00:00Z",
                        last_seen="2025-11-07T08:10:00Z", timeline=(count,))


def test_each_revision_has_a_bar() -> None:
    retrieved = whole().latest(Retrieved)
    assert retrieved is not None
    assert inside(occurrences_by_revision(retrieved))[2:] == [
        '    x-axis ["the first revision", "the second revision"]', '    y-axis "entries" 0 --> 8', "    bar [8, 4]"]
    two = with_incident(retrieved, by_revision=(seen("r1", 1), seen("r1", 2, "till")))
    assert '    x-axis ["shop/r1", "till/r1"]' in inside(occurrences_by_revision(two))


def test_of_many_revisions_those_with_the_most_entries_are_shown() -> None:
    retrieved = whole().latest(Retrieved)
    assert retrieved is not None
    every = tuple(seen(f"{'x' * 100}-r{number:05d}", 1 + number % 50) for number in range(5_000))
    drawn = occurrences_by_revision(with_incident(retrieved, by_revision=every))
    bars = next(line for line in inside(drawn) if line.startswith("    bar"))
    counts = [int(count) for count in re.findall(r"\d+", bars)]
    assert counts == [50] * 12 + [sum(one.count for one in every) - 600]
    assert '"4,988 others"' in drawn
    assert '"…xxxxxxxxxxxxxxxx-r00049"' in drawn, "what tells revisions apart stands at the end"
    lives = tuple(RevisionLife(service="s", revision=one.revision, first_seen=one.first_seen, last_seen=one.last_seen)
                  for one in every)
    assert incident_timeline(retrieved.model_copy(update={"revisions": lives})).count("revision …x") == 12
    assert is_drawing(inside(incident_timeline(retrieved.model_copy(update={"revisions": lives}))))


def test_the_way_goes_from_step_to_step_and_back_where_it_was_held() -> None:
    rejected = ten_cycles()[2]
    drawn = course_path(rejected, WORKFLOW)
    assert nodes(drawn)["step_write_tests"] == "Step 3: Write the tests, 3 attempts"
    assert nodes(drawn)["over"] == "ended: tests rejected"
    assert edges(drawn) == {
        ("step_retrieve", "-->", "", "step_five_whys"), ("step_five_whys", "-->", "", "step_plan"),
        ("step_plan", "-->", "", "step_file_issue"), ("step_file_issue", "-->", "", "step_write_tests"),
        ("step_write_tests", "-->", "", "step_audit"), ("step_audit", "-.->", "HOLD, attempt 1, 2", "step_write_tests"),
        ("step_audit", "-->", "HOLD, attempt 3", "over"),
    }


def test_a_step_that_failed_and_a_cycle_that_is_not_over_say_so() -> None:
    drawn = course_path(ten_cycles()[7], WORKFLOW)
    assert ("step_run_tests", "-.->", "failed, 1 time", "step_run_tests") in edges(drawn)
    paused = course_path(ten_cycles()[9], WORKFLOW)
    assert nodes(paused)["over"] == "paused: The budget of the cycle (5.00 USD) is spent."
    assert nodes(course_path(ten_cycles(last="running")[9], WORKFLOW))["over"] == "not ended yet"
    assert course_path(whole().model_copy(update={"steps": ()}), WORKFLOW) == ""


def test_a_way_of_hundreds_of_attempts_stays_small() -> None:
    made = whole()
    held = made.steps[4].model_copy(update={"decision": Decision.HOLD})
    failed = made.steps[5].model_copy(update={"status": StepStatus.FAILED, "decision": None, "result": None})
    steps = (*made.steps[:4], *(one.model_copy(update={"attempt": number})
                                for number in range(1, 400) for one in (held, failed, failed)))
    long = made.model_copy(update={"steps": steps, "status": CycleStatus.RUNNING, "end": None})
    drawn = course_path(long, WORKFLOW)
    assert is_drawing(inside(drawn))
    assert len(drawn) < MOST_TEXT
    assert "failed, 399 times" in drawn


def test_a_run_shows_which_cycles_worked_on_which_incident() -> None:
    lines = lines_of(ten_cycles(), WORKFLOW)
    drawn = run_picture(lines)
    assert is_drawing(inside(drawn))
    assert {(begin, arrow, end) for begin, arrow, _, end in edges(drawn)} >= {
        ("i1", "==>", "c1"), ("c1", "-->", "c4"), ("c4", "-->", "c6"), ("i2", "-->", "c2")}
    assert nodes(drawn)["c10"] == "Cycle 10: paused at step 6"
    assert run_picture([replace(line, incident_fingerprint="") for line in lines]) == ""


def say_hostile(place: str) -> str:
    return HOSTILE[len(place) % len(HOSTILE)]


@pytest.mark.parametrize("say", [plainly, say_hostile])
def test_a_run_of_ten_is_one_picture(say: Say) -> None:
    assert is_drawing(inside(run_picture(lines_of(ten_cycles(say), WORKFLOW))))
