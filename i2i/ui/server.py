"""The server of the web page: its address, the application, and running it. NiceGUI is imported when it is built."""

from __future__ import annotations

import ipaddress
import logging
import os
import socket
import ssl
import sys
import threading
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..api.errors import I2IError, UsageError
from .security import LOOPBACK_NAMES, Credentials, SecurityMiddleware, SecurityPolicy
from .session import SessionStore
from .worker import WorkerPool

if TYPE_CHECKING:
    from ..registry import Registry
    from .pages import Page

DEFAULT_PORT = 8800
PORTS = 100
"""Ports that are tried from the default one on."""
_ALL_ADDRESSES = ("0.0.0.0", "::")
_MAX_WEBSOCKET = 2**21
"""Bytes of one websocket message."""
_SHUTDOWN_SECONDS = 2


@dataclass(frozen=True)
class ServerSettings:
    """How the page is served."""

    host: str = "127.0.0.1"
    port: int | None = None
    """None for the first free port from ``DEFAULT_PORT`` on."""
    credentials: Credentials | None = None
    certfile: Path | None = None
    keyfile: Path | None = None
    local_files: bool = True
    """Whether users may name files of this machine by path."""

    @property
    def tls(self) -> bool:
        """Whether the page is served over HTTPS."""
        return self.certfile is not None


@dataclass(frozen=True)
class PageContext:
    """What the pages know of the server."""

    registry: Registry
    folder: Path
    """A temporary directory, removed when the server stops; everything that is stored goes there."""
    local_files: bool = True
    sign_in: bool = False
    """Whether users sign in, and can sign out."""
    store: SessionStore | None = None
    """The sessions; None where a page is built that needs none, as in tests."""
    workers: WorkerPool = field(default_factory=WorkerPool)
    """The worker processes, which start with their first job."""


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches a server on ``host``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def bind(host: str, port: int | None) -> socket.socket:
    """Return a socket bound to the port, or to the first free one from ``DEFAULT_PORT`` on.

    Raises:
        UsageError: the port is in use or not allowed, or the host is no address of this machine.
    """
    family, address = _resolve(host)
    ports = range(DEFAULT_PORT, DEFAULT_PORT + PORTS) if port is None else (port,)
    for number in ports:
        bound = socket.socket(family, socket.SOCK_STREAM)
        if os.name == "posix":  # on Windows it would let two servers share one port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((address, number))
            bound.listen(128)  # now, as only this fails where another socket with the option has been bound
        except PermissionError:
            bound.close()
            raise UsageError(
                f"Port {number} needs administrator rights; choose one from 1024 on with --port N."
            ) from None
        except OSError as error:
            bound.close()
            if not _in_use(error):
                raise UsageError(f"--host {host} is no address of this machine ({error.strerror}).") from None
        else:
            return bound
    if port is not None:
        raise UsageError(f"Port {port} is in use; choose another with --port N, or leave --port out for a free one.")
    raise UsageError(f"The ports {ports[0]} to {ports[-1]} are in use; choose another with --port N.")


def _resolve(host: str) -> tuple[socket.AddressFamily, str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise UsageError(f"--host {host} cannot be resolved; give an address such as 0.0.0.0 or 192.168.1.5.") from None
    found.sort(key=lambda each: each[0] != socket.AF_INET)  # "localhost" is both 127.0.0.1 and ::1
    return found[0][0], str(found[0][4][0])


def _in_use(error: OSError) -> bool:
    import errno

    return error.errno in (errno.EADDRINUSE, getattr(errno, "WSAEADDRINUSE", errno.EADDRINUSE))


def check_certificate(certfile: Path, keyfile: Path) -> None:
    """Refuse files that cannot serve HTTPS.

    Raises:
        UsageError: one cannot be read, or they do not belong together.
    """
    try:
        # Without a password function, an encrypted key would ask for its password on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certfile, keyfile, password=lambda: "")
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UsageError(
            f"{certfile} and {keyfile} cannot be used for HTTPS ({reason}); give a PEM certificate and its key, which "
            "must not be encrypted."
        ) from None


def security_policy(settings: ServerSettings, port: int) -> SecurityPolicy:
    """Return who may reach the page under which names."""
    host = settings.host.lower()
    everywhere = host in _ALL_ADDRESSES
    names = {socket.gethostname().lower(), f"{socket.gethostname().lower()}.local"} if everywhere else {_plain(host)}
    return SecurityPolicy(
        port,
        LOOPBACK_NAMES | names,
        any_address=everywhere,
        tls=settings.tls,
        credentials=settings.credentials,
    )


def _plain(host: str) -> str:
    """Return a host as browsers write it: addresses in their short form."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host


def page_address(settings: ServerSettings, port: int) -> str:
    """Return the address to open in a browser, such as ``"http://127.0.0.1:8800"``."""
    host = "127.0.0.1" if settings.host == "0.0.0.0" else "::1" if settings.host == "::" else _plain(settings.host)
    return f"{'https' if settings.tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


def build_application(context: PageContext, pages: Sequence[Page] | None = None) -> Any:
    """Return the FastAPI application with the pages, without the security middleware.

    Pages belong to the process: build one application in each.
    """
    os.environ["NICEGUI_STORAGE_PATH"] = str(context.folder / "nicegui")  # read once, while NiceGUI is imported
    from fastapi import FastAPI
    from nicegui import ui

    from .pages import PAGES
    from .pages.shell import FAVICON, register_pages

    application = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    register_pages(context, PAGES if pages is None else pages)
    ui.run_with(
        application,
        title="i2i",
        favicon=FAVICON,
        dark=None,
        language="en-US",
        tailwind=False,  # it would compile styles in the browser, which delays the first paint
        show_welcome_message=False,
    )
    return application


def serve(registry: Registry, settings: ServerSettings, started: Callable[[str], None]) -> None:
    """Serve the page until the process gets SIGINT or SIGTERM, which is then raised as usual.

    Args:
        started: Called with the address once the page answers.

    Raises:
        UsageError: the address cannot be used.
    """
    import uvicorn

    log = logging.getLogger("nicegui")
    log.setLevel(logging.ERROR)  # not a line for every unknown path
    log.addFilter(_is_unexpected)
    with (
        bind(settings.host, settings.port) as bound,
        closing(SessionStore(registry, local_files=settings.local_files)) as store,
        closing(WorkerPool()) as workers,
    ):
        port = bound.getsockname()[1]
        signs_in = settings.credentials is not None
        # The folder of the sessions is locked: another one would be removed by the next server as a left-over.
        context = PageContext(registry, store.folder, settings.local_files, signs_in, store, workers)
        application = build_application(context)

        class AnnouncingServer(uvicorn.Server):
            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                if self.started:
                    started(page_address(settings, port))

        config = uvicorn.Config(
            SecurityMiddleware(application, security_policy(settings, port)),
            log_level="warning",
            ws="wsproto",
            ws_max_size=_MAX_WEBSOCKET,
            proxy_headers=False,  # anyone could claim another address, and so avoid the limit on wrong passwords
            server_header=False,
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
            ssl_certfile=settings.certfile,
            ssl_keyfile=settings.keyfile,
        )
        AnnouncingServer(config).run(sockets=[bound])


def _is_unexpected(record: logging.LogRecord) -> bool:
    """Return whether a log record is not the traceback of an error for the user, which the page has shown."""
    return not (record.exc_info and isinstance(record.exc_info[1], I2IError))


def open_browser(address: str) -> bool:
    """Open the address in a browser with a window, in the background; False where there is none."""
    if sys.platform not in ("win32", "darwin") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False  # only browsers in the terminal could be found, which cannot show the page
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return False
    threading.Thread(target=browser.open, args=(address,), daemon=True).start()
    return True
