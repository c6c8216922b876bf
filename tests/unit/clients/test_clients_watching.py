"""`monazite log watch` outlives a restart of what it watches, and a refusal ends it."""

from __future__ import annotations

from io import StringIO

import grpc
import pytest
from monazite_provenance.monitor import Monitor
from monazite_provenance.names import log_urn
from monazite_provenance.receipts import HeadVerifier
from rich.console import Console

from clients.admin.commands.logs import observed
from clients.admin.output import Output
from clients.errors import CallError
from tests.fakes.log_keys import Ring

LOG = log_urn("registry")


class Failing:
    """A log whose service answers with this code."""

    name = LOG

    def __init__(self, code: grpc.StatusCode) -> None:
        self.code = code

    async def observe(self, _monitor: Monitor, /) -> bool:
        raise CallError(self.code, "TRANSPORT_UNREACHABLE", "nobody answers")


async def looked(code: grpc.StatusCode, *, patiently: bool) -> tuple[bool, str]:
    errors = StringIO()
    output = Output(as_json=False, errors=Console(file=errors))
    monitor = Monitor(HeadVerifier(Ring({})), LOG)
    return await observed(Failing(code), monitor, output, patiently=patiently), errors.getvalue()


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED])
async def test_a_service_that_is_away_is_asked_again(code: grpc.StatusCode) -> None:
    newer, said = await looked(code, patiently=True)
    assert not newer
    assert "nobody answers" in said


@pytest.mark.parametrize(
    ("code", "patiently"), [(grpc.StatusCode.UNAVAILABLE, False), (grpc.StatusCode.PERMISSION_DENIED, True)]
)
async def test_what_will_not_pass_ends_it(code: grpc.StatusCode, patiently: bool) -> None:
    with pytest.raises(CallError):
        await looked(code, patiently=patiently)
