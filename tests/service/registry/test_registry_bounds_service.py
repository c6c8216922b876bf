"""How large a request the registry takes."""

from __future__ import annotations

import pytest
from monazite.registry.v1 import registry_pb2 as pb
from monazite.registry.v1 import registry_pb2_grpc as rpc
from monazite.type.v1.statement_pb2 import StatementItem
from monazite_provenance.item import ITEM_BYTES_MAX

from clients import errors
from clients.connection import REQUEST_BYTES_MAX as CLIENT_REQUEST_BYTES_MAX
from clients.connection import Identity, ask, open_channel
from clients.errors import CallError
from services.registry.messages.fields import DRAWS_MAX
from services.registry.settings import REQUEST_BYTES_MAX
from tests.service.calling import new_id
from tests.service.registry.api import Api
from tests.service.registry.conftest import Registry


def submission(item: bytes, rights: int) -> pb.SubmitStatementRequest:
    """A statement of the caller's own with so many rights, each as large as the format lets an item be."""
    return pb.SubmitStatementRequest(
        request_id=new_id(),
        statement=StatementItem(item=item),
        rights=[StatementItem(item=bytes(ITEM_BYTES_MAX)) for _ in range(rights)],
    )


async def test_the_largest_legal_request_is_read_and_a_larger_one_refused_and_it_serves_on(
    registry: Registry, mine: Api
) -> None:
    own = registry.authority.issue("enterprise/mine-1/erp")
    identity = Identity(own.certificate, own.key, own.authority)
    legal = submission(bytes(ITEM_BYTES_MAX), DRAWS_MAX)
    assert legal.ByteSize() <= REQUEST_BYTES_MAX < CLIENT_REQUEST_BYTES_MAX
    over = submission(bytes(ITEM_BYTES_MAX + REQUEST_BYTES_MAX - legal.ByteSize() + 1), DRAWS_MAX)
    assert REQUEST_BYTES_MAX < over.ByteSize() < CLIENT_REQUEST_BYTES_MAX
    async with open_channel(f"localhost:{registry.port}", identity) as channel:
        submit = rpc.LotServiceStub(channel).SubmitStatement
        with pytest.raises(CallError) as read:
            await ask(submit, legal)
        # Read, and found to be no statement.
        assert read.value.reason == "TRAILING_BYTES"
        with pytest.raises(CallError) as refused:
            await ask(submit, over)
        assert refused.value.reason == errors.TRANSPORT_TOO_LARGE
        with pytest.raises(CallError) as unsent:
            await ask(submit, submission(bytes(CLIENT_REQUEST_BYTES_MAX), 0))
        assert unsent.value.reason == errors.TRANSPORT_TOO_LARGE
    assert await mine.ids()
