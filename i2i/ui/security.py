"""What stands between the network and the web page: addresses, origins, sign-in, limits and response headers.

One ASGI application wraps all others, so that it also sees websockets, static files, error pages and unknown paths.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .login_page import login_page

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
MAX_BODY = 64 * 2**20
"""Bytes of a request body; photos are smaller."""
MAX_FORM = 4096
"""Bytes of the sign-in form."""
SIGN_IN, SIGN_OUT = "/sign-in", "/sign-out"
SESSION_SECONDS = 12 * 3600
"""How long a sign-in is valid."""
FREE_FAILURES = 5
"""Wrong passwords from one address before it has to wait."""
LONGEST_WAIT = 900.0
"""Seconds that an address has to wait at most."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'self'",
        # NiceGUI has inline scripts, and evaluates component templates and event handlers in the browser.
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "frame-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)
HEADERS: tuple[tuple[bytes, bytes], ...] = tuple(
    (name.encode(), value.encode())
    for name, value in {
        "content-security-policy": CONTENT_SECURITY_POLICY,
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "same-origin",  # with no-referrer, browsers send forms with "Origin: null"
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(self), microphone=(), geolocation=()",
    }.items()
)
"""Headers of every response."""
_OURS = frozenset(name for name, _ in HEADERS)


class Credentials:
    """The user name and password of the page; the password itself is not kept."""

    def __init__(self, user: str, password: str) -> None:
        self._key = secrets.token_bytes(32)
        self._user, self._password = self._digest(user), self._digest(password)

    def match(self, user: str, password: str) -> bool:
        """Return whether both are right, in a time that depends on neither."""
        right_user = hmac.compare_digest(self._digest(user), self._user)
        right_password = hmac.compare_digest(self._digest(password), self._password)
        return right_user & right_password

    def _digest(self, text: str) -> bytes:
        return hmac.new(self._key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()


@dataclass(frozen=True)
class SecurityPolicy:
    """Who may use the page, under which addresses."""

    port: int
    names: frozenset[str] = LOOPBACK_NAMES
    """Host names under which the page is reached."""
    any_address: bool = False
    """Whether any IP address is accepted as host, as where the server listens on all. DNS rebinding needs a name."""
    tls: bool = False
    credentials: Credentials | None = None
    """None: no sign-in."""
    max_body: int = MAX_BODY

    @property
    def cookie(self) -> str:
        """Name of the session cookie. Browsers share cookies between ports, so it holds the port."""
        return f"{'__Host-' if self.tls else ''}i2i-{self.port}"

    def allows_host(self, host: str) -> bool:
        """Return whether the value of a ``Host`` header names this server."""
        try:
            parts = urlsplit(f"//{host}")
            name, port = parts.hostname or "", parts.port
        except ValueError:
            return False
        if parts.username is not None or parts.path or parts.query or parts.fragment:
            return False
        if (port or (443 if self.tls else 80)) != self.port:
            return False
        return name in self.names or (self.any_address and _is_address(name))

    def allows_origin(self, origin: str) -> bool:
        """Return whether the value of an ``Origin`` header is this page."""
        scheme, _, host = origin.partition("://")
        return scheme == ("https" if self.tls else "http") and self.allows_host(host)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


@dataclass
class _Failures:
    count: int = 0
    until: float = 0.0


class FailureLimiter:
    """Makes an address wait after wrong passwords: 1 s, 2 s, 4 s, ..., up to ``LONGEST_WAIT``."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, entries: int = 10_000) -> None:
        self._clock, self._entries = clock, entries
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def wait(self, address: str) -> float:
        """Return the seconds until the address may try again; 0 for at once."""
        known = self._failures.get(_network(address))
        return max(0.0, known.until - self._clock()) if known else 0.0

    def failed(self, address: str) -> None:
        """Count a wrong password."""
        key, now = _network(address), self._clock()
        known = self._failures.pop(key, _Failures())
        if now - known.until > LONGEST_WAIT and known.until:
            known = _Failures()
        known.count += 1
        known.until = now + (min(2.0 ** (known.count - FREE_FAILURES), LONGEST_WAIT) if self._over(known) else 0.0)
        self._failures[key] = known
        while len(self._failures) > self._entries:  # bounds the memory; the address that failed longest ago goes
            self._failures.popitem(last=False)

    def succeeded(self, address: str) -> None:
        """Forget the failures of an address."""
        self._failures.pop(_network(address), None)

    @staticmethod
    def _over(known: _Failures) -> bool:
        return known.count >= FREE_FAILURES


def _network(address: str) -> str:
    """Return the address, of IPv6 the /64 network: one machine may use all addresses of it."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else str(found)


class LoginSessions:
    """The sign-ins of this process; only digests of their tokens are kept."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, entries: int = 1000) -> None:
        self._clock, self._entries = clock, entries
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def create(self) -> str:
        """Return the token of a new sign-in."""
        token = secrets.token_urlsafe(32)
        self._until[self._digest(token)] = self._clock() + SESSION_SECONDS
        while len(self._until) > self._entries:
            self._until.popitem(last=False)
        return token

    def valid(self, token: str) -> bool:
        """Return whether the token belongs to a sign-in that has not expired."""
        return self._until.get(self._digest(token), 0.0) > self._clock()

    def end(self, token: str) -> None:
        """Sign out."""
        self._until.pop(self._digest(token), None)

    @staticmethod
    def _digest(token: str) -> bytes:
        return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


@dataclass
class SecurityMiddleware:
    """The ASGI application that checks every request before ``app`` sees it."""

    app: Application
    policy: SecurityPolicy
    failures: FailureLimiter = field(default_factory=FailureLimiter)
    sessions: LoginSessions = field(default_factory=LoginSessions)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or refuse one request or websocket."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        headers = _headers(scope)
        guarded = _with_headers(send)
        if refusal := self._refusal(scope, headers):
            await _refuse(scope, receive, guarded, *refusal)
        elif scope["type"] == "websocket":
            await self.app(scope, self._while_signed_in(headers, receive), guarded)
        elif self.policy.credentials and scope["path"] in (SIGN_IN, SIGN_OUT):
            await self._sign_in_or_out(scope, headers, receive, guarded)
        else:
            await self._forward(scope, headers, receive, guarded)

    def _refusal(self, scope: Scope, headers: dict[str, list[str]]) -> tuple[int, str] | None:
        """Return status and sentence of a request that is refused."""
        policy = self.policy
        hosts = headers.get("host", [])
        if len(hosts) != 1 or not policy.allows_host(hosts[0]):
            scheme = "https" if policy.tls else "http"
            names = ", ".join(f"{scheme}://{_bracketed(name)}:{policy.port}" for name in sorted(policy.names))
            return 400, f"This address does not belong to the page. Open one of: {names}."
        origins = headers.get("origin", [])
        writes = scope["type"] == "websocket" or scope["method"] not in _SAFE
        if any(not policy.allows_origin(origin) for origin in origins) or len(origins) > 1 or (writes and not origins):
            return 403, "Requests from other pages are refused."
        if self._from_other_site(scope, headers):
            return 403, "Requests from other pages are refused."
        if policy.credentials and not self._signed_in(headers):
            public = scope["type"] == "http" and scope["path"] in (SIGN_IN, SIGN_OUT)
            return None if public else (401, "Sign in first.")
        return None

    @staticmethod
    def _from_other_site(scope: Scope, headers: dict[str, list[str]]) -> bool:
        """Return whether the browser says that another site asks for something else than a page to navigate to."""
        site = headers.get("sec-fetch-site", ["none"])[0]
        if site in ("none", "same-origin"):
            return False
        mode = headers.get("sec-fetch-mode", [""])[0]
        target = headers.get("sec-fetch-dest", [""])[0]
        navigates = mode == "navigate" and target == "document"
        return not (navigates and scope["type"] == "http" and scope["method"] in _SAFE)

    def _token(self, headers: dict[str, list[str]]) -> str:
        for line in headers.get("cookie", []):
            for part in line.split(";"):
                name, _, value = part.strip().partition("=")
                if name == self.policy.cookie:
                    return value
        return ""

    def _signed_in(self, headers: dict[str, list[str]]) -> bool:
        return self.sessions.valid(self._token(headers))

    def _while_signed_in(self, headers: dict[str, list[str]], receive: Receive) -> Receive:
        """Return a ``receive`` of a websocket that reports its end once the sign-in has expired or was ended.

        Browsers answer the server's pings every few seconds, so that pages which are not used end as well.
        """
        if self.policy.credentials is None:
            return receive

        async def checked() -> Message:
            message = await receive()
            return message if self._signed_in(headers) else {"type": "websocket.disconnect", "code": 1008}

        return checked

    async def _forward(self, scope: Scope, headers: dict[str, list[str]], receive: Receive, send: Send) -> None:
        body = _LimitedBody(receive, send, self.policy.max_body)
        if _declared_length(headers) > self.policy.max_body:
            await _respond(send, 413, body.sentence)
            return
        try:
            await self.app(scope, body.receive, body.send)
        except Exception:
            if not body.refused_late():  # what is raised where the body ends early differs between frameworks
                raise
        if body.refused_late():
            await _respond(send, 413, body.sentence)

    async def _sign_in_or_out(self, scope: Scope, headers: dict[str, list[str]], receive: Receive, send: Send) -> None:
        method = scope["method"]
        if scope["path"] == SIGN_OUT:
            if method != "POST":
                await _respond(send, 405, "Signing out needs a POST request.", [(b"allow", b"POST")])
                return
            self.sessions.end(self._token(headers))
            await _redirect(send, SIGN_IN, self._cookie("", 0))
        elif method in ("GET", "HEAD"):
            await _redirect(send, "/") if self._signed_in(headers) else await _respond(
                send, 200, login_page(), html=True
            )
        elif method == "POST":
            await self._check_password(scope, headers, receive, send)
        else:
            await _respond(send, 405, "Signing in needs a POST request.", [(b"allow", b"GET, HEAD, POST")])

    async def _check_password(self, scope: Scope, headers: dict[str, list[str]], receive: Receive, send: Send) -> None:
        address = (scope.get("client") or ("unknown",))[0]
        body = None if _declared_length(headers) > MAX_FORM else await _read(receive, MAX_FORM)
        if body is None:
            await _respond(send, 413, "The form is too large.")
            return
        # Nothing is awaited between the check of the wait and the count, so that requests at once do not pass it.
        if wait := self.failures.wait(address):
            seconds = int(wait) + 1
            sentence = f"Too many wrong passwords. Try again in {seconds} s."
            await _respond(send, 429, login_page(sentence), [(b"retry-after", str(seconds).encode())], html=True)
            return
        form = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=8)
        user, password = (form.get(name, [""])[0] for name in ("user", "password"))
        assert self.policy.credentials is not None
        if not self.policy.credentials.match(user, password):
            self.failures.failed(address)
            await _respond(send, 401, login_page("The user name or the password is wrong."), html=True)
            return
        self.failures.succeeded(address)
        self.sessions.end(self._token(headers))
        await _redirect(send, "/", self._cookie(self.sessions.create(), SESSION_SECONDS))

    def _cookie(self, token: str, seconds: int) -> tuple[bytes, bytes]:
        secure = "; Secure" if self.policy.tls else ""
        text = f"{self.policy.cookie}={token}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Strict{secure}"
        return b"set-cookie", text.encode()


class _LimitedBody:
    """Counts the bytes of a request body that declares no length, and answers 413 where they are too many."""

    def __init__(self, receive: Receive, send: Send, limit: int) -> None:
        self._receive, self._send, self._limit = receive, send, limit
        self._count = 0
        self._over = self._started = self._refused = False
        self.sentence = f"The upload is larger than {limit // 2**20} MiB."

    def refused_late(self) -> bool:
        """Return whether the body was too large and nothing has been answered."""
        return self._over and not self._started

    async def receive(self) -> Message:
        """Return the next part; beyond the limit, that the client has gone."""
        message = await self._receive()
        self._count += len(message.get("body", b""))
        if self._count > self._limit:
            self._over = True
            return {"type": "http.disconnect"}  # ends the reading in every framework
        return message

    async def send(self, message: Message) -> None:
        """Send a message of the response, or 413 in place of the response to a body that was too large."""
        if message["type"] == "http.response.start" and self._over and not self._started:
            self._refused = True
            await _respond(self._send, 413, self.sentence)
        self._started = True
        if not self._refused:
            await self._send(message)


def _headers(scope: Scope) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found


def _declared_length(headers: dict[str, list[str]]) -> int:
    text = headers.get("content-length", ["0"])[0]
    return int(text) if text.isascii() and text.isdigit() else 0


async def _read(receive: Receive, limit: int) -> bytes | None:
    """Return the whole body; None where it is longer than the limit or the client went away."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > limit:
            return None
        if not message.get("more_body"):
            return bytes(body)


def _with_headers(send: Send) -> Send:
    """Return a ``send`` that sets our headers on every response, and removes those that let other sites read it."""

    async def guarded(message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            message = {**message, "headers": [*_without_ours(message.get("headers", ())), *HEADERS]}
        await send(message)

    return guarded


def _without_ours(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    kept = [(name, value) for name, value in headers if name.lower() not in _OURS]
    kept = [(name, value) for name, value in kept if not name.lower().startswith(b"access-control-")]
    names = {name.lower() for name, _ in kept}
    is_page = any(name.lower() == b"content-type" and value.startswith(b"text/html") for name, value in kept)
    return [*kept, (b"cache-control", b"no-store")] if is_page and b"cache-control" not in names else kept


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, sentence: str) -> None:
    if scope["type"] == "websocket":
        await receive()  # websocket.connect
        await send({"type": "websocket.close", "code": 1008, "reason": sentence})
    elif status == 401 and scope["method"] in ("GET", "HEAD") and _wants_page(scope):
        await _redirect(send, SIGN_IN)
    else:
        await _respond(send, status, sentence)


def _wants_page(scope: Scope) -> bool:
    return any("text/html" in accept for accept in _headers(scope).get("accept", []))


async def _redirect(send: Send, path: str, *headers: tuple[bytes, bytes]) -> None:
    await _respond(send, 303, "", [(b"location", path.encode()), *headers])


async def _respond(
    send: Send, status: int, text: str, headers: Iterable[tuple[bytes, bytes]] = (), html: bool = False
) -> None:
    body = text.encode()
    kind = b"text/html; charset=utf-8" if html else b"text/plain; charset=utf-8"
    own = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": [*own, *headers]})
    await send({"type": "http.response.body", "body": body})


def _bracketed(name: str) -> str:
    return f"[{name}]" if ":" in name else name
