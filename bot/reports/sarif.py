"""An audit as a SARIF 2.1.0 log (OASIS standard, https://docs.oasis-open.org/sarif/sarif/v2.1.0/)."""

from __future__ import annotations

import hashlib
from collections import Counter
from urllib.parse import quote

from bot import __version__
from bot.audit.rule import Rule
from bot.audit.rules import RULES
from bot.domain.audit import AuditReport, Finding
from bot.domain.visible import visible
from bot.reports.audit_view import silenced
from bot.reports.markdown import fence

SCHEMA_URI = "https://json.schemastore.org/sarif-2.1.0.json"
ROOT = "%SRCROOT%"
"""What a viewer knows as the folder that paths are relative to: the one where the command was given."""

FINGERPRINT = "whybot/1"

def sarif_log(report: AuditReport) -> dict[str, object]:
    """The log of one run. What a comment in a test silenced is a result that is suppressed in the source."""
    ids = [*RULES, *dict.fromkeys(rule for item in report.findings if (rule := _rule_of(item)) not in RULES)]
    index = {rule: at for at, rule in enumerate(ids)}
    seen: Counter[str] = Counter()
    results = []
    for item in report.findings:
        key = _key(item)
        results.append(_result(item, index, f"{key}:{seen[key]}"))
        seen[key] += 1
    return {
        "$schema": SCHEMA_URI,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "whybot", "version": __version__, "semanticVersion": __version__,
                        "rules": [_rule(RULES[rule]) if rule in RULES else {"id": rule} for rule in ids],
                    }
                },
                "invocations": [{"executionSuccessful": True}],
                "columnKind": "unicodeCodePoints",
                "results": results,
                "properties": {
                    "recommendation": report.recommendation.value,
                    "reasons": list(map(visible, report.reasons)),
                    "depth": report.depth,
                },
            }
        ],
    }


def _rule_of(finding: Finding) -> str:
    found = silenced(finding)
    return finding.rule if found is None or found[0] not in RULES else found[0]


def _rule(rule: Rule) -> dict[str, object]:
    words = rule.title[:1].upper() + rule.title[1:]
    example = "\n\n".join(
        f"{title}:\n\n{fence(text.strip(), 'python')}" for title, text in (
            ("Not so", rule.bad.test), ("But so", rule.good.test),
        )
    )
    return {
        "id": rule.id,
        "name": "".join(part.capitalize() for part in rule.id.split("-")),
        "shortDescription": {"text": f"{words}."},
        "fullDescription": {"text": rule.rationale},
        "help": {
            "text": f"{rule.rationale} {rule.hint}",
            "markdown": f"{rule.rationale}\n\n**{rule.hint}**\n\n{example}",
        },
        "defaultConfiguration": {"level": rule.severity.value},
        "properties": {"tags": ["tests", rule.defect_class], "precision": "high"},
    }


def _result(item: Finding, index: dict[str, int], fingerprint: str) -> dict[str, object]:
    found = silenced(item)
    rule = _rule_of(item)
    line: dict[str, object] = {"startLine": max(1, item.line)}
    if item.evidence:
        line["snippet"] = {"text": visible(item.evidence)}
    result: dict[str, object] = {
        "ruleId": rule,
        "ruleIndex": index[rule],
        "level": item.severity.value,
        "message": {"text": visible(item.message)},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": _artifact(item.path), "region": line},
                "logicalLocations": [{"fullyQualifiedName": visible(item.test), "kind": "function"}],
            }
        ],
        "partialFingerprints": {FINGERPRINT: fingerprint},
    }
    if found is not None:
        result["suppressions"] = [{"kind": "inSource", "justification": visible(found[1])}]
    return result


def _artifact(path: str) -> dict[str, object]:
    # What lies outside the root has no place below it (SARIF 2.1.0, 3.4.4).
    outside = path.startswith(("../", "/"))
    uri = quote(path, safe="/")
    # The first part of a relative reference may hold no colon (RFC 3986, 4.2); quote escapes it.
    return {"uri": uri} if outside else {"uri": uri, "uriBaseId": ROOT}


def _key(item: Finding) -> str:
    """What stays the same of a finding when lines are added above it."""
    parts = "\0".join((_rule_of(item), item.test, item.evidence))
    return hashlib.sha256(parts.encode("utf-8", "backslashreplace")).hexdigest()[:32]
