"""From an App's private key to a token for a repository."""

from __future__ import annotations

import time

from cryptography.hazmat.primitives.asymmetric import rsa

from tests.contract.fake_github.client import REPOSITORY, Client, register, said, signed
from tests.fakes.github_api import GitHub
from tests.fakes.instant_clock import InstantClock


def test_an_app_gets_its_token(hub: GitHub, api: Client, clock: InstantClock) -> None:
    key = register(hub)
    found = api.get(f"{REPOSITORY}/installation", signed(key))
    assert (found["id"], found["app_slug"], found["permissions"]["contents"]) == (4711, "whybot", "write")
    path = f"/app/installations/{found['id']}/access_tokens"
    made = api.post(path, {"repositories": ["shop"], "permissions": {"issues": "write"}}, signed(key))
    assert made["permissions"] == {"issues": "write", "metadata": "read"}
    issue = api.post(f"{REPOSITORY}/issues", {"title": "t"}, made["token"])
    assert (issue["user"]["login"], issue["user"]["id"]) == ("whybot[bot]", 41)
    refused = api.ask("PUT", f"{REPOSITORY}/contents/x", {"message": "m", "content": ""}, made["token"])
    assert said(refused) == (403, "Resource not accessible by integration")
    clock.sleep(3_601)
    assert said(api.ask("GET", f"{REPOSITORY}/issues", secret=made["token"])) == (401, "Bad credentials")
    for content, status in (({"permissions": {"administration": "write"}}, 422), ({"repositories": ["none"]}, 422)):
        assert api.ask("POST", path, content, signed(key)).status_code == status
    hub.apps[0].suspended = True
    assert said(api.ask("POST", path, {}, signed(key))) == (403, "This installation has been suspended")
    hub.apps[0].installed = False
    assert api.ask("GET", f"{REPOSITORY}/installation", secret=signed(key)).status_code == 404


def test_an_apps_signature_is_verified(hub: GitHub, api: Client) -> None:
    key = register(hub)
    other = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    now = int(time.time())
    for secret, refusal in (
        (signed(other), "could not be decoded"), (signed("a shared secret that is long enough", "HS256"), "decoded"),
        ("no.jwt", "decoded"), (signed(key, exp=now - 10), "'exp'"), (signed(key, exp=now + 3_600), "too far"),
        (signed(key, iat=now + 600), "'iat'"),
    ):
        status, message = said(api.ask("GET", f"{REPOSITORY}/installation", secret=secret))
        assert status == 401
        assert refusal in message
    assert said(api.ask("GET", "/app", secret=signed(key, iss="9"))) == (404, "Integration not found")
    assert api.get("/app", signed(key))["slug"] == "whybot"
