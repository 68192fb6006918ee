"""Uploads through the route: kept by their sha256, limits while they arrive, nothing left of broken ones."""

import hashlib

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tests.async_calls import run_async
from vos import api, jobs, sharing
from vos.api import uploads as route
from vos.store import Store

OURS = {"X-VOS-Upload": "1"}


class Runner:
    def __init__(self, store):
        self.store = store


@pytest.fixture
def folder(tmp_path, monkeypatch):
    with Store(tmp_path) as store:
        monkeypatch.setattr(jobs, "runner", lambda: Runner(store))
        yield store.folder / "uploads"


@pytest.fixture
def client(folder):
    return TestClient(Starlette(routes=api.routes))


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []


def test_an_upload_is_on_disk_under_its_digest(client, folder):
    data = bytes(range(256)) * 12345
    answer = client.post("/api/uploads?name=My%20clip.MP4", content=data, headers=OURS)
    digest = hashlib.sha256(data).hexdigest()
    assert answer.status_code == 201
    assert answer.json() == {"digest": digest, "name": "My clip.MP4", "size": len(data)}
    assert [path.name for path in files(folder)] == [f"{digest}.mp4"]
    assert (folder / f"{digest}.mp4").read_bytes() == data


@pytest.mark.parametrize(
    "headers",
    [
        {},
        OURS | {"Origin": "http://evil.example"},
        OURS | {"Origin": "null"},
        OURS | {"Sec-Fetch-Site": "cross-site"},
        OURS | {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_other_sites_cannot_upload(client, folder, headers):
    answer = client.post("/api/uploads?name=a.mp4", content=b"data", headers=headers)
    assert answer.status_code == 403
    assert files(folder) == []
    assert client.options("/api/uploads").headers.get("access-control-allow-origin") is None


def test_our_own_pages_can(client):
    headers = OURS | {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/api/uploads?name=a.mp4", content=b"data", headers=headers).status_code == 201


def test_guests_of_a_shared_dashboard_cannot_upload(client, folder, monkeypatch):
    monkeypatch.setenv(sharing.TOKEN, "the-token")
    assert client.post("/api/uploads?name=a.mp4", content=b"data", headers=OURS).status_code == 403
    client.cookies.set(sharing.COOKIE, "the-token")
    assert client.post("/api/uploads?name=a.mp4", content=b"data", headers=OURS).status_code == 201


def test_too_large_too_empty_and_of_unknown_length_are_refused_in_a_sentence(client, folder, monkeypatch):
    monkeypatch.setattr(route, "LIMIT_BYTES", 1000)
    for data, status, words in (
        (b"x" * 1001, 413, "at most"),
        (b"", 400, "is empty"),
        (iter([b"x"]), 411, "long"),
    ):
        answer = client.post("/api/uploads?name=a.mp4", content=data, headers=OURS)
        assert (answer.status_code, words in answer.json()["detail"]) == (status, True)
    assert files(folder) == []


def arrive(*messages, length=10):
    sent, waiting = [], iter(messages)
    headers = [(b"x-vos-upload", b"1"), (b"content-length", str(length).encode()), (b"host", b"localhost")]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/uploads",
        "query_string": b"name=a.mp4",
        "headers": headers,
        "root_path": "",
    }

    async def receive():
        return next(waiting)

    async def send(message):
        sent.append(message)

    run_async(Starlette(routes=api.routes), scope, receive, send)
    return sent[0]["status"]


def test_an_upload_that_breaks_off_leaves_nothing(folder):
    piece = {"type": "http.request", "body": b"x" * 3_000_000, "more_body": True}
    assert arrive(piece, piece, {"type": "http.disconnect"}, length=9_000_000) == 408
    assert files(folder) == []


def test_a_body_that_is_longer_than_it_said_stops_at_the_limit(folder, monkeypatch):
    monkeypatch.setattr(route, "LIMIT_BYTES", 5_000_000)
    piece = {"type": "http.request", "body": b"x" * 2_000_000, "more_body": True}
    assert arrive(piece, piece, piece, piece, length=10) == 413
    assert files(folder) == []
