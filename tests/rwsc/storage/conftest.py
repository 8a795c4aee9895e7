"""A door in front of the S3 server that breaks off answers on demand."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from s3_server import S3Server
from support.fault_proxy import FaultProxy

from rwsc.storage import s3


class CuttingProxy:
    """A TCP proxy that closes the connection inside the answers it is told to cut.

    Attributes:
        endpoint: Address that clients use instead of the server's.
        cuts: For each answer to come, after how many bytes it breaks off; the rest pass whole.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._door = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._door.getsockname()[1]}"
        self.cuts: list[int] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._door.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._door.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.create_connection(self._target)
        threading.Thread(target=self._pass_requests, args=(client, server), daemon=True).start()
        left = None
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                if left is None and self.cuts:
                    left = self.cuts.pop(0)
                client.sendall(data if left is None else data[:left])
                left = None if left is None else left - len(data)
                if left is not None and left <= 0:
                    break
        for end in (client, server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _pass_requests(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                server.sendall(data)


@pytest.fixture
def cutting_proxy(
    s3_server: S3Server, s3_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[CuttingProxy]:
    """A cutting proxy that S3 clients of this test go through."""
    server = urlsplit(s3_server.endpoint)
    proxy = CuttingProxy((server.hostname, server.port))
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
    yield proxy
    proxy.close()


@pytest.fixture
def fault_proxy(
    s3_server: S3Server, s3_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[FaultProxy]:
    """A fault proxy that S3 clients of this test go through, and which tire of a silent server soon."""
    proxy = FaultProxy(s3_server.endpoint, seed=5)
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
    for patience, name in (("long", "read_timeout"), ("none", "read_timeout"), ("short", "timeout")):
        monkeypatch.setitem(s3._TIMEOUTS, patience, {**s3._TIMEOUTS[patience], name: "1s"})
    monkeypatch.setattr(s3, "_READ_TIMEOUT_S", 1)
    for clients in (s3._bucket_client, s3._file_system):
        clients.cache_clear()
    yield proxy
    for clients in (s3._bucket_client, s3._file_system):
        clients.cache_clear()
    proxy.close()
