"""What stands before every request, the dashboard's own ones included: hosts, token, headers, patience."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vos import sharing
from vos.api.answers import problem

BODY_SECONDS = 60.0  # a body of which nothing comes for so long is given up
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
READING = ("GET", "HEAD", "OPTIONS")


class Guard:
    """ASGI middleware: refuses foreign hosts and, on a shared dashboard, changes without the token.

    A page's address with ?token= sets the cookie that counts from then on. `hosts` as in Streamlit's
    server.allowedHosts; none means any. `embedders` are the sites whose pages may show ours in a frame. There
    everybody is a guest: browsers do not send the cookie from another site's page.
    """

    def __init__(
        self,
        app: ASGIApp,
        hosts: Iterable[str] = (),
        embedders: Iterable[str] = (),
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self._app = app
        self._hosts = {host.lower().strip("[]") for host in hosts}
        self._body_seconds = body_seconds
        frames = " ".join(["frame-ancestors 'self'", *embedders])
        old = {} if embedders else {"X-Frame-Options": "SAMEORIGIN"}  # which knows no names of sites
        self._headers = HEADERS | {"Content-Security-Policy": frames} | old

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on, one request or web socket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        foreign = bool(self._hosts) and host_of(headers.get("host", "")) not in self._hosts
        if scope["type"] == "websocket":
            if foreign:
                await receive()
                await send({"type": "websocket.close", "code": 1008})
            else:
                await self._app(scope, receive, send)
            return
        answer = _refusal(scope, headers, foreign) or _entry(scope)
        await (answer or self._patient)(scope, receive, _with_headers(send, self._headers))

    async def _patient(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; when its body stalls, that counts as the other side having gone."""
        whole, late, begun = False, False, False

        async def receive_in_time() -> Message:
            nonlocal whole, late
            if whole:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), self._body_seconds)
            except TimeoutError:
                late = True
                return {"type": "http.disconnect"}
            whole = not message.get("more_body", False)
            return message

        async def send_and_note(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive_in_time, send_and_note)
        except Exception:
            if not late or begun:
                raise
        if late and not begun:
            answer = problem(408, "the rest of the request did not come", {"Connection": "close"})
            await answer(scope, receive, send)


def host_of(header: str) -> str:
    """Return the name in a Host header without port and brackets, lower case; "" for nonsense."""
    try:
        return (urlsplit(f"//{header}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def cookies(headers: Headers) -> dict[str, str]:
    """Return a request's cookies."""
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(headers.get("cookie", "")).items()}
    except CookieError:
        return {}


def _refusal(scope: Scope, headers: Headers, foreign: bool) -> Response | None:
    if foreign:
        name = host_of(headers.get("host", ""))[:100]
        return problem(
            400, f"this dashboard is not called {name!r}; its names are in server.allowedHosts", _CLOSE
        )
    if (
        scope["method"] not in READING
        and not sharing.may_change(cookies(headers))
        and not sharing.has_bearer(headers.get("authorization", ""))
    ):
        return problem(403, "this dashboard is shared for looking; changing it needs its token", _CLOSE)
    return None


_CLOSE = {"Connection": "close"}


def _entry(scope: Scope) -> Response | None:
    """Let in who brings the token: it becomes a cookie and leaves the address."""
    given = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    token = dict(given).get("token", "")
    if scope["method"] != "GET" or not sharing.is_token(token):
        return None
    rest = urlencode([pair for pair in given if pair[0] != "token"])
    path = "/" + scope["path"].lstrip("/")  # never //host
    answer = RedirectResponse(path + ("?" + rest if rest else ""), 303, {"Cache-Control": "no-store"})
    answer.set_cookie(sharing.COOKIE, token, max_age=30 * 86400, httponly=True, samesite="strict")
    return answer


def _with_headers(send: Send, sent: Mapping[str, str]) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in sent.items():
                headers.setdefault(name, value)
        await send(message)

    return send_with_headers
