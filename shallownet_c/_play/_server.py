"""The server of the page: on this machine alone, and for those who know the token in its address."""

import argparse
import asyncio
import contextlib
import json
import secrets
import socket
import threading
import webbrowser
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from shallownet_c._checks._extras import library
from shallownet_c._command._input import InputError
from shallownet_c._play import _data, _descent
from shallownet_c._play._settings import PAGE, Refusal, Settings
from shallownet_c.mlp import MLP

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

HOST = "127.0.0.1"
_WHAT = "shallownet-c play"
_TYPES = {
    "css": "text/css",
    "html": "text/html",
    "js": "text/javascript",
    "json": "application/json",
    "svg": "image/svg+xml",
}
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_MOST_BYTES = 1 << 21  # of one message: a CSV file of the greatest size, with its quotes and line ends escaped


def play(arguments: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C."""
    try:
        uvicorn = library("uvicorn", "play", _WHAT)
        library("websockets", "play", _WHAT)
        library("starlette", "play", _WHAT)
    except ImportError as error:
        raise InputError(str(error)) from None
    try:
        listener = socket.create_server((HOST, arguments.port))
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"--port {arguments.port}: {reason}; --port 0 takes a port that is free") from None
    with listener, contextlib.suppress(KeyboardInterrupt):
        port = listener.getsockname()[1]
        token = secrets.token_urlsafe(16)
        address = f"http://{HOST}:{port}/{token}/"
        print(address, flush=True)
        if arguments.browser:
            threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()
        MLP([2, 1]).fit([[0.0, 0.0]], [0.0], epochs=1)  # the first tab need not wait for the import of what trains
        server(port, token, uvicorn).run(sockets=[listener])
    return 0


def server(port: int, token: str, uvicorn: Any) -> Any:
    """Uvicorn's server for the page, to be run with a socket that listens on the port."""
    return uvicorn.Server(
        uvicorn.Config(
            application(port, token), lifespan="off", ws_max_size=_MOST_BYTES, ws_per_message_deflate=False,
            log_level="error", access_log=False, timeout_graceful_shutdown=2,
        )
    )  # fmt: skip


def application(port: int, token: str) -> App:
    """The page and its WebSocket, both at addresses that begin with the token.

    A page of another site can neither guess the token nor open the WebSocket (its Origin differs), nor can a name that
    its owner lets point to this machine (the Host differs). Our own page loads nothing from elsewhere.
    """
    hosts = {f"{name}:{port}" for name in (HOST, "localhost")}
    sockets = " ".join(sorted(f"ws://{host}" for host in hosts))  # not every browser takes 'self' for them
    headers = _HEADERS | {
        "Content-Security-Policy": f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        f"connect-src 'self' {sockets}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    }
    routing = library("starlette.routing", "play", _WHAT)
    responses = library("starlette.responses", "play", _WHAT)
    starlette = library("starlette.applications", "play", _WHAT)
    files = {file.name: file.read_bytes() for file in PAGE.iterdir() if file.name.rpartition(".")[2] in _TYPES}

    async def page(request: Any) -> Any:
        name = request.path_params["name"] or "index.html"
        if name not in files:
            return responses.PlainTextResponse("Not found", 404, headers)
        return responses.Response(files[name], headers=headers, media_type=_TYPES[name.rpartition(".")[2]])

    routes = [
        routing.WebSocketRoute("/{token}/socket", _talk),
        routing.Route("/{token}/{name:path}", page),
    ]
    app: App = starlette.Starlette(routes=routes)

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        given = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        is_socket = scope["type"] == "websocket"
        is_ours = given.get("host") in hosts
        if is_socket:
            is_ours &= given.get("origin") in {f"http://{host}" for host in hosts}
        if not is_ours:
            text = "This page is for browsers on the machine that serves it."
        elif not secrets.compare_digest(scope["path"].removeprefix("/").partition("/")[0].encode(), token.encode()):
            text = "Open the whole address that shallownet-c play has printed: it holds a token, and this one is wrong."
        else:
            await app(scope, receive, send)
            return
        if is_socket:
            await send({"type": "websocket.close", "code": 1008, "reason": ""})
        else:
            await responses.PlainTextResponse(text, 403, headers)(scope, receive, send)

    return guarded


async def _talk(websocket: Any) -> None:
    """Read what one tab asks for, and answer the newest, until it leaves."""
    left = library("starlette.websockets", "play", _WHAT).WebSocketDisconnect
    tab = _Tab()

    async def answer() -> None:
        with contextlib.suppress(left):
            await tab.answer(websocket.send_bytes)

    await websocket.accept()
    async with asyncio.TaskGroup() as group:
        answering = group.create_task(answer())
        while (message := await websocket.receive())["type"] != "websocket.disconnect":
            tab.ask(message.get("text"))
        answering.cancel()


class _Tab:
    """One tab of a browser: what it has asked for last, and its CSV file."""

    def __init__(self) -> None:
        self.seq = 0
        self.state: object = None
        self.csv: str | None = None
        self.table: _data.Rows | Refusal | None = None
        self.asked = asyncio.Event()

    def ask(self, text: str | None) -> None:
        """Keep the request, in the place of one that has not been answered yet."""
        try:
            request = json.loads(text or "")
        except (ValueError, RecursionError):
            request = {}
        if not isinstance(request, dict):
            request = {}
        seq = request.get("seq")
        self.seq = seq if isinstance(seq, int) and 0 <= seq < 1 << 53 else 0
        self.state = request.get("state")
        if isinstance(request.get("csv"), str):
            self.csv = request["csv"]
        self.asked.set()

    async def answer(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        """Train what is asked for; what is asked for meanwhile ends that.

        Each step of the work, some hundredths of a second, is done by another thread, and the kernels release the GIL.
        """
        while True:
            await self.asked.wait()
            self.asked.clear()
            seq = self.seq
            try:
                rows, settings = await asyncio.to_thread(self._prepare)
            except Refusal as refusal:
                await send(_descent.message({"kind": "refused", "seq": seq, "code": refusal.code, **refusal.values}))
                continue
            training = _descent.messages(seq, settings, rows)
            while not self.asked.is_set():
                message = await asyncio.to_thread(next, training, b"")
                if not message:
                    break
                await send(message)

    def _prepare(self) -> tuple[_data.Rows, Settings]:
        if self.csv is not None:
            text, self.csv = self.csv, None
            try:
                self.table = _data.read_csv(text)
            except Refusal as refusal:
                self.table = refusal
        settings = Settings.of(self.state)
        return _data.rows_of(settings, self.table), settings
