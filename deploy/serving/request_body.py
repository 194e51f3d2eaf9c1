"""A request's body: read up to a cap, within a deadline."""

import asyncio

from starlette.requests import Request

from deploy.errors import BodyTooLarge, BodyTooSlow


async def read_body(request: Request, limit_bytes: int, limit_seconds: float) -> bytes:
    """Return the whole body.

    Raises
    ------
    BodyTooLarge
        It has, or announces, more than ``limit_bytes``; what comes beyond is not kept.
    BodyTooSlow
        It is not complete within ``limit_seconds``.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit_bytes:
        raise BodyTooLarge(limit_bytes)
    try:
        async with asyncio.timeout(limit_seconds):
            return await _read_chunks(request, limit_bytes)
    except TimeoutError as error:
        raise BodyTooSlow(limit_seconds) from error


async def _read_chunks(request: Request, limit_bytes: int) -> bytes:
    chunks: list[bytes] = []
    size_bytes = 0
    async for chunk in request.stream():
        size_bytes += len(chunk)
        if size_bytes > limit_bytes:
            raise BodyTooLarge(limit_bytes)
        chunks.append(chunk)
    return b"".join(chunks)
