"""A proxy in front of the S3 server that gives a seeded share of requests the faults of a busy store and a bad line."""

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import ClientConnectionResetError, ClientError, ClientSession, web
from multidict import CIMultiDict
from yarl import URL

ANSWERS = {
    "500": (500, "InternalError"),
    "503": (503, "SlowDown"),
    "403": (403, "AccessDenied"),
    "bucket": (404, "NoSuchBucket"),
}
"""Faults that are answers: status and code. The request never reaches the server."""

TRANSIENT = ("500", "503", "lost", "cut", "stall", "hang")
"""Faults that pass: the two answers of a busy server, an answer that is lost after the request was carried out, one
that breaks off in the middle of its body, a request that is never answered, and a body that stops coming."""

_HOP = {"connection", "expect", "keep-alive", "transfer-encoding"}


class FaultProxy:
    """Passes requests on to a server, but for those that are drawn to meet a fault.

    Attributes:
        endpoint: Address that clients use instead of the server's.
        share: Share of requests that meet a fault, 0 to 1.
        kinds: Faults that are drawn from, each as likely as it stands here.
        delay_s: How long every write waits before anything becomes of it, as in a store that is far away.
        passed: Requests that were passed on.
        faults: Faults given so far, by kind.
    """

    def __init__(self, target: str, *, seed: int) -> None:
        self._target = target
        self._random = random.Random(seed)
        self._stalled = asyncio.Event()
        self._to_come: list[str | None] = []
        self.share = 0.0
        self.kinds: tuple[str, ...] = TRANSIENT
        self.delay_s = 0.0
        self.passed = 0
        self.faults = Counter[str]()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result()

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)

    @contextmanager
    def giving(self, *kinds: str, share: float = 1.0) -> Iterator[None]:
        """Give these faults to a share of the requests inside the block."""
        before = self.kinds, self.share
        self.kinds, self.share = kinds, share
        try:
            yield
        finally:
            self.kinds, self.share = before

    def once(self, kind: str, *, after: int = 0) -> None:
        """Give a fault to one request alone, after so many that are passed on."""
        self._to_come = [None] * after + [kind]

    async def _open(self) -> None:
        self._session = ClientSession(auto_decompress=False)
        self._runner = web.ServerRunner(web.Server(self._answer), shutdown_timeout=0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.endpoint = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _close(self) -> None:
        self._stalled.set()
        await self._runner.cleanup()
        await self._session.close()

    def _draw(self) -> str | None:
        kind = None
        if self._to_come:
            kind = self._to_come.pop(0)
        elif self._random.random() < self.share:
            kind = self._random.choice(self.kinds)
        if kind is not None:
            self.faults[kind] += 1
        return kind

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.headers.get("Expect", "").lower() == "100-continue":
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        data = await request.content.read()
        if request.method == "PUT":
            await asyncio.sleep(self.delay_s)
        fault = self._draw()
        if fault in ANSWERS:
            return _refusal(request, *ANSWERS[fault])
        if fault == "stall":
            await self._stalled.wait()
            return _broken_off(request)
        try:
            status, headers, body = await self._pass_on(request, data)
        except (ClientError, OSError):  # the server is down
            return _broken_off(request)
        if fault == "lost":
            return _broken_off(request)
        try:
            return await self._reply(request, web.StreamResponse(status=status, headers=headers), body, fault)
        except ClientConnectionResetError:  # the client is gone
            return _broken_off(request)

    async def _pass_on(self, request: web.BaseRequest, data: bytes) -> tuple[int, CIMultiDict, bytes]:
        self.passed += 1
        # The signature covers host and path: both go on as they came.
        async with self._session.request(
            request.method,
            URL(f"{self._target}{request._message.path}", encoded=True),
            headers=_without_hops(request.headers),
            data=data,
            allow_redirects=False,
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        ) as answer:
            return answer.status, _without_hops(answer.headers), await answer.read()

    async def _reply(
        self, request: web.BaseRequest, reply: web.StreamResponse, body: bytes, fault: str | None
    ) -> web.StreamResponse:
        if request.method != "HEAD":
            reply.content_length = len(body)
        await reply.prepare(request)
        await reply.write(body[: len(body) // 2] if fault else body)
        if fault == "hang":
            await self._stalled.wait()
        if fault:
            return _broken_off(request)
        await reply.write_eof()
        return reply


def _without_hops(headers: CIMultiDict) -> CIMultiDict:
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in _HOP)


def _refusal(request: web.BaseRequest, status: int, code: str) -> web.Response:
    text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>made up</Message></Error>"
    return web.Response(status=status, body=b"" if request.method == "HEAD" else text.encode())


def _broken_off(request: web.BaseRequest) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
