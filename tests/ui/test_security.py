"""The security middleware: hosts, origins, websockets, sign-in, limits and headers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("starlette", reason='the web page needs NiceGUI: pip install "i2i[ui]"')

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from i2i.ui.security import (
    CONTENT_SECURITY_POLICY,
    HEADERS,
    LOOPBACK_NAMES,
    Credentials,
    FailureLimiter,
    LoginSessions,
    SecurityMiddleware,
    SecurityPolicy,
)

HERE = "http://127.0.0.1:8800"
POLICY = SecurityPolicy(8800)


async def index(request: Request) -> Response:
    return HTMLResponse("<p>page", headers={"Access-Control-Allow-Origin": "*", "Content-Security-Policy": "none"})


async def size(request: Request) -> Response:
    return JSONResponse(len(await request.body()))


async def broken(request: Request) -> Response:
    raise RuntimeError("secret detail")


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    with suppress(WebSocketDisconnect):
        await websocket.send_text(await websocket.receive_text())
    await websocket.close()


async def unread(request: Request) -> Response:
    return PlainTextResponse("ok")


ROUTES = [
    Route("/", index),
    Route("/size", size, methods=["POST"]),
    Route("/broken", broken),
    Route("/unread", unread, methods=["POST"]),
    WebSocketRoute("/ws", echo),
]


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def client(policy: SecurityPolicy = POLICY, base: str = HERE, address: str = "192.0.2.1", **parts: Any) -> TestClient:
    app = SecurityMiddleware(Starlette(routes=ROUTES), policy, **parts)
    return TestClient(app, base, client=(address, 1), raise_server_exceptions=False, follow_redirects=False)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def locked(clock: Clock) -> TestClient:
    policy = SecurityPolicy(8800, credentials=Credentials("ada", "correct horse"))
    return client(policy, failures=FailureLimiter(clock), sessions=LoginSessions(clock))


def sign_in(browser: TestClient, user: str = "ada", password: str = "correct horse", **headers: str) -> Any:
    return browser.post("/sign-in", data={"user": user, "password": password}, headers={"Origin": HERE, **headers})


# Hosts and origins.


@pytest.mark.parametrize("host", ["127.0.0.1:8800", "localhost:8800", "[::1]:8800", "LOCALHOST:8800"])
def test_loopback_hosts_pass(host: str) -> None:
    assert client().get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example:8800", "evil.example", "127.0.0.1", "127.0.0.1:80", "localhost.evil.example:8800"),
        *(
            "localhost:8800@evil.example",
            "evil@localhost:8800",
            "localhost:8800/x",
            "localhost:x",
            "192.168.0.1:8800",
            "",
        ),
        *("localhost.:8800", "127.0.0.1:8800, evil.example"),
    ],
)
def test_other_hosts_are_refused(host: str) -> None:
    answer = client().get("/", headers={"Host": host})
    assert answer.status_code == 400 and "http://localhost:8800" in answer.text and "page" not in answer.text[:6]


def test_two_hosts_are_refused() -> None:
    headers = [("Host", "localhost:8800"), ("Host", "evil.example")]
    assert client().get("/", headers=headers).status_code == 400


def test_given_host_and_all_addresses_pass() -> None:
    named = replace(POLICY, names=LOOPBACK_NAMES | {"box.lan"})
    assert client(named).get("/", headers={"Host": "box.lan:8800"}).status_code == 200
    everywhere = replace(POLICY, any_address=True)
    assert client(everywhere).get("/", headers={"Host": "192.168.0.7:8800"}).status_code == 200
    assert client(everywhere).get("/", headers={"Host": "rebound.example:8800"}).status_code == 400


def test_default_ports_need_not_be_written() -> None:
    assert SecurityPolicy(443, tls=True).allows_host("localhost")
    assert SecurityPolicy(80).allows_host("localhost") and not SecurityPolicy(80).allows_host("localhost:8080")


@pytest.mark.parametrize("origin", [HERE, "http://localhost:8800"])
def test_own_origins_pass(origin: str) -> None:
    assert client().post("/size", content=b"abc", headers={"Origin": origin}).json() == 3
    with client().websocket_connect("/ws", headers={"Origin": origin, "Host": "127.0.0.1:8800"}) as socket:
        socket.send_text("hi")
        assert socket.receive_text() == "hi"


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "https://127.0.0.1:8800", "http://127.0.0.1:8801", "http://127.0.0.1", "", None],
)
def test_writes_and_websockets_from_elsewhere_are_refused(origin: str | None) -> None:
    headers = {"Host": "127.0.0.1:8800"} | ({} if origin is None else {"Origin": origin})
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert client().request(method, "/size", headers=headers).status_code == 403
    with pytest.raises(WebSocketDisconnect), client().websocket_connect("/ws", headers=headers):
        pass


def test_websockets_check_the_host_too() -> None:
    headers = {"Origin": "http://evil.example:8800", "Host": "evil.example:8800"}
    with pytest.raises(WebSocketDisconnect), client().websocket_connect("/ws", headers=headers):
        pass


def test_reads_from_other_sites_are_refused_but_links_work() -> None:
    cross = {"Sec-Fetch-Site": "cross-site"}
    image = {**cross, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    frame = {**cross, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
    link = {**cross, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert [client().get("/", headers=each).status_code for each in (image, frame, link)] == [403, 403, 200]
    assert client().get("/", headers={"Origin": "http://evil.example"}).status_code == 403


# Headers.


@pytest.mark.parametrize("path", ["/", "/missing", "/broken", "/size"])
def test_every_response_has_the_headers(path: str) -> None:
    answer = client().get(path)
    for name, value in HEADERS:
        assert answer.headers.get_list(name.decode()) == [value.decode()]
    assert "access-control-allow-origin" not in answer.headers
    assert "secret detail" not in answer.text


def test_refusals_have_the_headers(locked: TestClient) -> None:
    refused = [client().get("/", headers={"Host": "x"}), locked.get("/"), locked.get("/sign-in"), sign_in(locked, "x")]
    assert all(answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY for answer in refused)
    assert locked.get("/sign-in").headers["cache-control"] == "no-store"


def test_policy_allows_no_outside_origin() -> None:
    sources = {word for part in CONTENT_SECURITY_POLICY.split("; ") for word in part.split()[1:]}
    assert sources <= {"'self'", "'none'", "'unsafe-inline'", "'unsafe-eval'", "data:", "blob:"}
    assert "default-src 'self'" in CONTENT_SECURITY_POLICY and "frame-ancestors 'none'" in CONTENT_SECURITY_POLICY


# Sizes.


def test_declared_and_streamed_bodies_are_limited() -> None:
    browser = client(replace(POLICY, max_body=2**20))
    headers = {"Origin": HERE}

    def parts(count: int) -> Iterator[bytes]:
        for _ in range(count):
            yield bytes(2**18)

    assert browser.post("/size", content=bytes(2**20), headers=headers).json() == 2**20
    assert browser.post("/size", content=parts(4), headers=headers).json() == 2**20
    for content in (bytes(2**20 + 1), parts(5)):
        answer = browser.post("/size", content=content, headers=headers)
        assert answer.status_code == 413 and answer.text == "The upload is larger than 1 MiB."
    assert browser.post("/unread", content=parts(5), headers=headers).status_code == 200


# Sign-in.


def test_without_sign_in_nothing_is_shown(locked: TestClient) -> None:
    page = locked.get("/", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["location"]) == (303, "/sign-in")
    assert [locked.get(path).status_code for path in ("/", "/broken", "/missing")] == [401, 401, 401]
    assert locked.post("/size", content=b"abc", headers={"Origin": HERE}).status_code == 401
    with pytest.raises(WebSocketDisconnect), locked.websocket_connect("/ws", headers={"Origin": HERE}):
        pass


def test_sign_in_sets_a_strict_cookie_and_sign_out_ends_it(locked: TestClient, clock: Clock) -> None:
    answer = sign_in(locked)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("i2i-8800=") and "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert "Secure" not in cookie and "correct" not in cookie
    assert locked.get("/").status_code == 200
    assert locked.get("/sign-in").status_code == 303
    token = locked.cookies["i2i-8800"]
    assert locked.get("/sign-out").status_code == 405
    assert locked.post("/sign-out", headers={"Origin": "http://evil.example"}).status_code == 403
    assert locked.post("/sign-out", headers={"Origin": HERE}).status_code == 303
    assert locked.get("/", headers={"Cookie": f"i2i-8800={token}"}).status_code == 401


def test_sign_in_expires(locked: TestClient, clock: Clock) -> None:
    sign_in(locked)
    clock.now += 12 * 3600 + 1
    assert locked.get("/").status_code == 401


def test_open_websockets_end_with_the_sign_in(locked: TestClient) -> None:
    sign_in(locked)
    headers = {"Origin": HERE, "Host": "127.0.0.1:8800", "Cookie": f"i2i-8800={locked.cookies['i2i-8800']}"}
    with locked.websocket_connect("/ws", headers=headers) as socket:
        locked.post("/sign-out", headers={"Origin": HERE})
        socket.send_text("still there?")
        with pytest.raises(WebSocketDisconnect):
            socket.receive_text()


def test_cookie_is_secure_with_tls() -> None:
    policy = SecurityPolicy(8800, tls=True, credentials=Credentials("ada", "x"))
    answer = client(policy, "https://localhost:8800").post(
        "/sign-in", data={"user": "ada", "password": "x"}, headers={"Origin": "https://localhost:8800"}
    )
    assert answer.headers["set-cookie"].startswith("__Host-i2i-8800=") and "; Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    ("user", "password"), [("ada", "wrong"), ("bob", "correct horse"), ("", ""), ("ADA", "correct horse")]
)
def test_wrong_credentials_are_refused(locked: TestClient, user: str, password: str) -> None:
    answer = sign_in(locked, user, password)
    assert answer.status_code == 401 and "set-cookie" not in answer.headers and 'role="alert"' in answer.text


def test_sign_in_from_another_site_is_refused(locked: TestClient) -> None:
    assert sign_in(locked, Origin="http://evil.example").status_code == 403


def test_credentials_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append(len(one))
        assert len(one) == len(other) == 32
        return one == other

    monkeypatch.setattr("i2i.ui.security.hmac.compare_digest", compare)
    credentials = Credentials("ada", "correct horse")
    assert (
        not credentials.match("bob", "x")
        and not credentials.match("ada", "")
        and credentials.match("ada", "correct horse")
    )
    assert len(compared) == 6, "both are compared, whichever is wrong"
    assert "horse" not in repr(vars(credentials))


def test_wrong_passwords_make_an_address_wait_longer_and_longer(locked: TestClient, clock: Clock) -> None:
    assert [sign_in(locked, password="x").status_code for _ in range(6)] == [401] * 5 + [429]
    blocked = sign_in(locked)
    assert blocked.status_code == 429 and blocked.headers["retry-after"] == "2", "the right password has to wait too"
    waits = []
    for _ in range(12):
        clock.now += locked.app.failures.wait("192.0.2.1")  # type: ignore[attr-defined]
        assert sign_in(locked, password="x").status_code == 401
        waits.append(locked.app.failures.wait("192.0.2.1"))  # type: ignore[attr-defined]
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]
    assert locked.app.failures.wait("192.0.2.2") == 0  # type: ignore[attr-defined]
    clock.now += 900
    assert sign_in(locked).status_code == 303 and locked.app.failures.wait("192.0.2.1") == 0  # type: ignore[attr-defined]


def test_limiter_counts_ipv6_networks_and_is_bounded(clock: Clock) -> None:
    limiter = FailureLimiter(clock, entries=3)
    for number in range(5):
        limiter.failed(f"2001:db8::{number:x}")
    assert limiter.wait("2001:db8::ffff") == 1 and limiter.wait("2001:db8:1::1") == 0
    for number in range(4):
        limiter.failed(f"192.0.2.{number}")
    assert limiter.wait("2001:db8::1") == 0, "the oldest entry is forgotten"


def test_sign_in_form_is_small(locked: TestClient) -> None:
    def parts() -> Iterator[bytes]:
        yield b"user=" + b"a" * 5000

    for content in (b"a" * 5000, parts()):
        assert locked.post("/sign-in", content=content, headers={"Origin": HERE}).status_code == 413


def test_sessions_are_bounded(clock: Clock) -> None:
    sessions = LoginSessions(clock, entries=2)
    first, second, third = (sessions.create() for _ in range(3))
    assert not sessions.valid(first) and sessions.valid(second) and sessions.valid(third)
    assert not sessions.valid("") and not sessions.valid("\ud800")
