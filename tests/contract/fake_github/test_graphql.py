"""What GitHub offers by GraphQL alone."""

from __future__ import annotations

from typing import Any

from tests.contract.fake_github.client import ADA, REPOSITORY, Client
from tests.fakes.github_api import GitHub, actions_token


def test_pins(hub: GitHub, api: Client) -> None:
    for number in range(1, 6):
        hub.add_issue(ADA, f"t{number}", "", [])

    def change(word: str, number: int, secret: str = "actions") -> Any:
        ident = api.get(f"{REPOSITORY}/issues/{number}")["node_id"]
        query = f"mutation($id: ID!) {{ {word}(input: {{issueId: $id}}) {{ issue {{ number isPinned }} }} }}"
        return api.post("/graphql", {"query": query, "variables": {"id": ident}}, secret)

    assert change("pinIssue", 1) == {"data": {"pinIssue": {"issue": {"number": 1, "isPinned": True}}}}
    change("pinIssue", 2)
    change("pinIssue", 3)
    refused = change("pinIssue", 4)
    assert refused["data"] == {"pinIssue": None}
    assert (refused["errors"][0]["type"], refused["errors"][0]["path"]) == ("UNPROCESSABLE", ["pinIssue"])
    asked = api.post("/graphql", {
        "query": """query Pins($owner: String!, $name: String!, $number: Int!) {
          repository(owner: $owner, name: $name) { issue(number: $number) { isPinned }
            pinnedIssues(first: 3) { totalCount nodes { issue { number } } } } }""",
        "variables": {"owner": "acme", "name": "shop", "number": 2},
    })["data"]["repository"]
    assert asked["issue"] == {"isPinned": True}
    assert asked["pinnedIssues"] == {"totalCount": 3, "nodes": [{"issue": {"number": number}} for number in (1, 2, 3)]}
    assert change("unpinIssue", 2)["data"]["unpinIssue"]["issue"]["isPinned"] is False
    hub.tokens["job"] = actions_token(issues="read")
    assert change("pinIssue", 4, "job")["errors"][0]["type"] == "FORBIDDEN"
    assert hub.pinned == [1, 3]


WRONG = (
    ("{ viewer { login ", "end of file"), ("{ viewer }", "must have selections"),
    ("{ viewer { age } }", "doesn't exist on type 'User'"),
    ("{ node(id: \"x\") { id } }", "Could not resolve to a node"),
    ("{ repository(owner: \"acme\", name: \"none\") { id } }", "Could not resolve to a Repository"),
    ("{ repository(owner: \"acme\", name: \"shop\") { issue(number: 9) { id } } }", "with the number of 9"),
    ("{ repository(owner: \"acme\", name: \"shop\") { pinnedIssues { totalCount } } }", "`first` or `last`"),
    ("query($id: ID!) { node(id: $id) { id } }", "Variable $id"), ("{ viewer { login } } }", "one operation"),
)


def test_queries_that_are_wrong(api: Client) -> None:
    for query, message in WRONG:
        answer = api.ask("POST", "/graphql", {"query": query})
        assert answer.status_code == 200
        assert message in answer.json()["errors"][0]["message"], query
