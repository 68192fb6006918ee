"""What stands before every request: hosts, headers, the token of a shared dashboard, time limits."""

import asyncio

import anyio
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from uvicorn.protocols.http.h11_impl import H11Protocol

from tests.async_calls import run_async
from vos import sharing
from vos.api import patience
from vos.api.guard import Guard


async def echo(request: Request):
    return PlainTextResponse(await request.body())


async def talk(socket):
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()


def application(**options):
    routes = [
        Route("/{path:path}", echo, methods=["GET", "POST", "PUT", "DELETE"]),
        WebSocketRoute("/ws", talk),
    ]
    return Starlette(routes=routes, middleware=[Middleware(Guard, **options)])


@pytest.fixture
def client():
    return TestClient(application(hosts=["localhost", "127.0.0.1", "::1"]), base_url="http://localhost:8501")


@pytest.fixture
def shared(client, monkeypatch):
    monkeypatch.setenv(sharing.TOKEN, "the-token")
    return client


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8501", "127.0.0.1:8501", "[::1]:8501", "[::1]"])
def test_the_names_of_this_computer_are_answered(client, host):
    assert client.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8501", "localhost.evil.example", "[::2]", "[", ""]
)
def test_foreign_names_are_refused(client, host):
    answer = client.get("/", headers={"Host": host})
    assert answer.status_code == 400
    assert "server.allowedHosts" in answer.json()["detail"]


def test_a_web_socket_under_a_foreign_name_is_refused(client):
    with client.websocket_connect("/ws", headers={"Host": "localhost"}) as socket:
        assert socket.receive_text() == "hello"
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect("/ws", headers={"Host": "evil.example"}),
    ):
        pass


def test_every_answer_says_that_other_sites_cannot_frame_it(client):
    for answer in (client.get("/anything"), client.get("/", headers={"Host": "evil.example"})):
        assert answer.headers["x-frame-options"] == "SAMEORIGIN"
        assert answer.headers["content-security-policy"] == "frame-ancestors 'self'"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_guests_of_a_shared_dashboard_look_and_change_nothing(shared):
    assert shared.get("/api/health").status_code == 200
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        answer = shared.request(method, "/_stcore/upload_file/x")
        assert answer.status_code == 403
        assert "token" in answer.json()["detail"]
    wrong = {"Cookie": f"{sharing.COOKIE}=the-tokem"}
    assert shared.post("/", headers=wrong).status_code == 403


def test_the_link_with_the_token_lets_in_and_leaves_the_address(shared):
    answer = shared.get("/gallery?search=a%20b&token=the-token", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/gallery?search=a+b")
    assert {"HttpOnly", "SameSite=strict"} <= set(answer.headers["set-cookie"].split("; "))
    assert shared.post("/", content=b"x").text == "x"  # the cookie is sent along
    assert "set-cookie" not in shared.get("/?token=wrong", follow_redirects=False).headers
    away = shared.get("http://localhost:8501//evil.example/?token=the-token", follow_redirects=False)
    assert away.headers["location"] == "/evil.example/"


def test_without_sharing_everyone_on_this_computer_may_change(client):
    assert client.post("/", content=b"x").text == "x"
    assert sharing.may_change({})


def test_a_body_that_stalls_is_given_up():
    sent = []
    messages = iter([{"type": "http.request", "body": b"half", "more_body": True}])
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "query_string": b"",
        "headers": [],
        "root_path": "",
    }

    async def receive():
        if (message := next(messages, None)) is None:
            await anyio.sleep_forever()
        return message

    async def send(message):
        sent.append(message)

    run_async(application(body_seconds=0.05), scope, receive, send)
    assert sent[0]["status"] == 408


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: localho"])
def test_a_connection_that_sends_half_a_request_is_closed(said):
    class Protocol(H11Protocol):
        pass

    patience.limit(Protocol, seconds=0.2)

    async def whole():
        config = uvicorn.Config(application(), port=0, http=Protocol, log_level="error", lifespan="off")
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(said)
        assert await asyncio.wait_for(reader.read(), 20) == b""
        writer.close()
        server.should_exit = True
        await task

    run_async(whole)


def test_only_the_named_sites_may_show_the_dashboard_in_a_frame(client):
    answer = client.get("/")
    assert answer.headers["content-security-policy"] == "frame-ancestors 'self'"
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    embedded = TestClient(application(embedders=["https://films.example", "http://localhost:9000"]))
    headers = embedded.get("/").headers
    allowed = "frame-ancestors 'self' https://films.example http://localhost:9000"
    assert headers["content-security-policy"] == allowed
    assert "x-frame-options" not in headers
