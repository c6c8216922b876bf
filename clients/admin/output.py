"""What a command prints: tables for people, protobuf JSON (64-bit integers as strings, bytes in hex) for programs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC
from typing import TextIO, TypeAlias

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from monazite.export_license.v1.export_license_pb2 import Case
from monazite.type.v1.statement_pb2 import Outpoint
from monazite_provenance.streams import STANDARD_OUTPUT, OutputUnusable
from rich.console import Console
from rich.markup import escape

from clients.admin import tables
from clients.admin.advice import advice
from clients.admin.arguments import outpoint_text
from clients.errors import FILE_UNUSABLE, CallError, Violation

JsonValue: TypeAlias = "str | int | bool | Sequence[JsonValue] | dict[str, JsonValue] | None"


# In a file or a pipe nobody's window is too narrow: ids and numbers stay whole. COLUMNS says otherwise.
PIPED_COLUMNS = 240


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Left to rich, a closed pipe would end us with 1, which says REFUTED."""
        raise BrokenPipeError


def _console(stream: TextIO) -> Console:
    told = os.environ.get("COLUMNS", "")
    # Rich prints nothing at all on 0 columns, which is what some terminals and programs say when they do not know.
    columns = int(told) if told.isascii() and told.isdigit() else 0
    known = columns > 0 or (stream.isatty() and not told)
    return _Console(file=stream, highlight=False, width=None if known else PIPED_COLUMNS)


class Output:
    """Where a command's results go; `as_json` decides how."""

    def __init__(self, *, as_json: bool, console: Console | None = None, errors: Console | None = None) -> None:
        self.as_json = as_json
        self.console = console or _console(sys.stdout)
        self.errors = errors or _console(sys.stderr)

    def message(self, message: Message) -> None:
        """One message as JSON, on its own lines."""
        self.value(message_value(message))

    def line(self, message: Message) -> None:
        """One message as JSON on one line, for streams."""
        self.value_line(message_value(message))

    def value(self, value: JsonValue) -> None:
        """A value of our own as JSON."""
        self.raw(json.dumps(value, indent=2, ensure_ascii=False))

    def value_line(self, value: JsonValue) -> None:
        """A value of our own as JSON on one line, for streams."""
        self.raw(json.dumps(value, ensure_ascii=False))

    def raw(self, text: str) -> None:
        """Text as it is, without markup and without wrapping."""
        self.console.print(text, markup=False, soft_wrap=True)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table of cells, none of which is lost in a narrow window; a name that starts with ">" is one of numbers."""
        tables.show(self.console, title, columns, rows)

    def facts(self, title: str, facts: Sequence[tuple[str, str]]) -> None:
        """Name and value, one a line; what is empty has none."""
        self.console.print(f"[bold]{escape(title)}[/bold]")
        told = [(name, value) for name, value in facts if value]
        width = max((len(name) for name, _ in told), default=0)
        for name, value in told:
            self.console.print(f"  {escape(name.ljust(width))}  {escape(value)}", soft_wrap=True)

    def note(self, text: str) -> None:
        """A remark for people, never on the standard output that programs read."""
        self.errors.print(escape(text), soft_wrap=True)

    def call_error(self, error: CallError, *, request_id: str = "", of_act: bool = False) -> None:
        """A failed call: reason, message, metadata, every violation, and what to do. `of_act`: the request id is that
        of an act of export.
        """
        self._failure(
            error.reason,
            error.message,
            error.metadata,
            code=error.code.name,
            violations=error.violations,
            request_id=request_id,
            of_act=of_act,
        )

    def problem(self, reason: str, message: str, metadata: Mapping[str, str | int]) -> None:
        """A failure of our own: arguments, configuration, a file."""
        self._failure(reason, message, metadata)

    def unusable(self, error: OutputUnusable, *, request_id: str = "", of_act: bool = False) -> None:
        """The standard output is closed or full: said on the standard error, however the result was to come."""
        spoken = Output(as_json=False, console=self.console, errors=self.errors)
        done = "; what was asked for was done, and given again with the same id it gives the same answer"
        said = f"{error}{done if request_id else ''}"
        spoken._failure(FILE_UNUSABLE, said, {"file": STANDARD_OUTPUT}, request_id=request_id, of_act=of_act)

    def _failure(
        self,
        reason: str,
        message: str,
        metadata: Mapping[str, str | int],
        *,
        code: str = "",
        violations: Sequence[Violation] = (),
        request_id: str = "",
        of_act: bool = False,
    ) -> None:
        """Why there is no result: as JSON in the result's place, else in lines on the standard error.

        The shape is that of the offline tool too (docs/ERRORS.md), with what only a call has.
        """
        facts = {name: str(value) for name, value in metadata.items()}
        todo = advice(reason, changes=bool(request_id), act_id=request_id if of_act else "", gaps=facts.get("gaps", ""))
        if self.as_json:
            body: dict[str, JsonValue] = {"reason": reason, "message": message, "metadata": {**facts}}
            if code:
                body["code"] = code
                body["violations"] = [{"field": each.field, "description": each.description} for each in violations]
            body |= {name: text for name, text in (("advice", todo), ("request_id", request_id)) if text}
            with suppress(OutputUnusable):
                self.value_line({"error": body})
                return
        self._complain(f"[bold red]{escape(reason)}[/bold red] {escape(message)}")
        for name, value in facts.items():
            if value:
                self._complain(f"  {escape(name)} = {escape(value)}")
        for each in violations:
            self._complain(f"  {escape(each.field)}: {escape(each.description)}")
        if todo:
            self._complain(f"What to do: {escape(todo)}.")
        if request_id:
            self._complain(f"{'Act' if of_act else 'Request'} id: {escape(request_id)}")

    def _complain(self, markup: str) -> None:
        self.errors.print(markup, soft_wrap=True)


def message_value(message: Message) -> dict[str, JsonValue]:
    """A message as protobuf JSON that says zeros too, with bytes as every argument wants them, in lower-case hex; and
    outpoints too, as ID:INDEX.
    """
    printed: dict[str, JsonValue] = MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    _as_arguments(message, printed)
    return printed


def _as_arguments(message: Message, printed: JsonValue) -> None:
    # Times and durations are text by now, and hold no bytes.
    if not isinstance(printed, dict):
        return
    if isinstance(message, Case) and not message.history:
        # Every case has a history: an answer without one does not tell it.
        del printed["history"]
    for field, value in message.ListFields():
        shown = printed[field.name]
        if field.type == FieldDescriptor.TYPE_BYTES:
            printed[field.name] = [each.hex() for each in value] if isinstance(shown, list) else value.hex()
        elif field.type == FieldDescriptor.TYPE_MESSAGE and isinstance(shown, list):
            printed[field.name] = [_as_argument(each, part) for each, part in zip(value, shown, strict=True)]
        elif isinstance(value, Message):
            # Neither list nor message is a map, and the suite's maps hold text.
            printed[field.name] = _as_argument(value, shown)


def _as_argument(message: Message, printed: JsonValue) -> JsonValue:
    if isinstance(message, Outpoint):
        return outpoint_text(message)
    _as_arguments(message, printed)
    return printed


def when(stamp: Timestamp) -> str:
    """A time in UTC to the second; empty for one that was never set."""
    if not stamp.seconds:
        return ""
    return stamp.ToDatetime(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
