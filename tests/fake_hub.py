"""A hub on this machine: the part of the Hugging Face hub's HTTP API that fetching and publishing use.

Written from what the client asks for. It keeps every commit, refuses writers without the token, and lists
what was asked. Every file is a small one to it: large ones go another way (xet), which is not imitated.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import yaml

TOKEN = "hf_of_the_tests"


@dataclass
class Repository:
    """Commits by id, and the commit of each branch."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=lambda: {"0" * 40: {}})
    branches: dict[str, str] = field(default_factory=lambda: {"main": "0" * 40})
    private: bool = False

    def commit_id(self, revision: str) -> str | None:
        return revision if revision in self.commits else self.branches.get(revision)

    def commit(self, branch: str, files: dict[str, bytes]) -> str:
        content = self.commits[self.branches[branch]] | files
        name = hashlib.sha1(repr((len(self.commits), sorted(content))).encode()).hexdigest()
        self.commits[name], self.branches[branch] = content, name
        return name


@dataclass
class FakeHub:
    """Its address, its repositories by name, and what it was asked (`GET /path`).

    Names of datasets begin with `datasets/`.
    """

    endpoint: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


def front_matter_errors(card: str) -> list[str]:
    """What the hub refuses in a card, as far as its page on model cards says so."""
    found = re.match(r"---\n(.*?)\n---\n", card, re.DOTALL)
    if found is None:
        return []
    said, errors = yaml.safe_load(found[1]), []
    if not re.fullmatch(r"[a-z0-9.-]+", said.get("license", "")):
        errors.append('"license" must be one of its ids')
    for model in said.get("model-index", []):
        for result in model["results"]:
            if not {"type", "name"} <= result["dataset"].keys() or not result["task"]["type"]:
                errors.append('"model-index" lacks a dataset or a task')
    return errors


def _handler(hub: FakeHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") == "chunked":
                parts = []
                while size := int(self.rfile.readline().strip(), 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def answer(self, content: Any, code: int = 200, **headers: str) -> None:
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(code)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def refuse(self, code: int, kind: str) -> None:
            self.answer({"error": kind}, code, X_Error_Code=kind, X_Error_Message=kind)

        def do_GET(self) -> None:
            hub.asked.append(f"{self.command} {self.path}")
            path = self.path.partition("?")[0]
            path = path.replace("/api/models/", "/api/")
            name = r"((?:datasets/)?[^/]+/[^/]+)"
            found = re.fullmatch(rf"/api/{name}(?:/(revision|tree)/([^?/]+)/?([^?]*))?", path)
            found = found or re.fullmatch(rf"/{name}/(resolve)/([^/]+)/(.+)", path)
            repository = hub.repositories.get(found[1]) if found else None
            if found is None or repository is None or (repository.private and not self.may_write()):
                self.refuse(401, "RepoNotFound")
                return
            commit = repository.commit_id((found[3] or "main").replace("%2F", "/"))
            if commit is None:
                self.refuse(404, "RevisionNotFound")
                return
            files = repository.commits[commit]
            if found[2] == "tree" and found[4] and not any(p.startswith(f"{found[4]}/") for p in files):
                self.refuse(404, "EntryNotFound")
            elif found[2] == "tree":
                self.answer([{"type": "file", "path": p, **described(data)} for p, data in files.items()])
            elif found[2] == "resolve":
                if (data := files.get(found[4])) is None:
                    self.refuse(404, "EntryNotFound")
                    return
                self.answer(data, ETag=f'"{described(data)["oid"]}"', X_Repo_Commit=commit)
            else:
                self.answer({"id": found[1], "sha": commit, "siblings": [{"rfilename": p} for p in files]})

        do_HEAD = do_GET  # noqa: N815

        def may_write(self) -> bool:
            return self.headers.get("Authorization") == f"Bearer {TOKEN}"

        def do_POST(self) -> None:
            hub.asked.append(f"POST {self.path}")
            body = self.body()
            if self.path == "/api/validate-yaml":
                errors = front_matter_errors(json.loads(body)["content"])
                said = {"errors": [{"message": text} for text in errors], "warnings": []}
                self.answer(said, 400 if errors else 200)
            elif not self.may_write():
                self.refuse(401, "Unauthorized")
            elif self.path == "/api/repos/create":
                self.create(json.loads(body))
            else:
                self.change(body)

        def create(self, wanted: dict[str, Any]) -> None:
            name = f"{wanted['organization']}/{wanted['name']}"
            url = {"url": f"{hub.endpoint}/{name}"}
            if name in hub.repositories:
                self.answer({"error": "it is there already", **url}, 409)
                return
            private = wanted.get("private") or wanted.get("visibility") == "private"
            hub.repositories[name] = Repository(private=bool(private))
            self.answer(url)

        def change(self, body: bytes) -> None:
            found = re.fullmatch(
                r"/api/models/([^/]+/[^/]+)/(preupload|commit|branch)/([^?]+)", self.path.partition("?")[0]
            )
            assert found, self.path
            repository = hub.repositories[found[1]]
            if found[2] == "branch":
                repository.branches[found[3]] = repository.branches["main"]
                self.answer({})
            elif found[2] == "preupload":
                paths = [one["path"] for one in json.loads(body)["files"]]
                chosen = {"uploadMode": "regular", "shouldIgnore": False}
                self.answer({"files": [{"path": path, **chosen} for path in paths]})
            else:
                lines = [json.loads(line) for line in body.decode().splitlines()]
                written = [line["value"] for line in lines if line["key"] == "file"]
                files = {one["path"]: base64.b64decode(one["content"]) for one in written}
                commit = repository.commit(found[3], files)
                url = f"{hub.endpoint}/{found[1]}/commit/{commit}"
                self.answer({"success": True, "commitUrl": url, "commitOid": commit})

    return Handler


def described(data: bytes) -> dict[str, Any]:
    return {"oid": hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest(), "size": len(data)}


@contextmanager
def fake_hub() -> Iterator[FakeHub]:
    """A hub that answers while this is entered."""
    hub = FakeHub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    hub.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
