"""A GitHub on this machine: the endpoints that the bot uses, over one bare git repository with real SHAs.

As on GitHub: pages with Link headers (by the repository's number), 404 without access, 403 without
permission, check runs for Apps only, numbers shared by issues and pull requests, pull requests listed
among the issues, 301 from an old name that drops nothing but is followed by clients without the query.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from tests.fakes.git_http import backend, body_of, password

Json = dict[str, Any]


@dataclass(frozen=True)
class Token:
    """Whose a token is. An App's has a slug and the login `slug[bot]`; `write` is push access."""

    login: str
    id: int
    app: str = ""
    write: bool = True
    checks: bool = True


@dataclass
class Fault:
    """What the next request that matches meets. `after`: it takes effect, and only the answer is lost."""

    method: str
    path: str
    status: int
    body: str = '{"message": "switched on by the test"}'
    headers: dict[str, str] = field(default_factory=dict)
    times: int = 1
    after: bool = False
    delay: float = 0.0


class Refused(Exception):
    def __init__(self, status: int, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"message": message, **more}


@dataclass
class Request:
    token: Token
    query: dict[str, str]
    content: Json
    match: tuple[str, ...]


class GitHub:
    """Serve `owner/name` from the moment it is made to `close()`."""

    def __init__(self, folder: Path, full_name: str = "acme/shop", moved_from: str = "") -> None:
        self.full_name = full_name
        self.moved_from = moved_from
        self.root = folder
        self.bare = folder / f"{full_name}.git"
        folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--bare", "--initial-branch=main", str(self.bare), at=folder)
        self.tokens: dict[str, Token] = {}
        self.issues: dict[int, Json] = {}
        self.comments: dict[int, Json] = {}
        self.pulls: dict[int, Json] = {}
        self.checks: dict[int, Json] = {}
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self._lock = threading.Lock()
        self._ids = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def git(self, *arguments: str, at: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=at or self.bare, capture_output=True, check=True, text=True, timeout=60,
            env={"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull},
        )
        return done.stdout.strip()

    def head(self, branch: str) -> str | None:
        try:
            return self.git("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}^{{commit}}")
        except subprocess.CalledProcessError:
            return None

    # Requests

    def answer(self, method: str, target: str, authorization: str, body: bytes) -> tuple[int, dict[str, str], Any]:
        url = urlsplit(target)
        secret = authorization.partition(" ")[2]
        if self.moved_from and url.path.startswith(f"/repos/{self.moved_from}"):
            rest = url.path.removeprefix(f"/repos/{self.moved_from}")
            return 301, {"Location": f"{self.url}/repositories/1{rest}?{url.query}"}, {"message": "Moved Permanently"}
        with self._lock:
            try:
                token = self.tokens.get(secret)
                if token is None:
                    raise Refused(401, "Bad credentials")
                query = {name: values[0] for name, values in parse_qs(url.query).items()}
                return self._route(method, url.path, query, token, body)
            except Refused as refused:
                return refused.status, {}, refused.body

    def _route(
        self, method: str, path: str, query: dict[str, str], token: Token, body: bytes
    ) -> tuple[int, dict[str, str], Any]:
        path = re.sub(r"^/repositories/1(?=/|$)", f"/repos/{self.full_name}", path)
        for verb, pattern, action in self._routes():
            match = re.fullmatch(pattern, path)
            if match is None or verb != method:
                continue
            request = Request(token, query, json.loads(body or b"{}"), tuple(unquote(part) for part in match.groups()))
            result = action(request)
            if isinstance(result, list) or (isinstance(result, dict) and "check_runs" in result):
                return self._page(path, query, result)
            created = method == "POST" and not path.endswith(("/graphql", "/labels"))
            return 201 if created else 200, {}, result
        raise Refused(404, "Not Found")

    def _routes(self) -> list[tuple[str, str, Callable[[Request], Any]]]:
        repository = f"/repos/{re.escape(self.full_name)}"
        return [
            ("GET", "/user", self._user),
            ("POST", "/graphql", self._viewer),
            ("GET", repository, self._repository),
            ("GET", f"{repository}/issues", self._list_issues),
            ("POST", f"{repository}/issues", self._create_issue),
            ("GET", rf"{repository}/issues/(\d+)", self._get_issue),
            ("PATCH", rf"{repository}/issues/(\d+)", self._update_issue),
            ("POST", rf"{repository}/issues/(\d+)/labels", self._add_labels),
            ("GET", rf"{repository}/issues/(\d+)/comments", self._list_comments),
            ("POST", rf"{repository}/issues/(\d+)/comments", self._create_comment),
            ("PATCH", rf"{repository}/issues/comments/(\d+)", self._update_comment),
            ("GET", f"{repository}/git/ref/heads/(.+)", self._get_ref),
            ("GET", f"{repository}/pulls", self._list_pulls),
            ("POST", f"{repository}/pulls", self._create_pull),
            ("PATCH", rf"{repository}/pulls/(\d+)", self._update_pull),
            ("GET", f"{repository}/commits/([0-9a-f]+)/check-runs", self._list_checks),
            ("POST", f"{repository}/check-runs", self._create_check),
            ("PATCH", rf"{repository}/check-runs/(\d+)", self._update_check),
        ]

    def _page(self, path: str, query: dict[str, str], result: Any) -> tuple[int, dict[str, str], Any]:
        items = result["check_runs"] if isinstance(result, dict) else result
        size, number = min(int(query.get("per_page", "30")), 100), int(query.get("page", "1"))
        headers = {}
        if number * size < len(items):
            rest = path.replace(f"/repos/{self.full_name}", "/repositories/1", 1)
            following = urlencode({**query, "page": str(number + 1)})
            headers["Link"] = f'<{self.url}{rest}?{following}>; rel="next", <{self.url}{rest}?page=99>; rel="last"'
        page = items[(number - 1) * size : number * size]
        return 200, headers, {"total_count": len(items), "check_runs": page} if isinstance(result, dict) else page

    # Who and where

    def _user(self, request: Request) -> Json:
        if request.token.app:
            raise Refused(403, "Resource not accessible by integration")
        return {"login": request.token.login, "id": request.token.id, "type": "User"}

    def _viewer(self, request: Request) -> Json:
        if "viewer" not in request.content["query"]:
            raise Refused(400, "Only the viewer is served here")
        return {"data": {"viewer": {"login": request.token.login, "databaseId": request.token.id}}}

    def _repository(self, _: Request) -> Json:
        return {"id": 1, "full_name": self.full_name, "default_branch": "main", "html_url": self._html()}

    def _get_ref(self, request: Request) -> Json:
        if not self.git("for-each-ref", "--count=1"):
            raise Refused(409, "Git Repository is empty.")
        sha = self.head(request.match[0])
        if sha is None:
            raise Refused(404, "Not Found")
        return {"ref": f"refs/heads/{request.match[0]}", "object": {"type": "commit", "sha": sha}}

    # Issues and comments

    def _list_issues(self, request: Request) -> list[Json]:
        return [
            issue for issue in self._sorted(self.issues, request)
            if request.query.get("creator") in {None, (issue["user"] or {}).get("login")}
            and request.query.get("state", "open") in {"all", issue["state"]}
        ]

    def _create_issue(self, request: Request) -> Json:
        self._sane(request)
        labels = request.content.get("labels", []) if request.token.write else []
        return self.add_issue(request.token, request.content["title"], request.content.get("body"), labels)

    def add_issue(self, author: Token, title: str, body: str | None, labels: list[str]) -> Json:
        number = len(self.issues) + 1
        self.issues[number] = {
            "number": number, "title": title, "body": body, "state": "open", "user": _account(author),
            "labels": [{"name": label} for label in labels], "html_url": f"{self._html()}/issues/{number}",
        }
        return self.issues[number]

    def _get_issue(self, request: Request) -> Json:
        return _found(self.issues, request)

    def _update_issue(self, request: Request) -> Json:
        self._writing(request)
        issue = _found(self.issues, request)
        self._sane(request, needs_title=False)
        issue.update({key: request.content[key] for key in ("title", "body", "state") if key in request.content})
        return issue

    def _add_labels(self, request: Request) -> Any:
        self._writing(request)
        issue = _found(self.issues, request)
        has = [label["name"] for label in issue["labels"]]
        issue["labels"] += [{"name": label} for label in request.content["labels"] if label not in has]
        return tuple(issue["labels"])

    def _list_comments(self, request: Request) -> list[Json]:
        number = _found(self.issues, request)["number"]
        return [comment for comment in self.comments.values() if comment["issue"] == number]

    def _create_comment(self, request: Request) -> Json:
        self._sane(request, needs_title=False)
        issue = _found(self.issues, request)
        return self.add_comment(request.token, issue["number"], request.content["body"])

    def add_comment(self, author: Token, number: int, body: str) -> Json:
        ident = self._id()
        self.comments[ident] = {
            "id": ident, "issue": number, "body": body, "user": _account(author),
            "html_url": f"{self._html()}/issues/{number}#issuecomment-{ident}",
        }
        return self.comments[ident]

    def _update_comment(self, request: Request) -> Json:
        comment = _found(self.comments, request)
        if comment["user"]["id"] != request.token.id and not request.token.write:
            raise Refused(403, "Must have admin rights to Repository.")
        comment["body"] = request.content["body"]
        return comment

    # Pull requests and checks

    def _list_pulls(self, request: Request) -> list[Json]:
        head = request.query.get("head", "")
        owner = self.full_name.partition("/")[0]
        return [
            pull for pull in self._sorted(self.pulls, request)
            if head in {"", f"{owner}:{pull['head']['ref']}"}
            and request.query.get("state", "open") in {"all", pull["state"]}
        ]

    def _create_pull(self, request: Request) -> Json:
        self._writing(request)
        self._sane(request)
        branch = request.content["head"]
        owner = self.full_name.partition("/")[0]
        if self.head(branch) is None:
            raise Refused(422, "Validation Failed", errors=[{"field": "head", "code": "invalid"}])
        if any(pull["head"]["ref"] == branch and pull["state"] == "open" for pull in self.pulls.values()):
            said = f"A pull request already exists for {owner}:{branch}."
            raise Refused(422, "Validation Failed", errors=[{"code": "custom", "message": said}])
        return self.add_pull(
            request.token, request.content["title"], request.content.get("body"), branch, bool(request.content["draft"])
        )

    def add_pull(self, author: Token, title: str, body: str | None, branch: str, draft: bool) -> Json:
        issue = self.add_issue(author, title, body, [])
        number = issue["number"]
        issue["pull_request"] = {"url": f"{self.url}/repos/{self.full_name}/pulls/{number}"}
        issue["html_url"] = f"{self._html()}/pull/{number}"
        self.pulls[number] = {
            "number": number, "title": title, "body": body, "state": "open", "draft": draft, "user": _account(author),
            "head": {"ref": branch, "sha": self.head(branch)}, "html_url": issue["html_url"],
        }
        return self.pulls[number]

    def _update_pull(self, request: Request) -> Json:
        self._writing(request)
        pull = _found(self.pulls, request)
        pull.update({key: request.content[key] for key in ("title", "body", "state") if key in request.content})
        return pull

    def _list_checks(self, request: Request) -> Json:
        found = [check for check in self.checks.values() if check["head_sha"] == request.match[0]]
        if request.query.get("filter", "latest") == "latest":
            found = list({(check["app"]["slug"], check["name"]): check for check in found}.values())
        return {"check_runs": found}

    def _create_check(self, request: Request) -> Json:
        if not request.token.app:
            raise Refused(403, "You must authenticate via a GitHub App.")
        if not request.token.checks:
            raise Refused(403, "Resource not accessible by integration")
        sha = request.content["head_sha"]
        if self.git("cat-file", "--batch-check", "--batch-all-objects").find(f"{sha} commit") < 0:
            raise Refused(422, f"No commit found for SHA: {sha}")
        ident = self._id()
        self.checks[ident] = {
            "id": ident, "html_url": f"{self._html()}/runs/{ident}", "app": {"slug": request.token.app},
            **{key: request.content[key] for key in
               ("name", "head_sha", "external_id", "status", "conclusion", "output")},
        }
        return self.checks[ident]

    def _update_check(self, request: Request) -> Json:
        check = _found(self.checks, request)
        if check["app"]["slug"] != request.token.app:
            raise Refused(403, "Resource not accessible by integration")
        check.update({key: request.content[key] for key in ("status", "conclusion", "output")})
        return check

    # Small things

    def _id(self) -> int:
        self._ids += 1
        return 1_000_000 + self._ids

    def _html(self) -> str:
        return f"{self.url}/{self.full_name}"

    def _sorted(self, items: dict[int, Json], request: Request) -> list[Json]:
        newest_first = request.query.get("direction", "desc") == "desc"
        return sorted(items.values(), key=lambda item: item["number"], reverse=newest_first)

    @staticmethod
    def _writing(request: Request) -> None:
        if not request.token.write:
            raise Refused(403, "Resource not accessible by integration")

    @staticmethod
    def _sane(request: Request, needs_title: bool = True) -> None:
        if needs_title and not request.content.get("title"):
            raise Refused(422, "Validation Failed", errors=[{"field": "title", "code": "missing_field"}])
        if len(request.content.get("body") or "") > 65_536:
            said = "body is too long (maximum is 65536 characters)"
            raise Refused(422, "Validation Failed", errors=[{"message": said}])


def _account(token: Token) -> Json:
    return {"login": token.login, "id": token.id, "type": "Bot" if token.app else "User"}


def _found(items: dict[int, Json], request: Request) -> Json:
    item = items.get(int(request.match[0]))
    if item is None:
        raise Refused(404, "Not Found")
    return item


def _handler(github: GitHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16  # head and body in one packet, or each answer waits 40 ms for an acknowledgement

        def log_message(self, *_: object) -> None:
            pass

        def _serve(self) -> None:
            body = body_of(self)
            github.requests.append(f"{self.command} {self.path}")
            fault = next(
                (one for one in github.faults
                 if one.times > 0 and one.method == self.command and re.search(one.path, self.path)), None
            )
            if fault is not None:
                fault.times -= 1
                time.sleep(fault.delay)
                if fault.after:
                    github.answer(self.command, self.path, self.headers.get("Authorization", ""), body)
                if fault.status == 0:
                    self.close_connection = True
                    return
                self._send(fault.status, tuple(fault.headers.items()), fault.body.encode())
            elif ".git/" in self.path:
                self._serve_git(body)
            else:
                status, headers, result = github.answer(
                    self.command, self.path, self.headers.get("Authorization", ""), body
                )
                content = json.dumps(result).encode()
                self._send(status, (("Content-Type", "application/json"), *headers.items()), content)

        def _serve_git(self, body: bytes) -> None:
            token = github.tokens.get(password(self.headers))
            if token is None:
                self._send(401, (("WWW-Authenticate", 'Basic realm="GitHub"'),), b"Invalid username or token.")
            elif not token.write and "receive-pack" in self.path:
                self._send(403, (), b"Permission to the repository denied.")
            else:
                self._send(*backend(self.command, self.path, self.headers, body, github.root))

        def _send(self, status: int, headers: tuple[tuple[str, str], ...], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = _serve  # noqa: N815

    return Handler
