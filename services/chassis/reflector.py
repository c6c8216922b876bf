"""grpc.reflection.v1alpha that does not hold a draining server up: tools keep its stream open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Protocol, cast

from grpc_reflection.v1alpha.reflection import aio
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse


class _Reflection(Protocol):
    """What the library's servicer is; its stubs describe a coroutine."""

    def ServerReflectionInfo(  # noqa: N802  (the protocol's name)
        self, request_iterator: AsyncIterator[ServerReflectionRequest], unused_context: object
    ) -> AsyncIterator[ServerReflectionResponse]: ...


class Reflector:
    """Answers about the services `names` until `draining` is set."""

    def __init__(self, names: Sequence[str], draining: asyncio.Event) -> None:
        self._reflection = cast("_Reflection", aio.ReflectionServicer(names))
        self._draining = draining

    async def ServerReflectionInfo(  # noqa: N802  (the protocol's name)
        self, request_iterator: AsyncIterator[ServerReflectionRequest], context: object
    ) -> AsyncIterator[ServerReflectionResponse]:
        """As the library's, with an end."""
        async for response in self._reflection.ServerReflectionInfo(self._until_drained(request_iterator), context):
            yield response

    async def _until_drained(
        self, requests: AsyncIterator[ServerReflectionRequest]
    ) -> AsyncIterator[ServerReflectionRequest]:
        iterator = aiter(requests)
        drained = asyncio.ensure_future(self._draining.wait())
        request: asyncio.Future[ServerReflectionRequest] | None = None
        try:
            while True:
                request = asyncio.ensure_future(anext(iterator))
                await asyncio.wait({request, drained}, return_when=asyncio.FIRST_COMPLETED)
                if not request.done():
                    return
                yield request.result()
        except StopAsyncIteration:
            return
        finally:
            drained.cancel()
            if request is not None:
                request.cancel()
