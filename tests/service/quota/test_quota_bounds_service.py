"""How large a request quota takes."""

from __future__ import annotations

import pytest
from monazite.quota.v1 import quota_pb2 as pb
from monazite.quota.v1 import quota_pb2_grpc as rpc

from clients import errors
from clients.connection import Identity, ask, open_channel
from clients.errors import CallError
from services.quota.settings import REQUEST_BYTES_MAX
from tests.service.quota.conftest import OFFICER, Quota


async def test_too_large_a_request_is_refused_and_it_serves_on(quota: Quota) -> None:
    own = quota.certificate(OFFICER)
    identity = Identity(own.certificate, own.key, own.authority)
    async with open_channel(f"localhost:{quota.port}", identity) as channel:
        stub = rpc.AllocationServiceStub(channel)
        with pytest.raises(CallError) as read:
            await ask(stub.EnterIndicator, pb.EnterIndicatorRequest(document="x" * (REQUEST_BYTES_MAX - 100)))
        assert read.value.reason == "INVALID_FIELDS"
        with pytest.raises(CallError) as refused:
            await ask(stub.EnterIndicator, pb.EnterIndicatorRequest(document="x" * REQUEST_BYTES_MAX))
        assert refused.value.reason == errors.TRANSPORT_TOO_LARGE
        await ask(stub.ListIndicators, pb.ListIndicatorsRequest(year=2024))
