"""The server of `shallownet-c play` in a thread, with sockets and all."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import uvicorn

from shallownet_c._play import _server

TOKEN = "a-token_of-the-tests"


@contextlib.contextmanager
def serving() -> Iterator[int]:
    """Serve until the end of the block; yields the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        server = _server.server(port, TOKEN, uvicorn)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield port
        finally:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()
