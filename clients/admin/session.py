"""One command's life: configuration in, connections open, work done, errors explained, exit code out."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Annotated, Protocol, Self, TypeVar

import typer
from google.protobuf.message import Message
from grpc import aio
from monazite_provenance.errors import ProvenanceError
from monazite_provenance.streams import OutputUnusable

from clients.admin.configuration import Configuration, ConfigurationError
from clients.admin.exit_codes import ExitCode, exit_code
from clients.admin.output import Output
from clients.connection import IdentityError, ask, open_channel
from clients.errors import BAD_INPUT, CONFIGURATION, TRANSPORT, CallError

JsonOption = Annotated[
    bool, typer.Option("--json", help="Protobuf JSON instead of a table; 64-bit integers are exact strings.")
]
RequestIdOption = Annotated[
    str,
    typer.Option(
        "--request-id", help="UUID of the command; give it again to get the first answer again.", show_default=False
    ),
]
LimitOption = Annotated[int, typer.Option("--limit", min=1, help="Most rows to fetch.")]
PageTokenOption = Annotated[
    str, typer.Option("--page-token", help="Goes on where a limited list ended.", show_default=False)
]

PAGE_SIZE = 200
LIMIT_DEFAULT = 1000


class InputError(Exception):
    """What the command was given, or got, is not what it should be; the message says what, the metadata which."""

    def __init__(self, message: str, *, reason: str = BAD_INPUT, **metadata: str | int) -> None:
        super().__init__(message)
        self.reason = reason
        self.metadata = metadata

    @classmethod
    def of(cls, error: ProvenanceError, **about: str | int) -> Self:
        """What the library says is wrong with something, under the library's reason."""
        return cls(error.message, reason=error.code, **{**about, **error.details})


Q = TypeVar("Q", bound=Message)
R = TypeVar("R", bound=Message)


@dataclass
class Session:
    """The connections of one command. Channels open on first use and close with the session."""

    configuration: Configuration
    output: Output
    request_id: str = ""
    of_act: bool = False
    _sent: bool = False
    _channels: dict[str, aio.Channel] = field(default_factory=dict[str, aio.Channel])

    def channel(self, service: str) -> aio.Channel:
        """The channel to one of `SERVICES`."""
        if service not in self._channels:
            address = self.configuration.addresses[service]
            self._channels[service] = open_channel(address, self.configuration.identity())
        return self._channels[service]

    def asked_at(self, error: CallError) -> dict[str, str]:
        """Of a failure that no service has seen: the addresses, by service, that the command has asked at."""
        if not error.reason.startswith(TRANSPORT):
            return {}
        return {service: self.configuration.addresses[service] for service in self._channels}

    async def ask(self, method: aio.UnaryUnaryMultiCallable[Q, R], request: Q) -> R:
        """Calls with the configured deadline."""
        self._sent = self._sent or (bool(self.request_id) and getattr(request, "request_id", "") == self.request_id)
        return await ask(method, request, timeout_s=self.configuration.timeout_s)

    def new_request_id(self, given: str) -> str:
        """`given`, else a fresh UUID; shown if the command fails once it was sent, so that it can be given again.

        Raises typer.BadParameter for one that is none.
        """
        try:
            uuid.UUID(given or "0" * 32)
        except ValueError as error:
            raise typer.BadParameter(f"{given!r} is not a UUID", param_hint="--request-id") from error
        self.request_id = given or str(uuid.uuid4())
        return self.request_id

    def sent_id(self) -> str:
        """The id of the request that was sent, or of the act of export; empty where none was."""
        return self.request_id if self._sent or self.of_act else ""

    def for_act(self, act_id: bytes) -> None:
        """The command is about an act of export, whose id serves as request id; shown in the same way."""
        self.request_id, self.of_act = str(uuid.UUID(bytes=act_id)), True

    def show(self, message: Message, table: Callable[[], None]) -> None:
        """`message` as JSON where that was asked for, else what `table` prints."""
        if self.output.as_json:
            self.output.message(message)
        else:
            table()

    def more(self, next_page_token: str) -> None:
        """Says that a list was cut at its limit, and how to go on."""
        if next_page_token:
            self.output.note(f"There is more: go on with --page-token {next_page_token}")

    async def __aenter__(self) -> Session:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for channel in self._channels.values():
            await channel.close()


def configuration(context: typer.Context) -> Configuration:
    """What the root command read."""
    found: object = context.find_root().obj
    if not isinstance(found, Configuration):
        raise TypeError("the root command has not set the configuration")
    return found


def run(
    context: typer.Context,
    work: Callable[[Session], Awaitable[None]],
    *,
    as_json: bool,
) -> None:
    """Runs one command's work; every failure ends here as an explanation and an exit code."""
    output = Output(as_json=as_json)
    session = Session(configuration(context), output)

    async def body() -> None:
        async with session:
            await work(session)

    try:
        asyncio.run(body())
    except CallError as error:
        error.metadata = {**error.metadata, **session.asked_at(error)}
        output.call_error(error, request_id=session.sent_id(), of_act=session.of_act)
        raise typer.Exit(exit_code(error)) from error
    except (ConfigurationError, IdentityError) as error:
        output.problem(CONFIGURATION, str(error), {})
        raise typer.Exit(ExitCode.CONFIGURATION) from error
    except InputError as error:
        output.problem(error.reason, str(error), error.metadata)
        raise typer.Exit(ExitCode.BAD_INPUT) from error
    except OutputUnusable as error:
        output.unusable(error, request_id=session.sent_id(), of_act=session.of_act)
        raise typer.Exit(ExitCode.USAGE) from error
    except KeyboardInterrupt as error:
        raise typer.Exit(ExitCode.INTERRUPTED) from error


class Paged(Protocol):
    """A list response of any service."""

    next_page_token: str

    def MergeFrom(self, other_msg: Self, /) -> None:  # noqa: N802 - protobuf's name
        """Appends another page."""
        ...


P = TypeVar("P", bound=Paged)


async def collect(
    fetch: Callable[[int, str], Awaitable[P]], size: Callable[[P], int], *, limit: int, page_token: str
) -> P:
    """Pages from `page_token` on, as one response of at most `limit` rows; its token goes on after them."""
    found = await fetch(min(PAGE_SIZE, limit), page_token)
    while found.next_page_token and size(found) < limit:
        token, found.next_page_token = found.next_page_token, ""
        page = await fetch(min(PAGE_SIZE, limit - size(found)), token)
        found.MergeFrom(page)
    return found
