"""What a command prints: tables for people, protobuf JSON (64-bit integers as strings, bytes in hex) for programs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC
from typing import TextIO, TypeAlias

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from clients.admin.advice import advice
from clients.errors import CallError

JsonValue: TypeAlias = "str | int | bool | Sequence[JsonValue] | dict[str, JsonValue] | None"


# In a file or a pipe nobody's window is too narrow: ids and numbers stay whole. COLUMNS says otherwise.
PIPED_COLUMNS = 240
UNBOUNDED_COLUMNS = 10_000
# Of an id in a table that is too narrow for it.
SHORT_LENGTH = 13


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Left to rich, a closed pipe would end us with 1, which says REFUTED."""
        raise BrokenPipeError


def _console(stream: TextIO) -> Console:
    known = stream.isatty() or os.environ.get("COLUMNS", "").isdigit()
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
        self.raw(json.dumps(message_value(message), ensure_ascii=False))

    def value(self, value: JsonValue) -> None:
        """A value of our own as JSON."""
        self.raw(json.dumps(value, indent=2, ensure_ascii=False))

    def raw(self, text: str) -> None:
        """Text as it is, without markup and without wrapping."""
        self.console.print(text, markup=False, soft_wrap=True)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table; columns whose name starts with ">" are numbers and stand right, one that starts with "#" holds ids.

        An id is never broken: where the window is too narrow for whole ids they are cut short in the table and follow
        it whole, a line each, to be copied.
        """
        whole = _table(title, columns, rows)
        unbounded = self.console.options.update(max_width=UNBOUNDED_COLUMNS)
        least = Measurement.get(self.console, unbounded, whole).minimum
        if least <= self.console.width or not any(column.startswith("#") for column in columns):
            self.console.print(whole)
            return
        short = [
            [_short(cell) if column.startswith("#") else cell for column, cell in zip(columns, row, strict=True)]
            for row in rows
        ]
        self.console.print(_table(title, columns, short))
        seen: dict[str, None] = {}
        for row in rows:
            seen.update((cell, None) for column, cell in zip(columns, row, strict=True) if column.startswith("#"))
        for cell in seen:
            if _short(cell) != cell:
                self.raw(cell)

    def facts(self, title: str, facts: Sequence[tuple[str, str]]) -> None:
        """Name and value, one a line."""
        self.console.print(f"[bold]{escape(title)}[/bold]")
        width = max((len(name) for name, _ in facts), default=0)
        for name, value in facts:
            self.console.print(f"  {escape(name.ljust(width))}  {escape(value)}", soft_wrap=True)

    def note(self, text: str) -> None:
        """A remark for people, never on the standard output that programs read."""
        self.errors.print(escape(text), soft_wrap=True)

    def call_error(self, error: CallError, *, request_id: str = "") -> None:
        """A failed call: reason, message, every violation, metadata, and what to do."""
        todo = advice(error)
        if self.as_json:
            self.errors.print(
                json.dumps(_error_value(error, todo, request_id), ensure_ascii=False), markup=False, soft_wrap=True
            )
            return
        self.errors.print(f"[bold red]{escape(error.reason)}[/bold red] {escape(error.message)}", soft_wrap=True)
        for violation in error.violations:
            self.errors.print(f"  {escape(violation.field)}: {escape(violation.description)}", soft_wrap=True)
        for key, value in sorted(error.metadata.items()):
            self.errors.print(f"  {escape(key)} = {escape(value)}", soft_wrap=True)
        if todo:
            self.errors.print(f"What to do: {escape(todo)}.", soft_wrap=True)
        if request_id:
            self.errors.print(f"Request id: {escape(request_id)}", soft_wrap=True)

    def problem(self, reason: str, text: str) -> None:
        """A failure of our own (configuration, a file)."""
        if self.as_json:
            self.errors.print(json.dumps({"error": {"reason": reason, "message": text}}), markup=False, soft_wrap=True)
        else:
            self.errors.print(f"[bold red]{escape(reason)}[/bold red] {escape(text)}", soft_wrap=True)


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(title=title, title_justify="left")
    for column in columns:
        right, ids = column.startswith(">"), column.startswith("#")
        table.add_column(
            column.lstrip(">#"), justify="right" if right else "left", overflow="fold", no_wrap=right or ids
        )
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    return table


def _short(text: str) -> str:
    return text if len(text) <= SHORT_LENGTH else text[: SHORT_LENGTH - 1] + "…"


def message_value(message: Message) -> dict[str, JsonValue]:
    """A message as protobuf JSON that says zeros too, with bytes as every argument wants them: in lower-case hex."""
    printed: dict[str, JsonValue] = MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    _bytes_in_hex(message, printed)
    return printed


def _bytes_in_hex(message: Message, printed: JsonValue) -> None:
    # Times and durations are text by now, and hold no bytes.
    if not isinstance(printed, dict):
        return
    for field, value in message.ListFields():
        shown = printed[field.name]
        if field.type == FieldDescriptor.TYPE_BYTES:
            printed[field.name] = [each.hex() for each in value] if isinstance(shown, list) else value.hex()
        elif field.type == FieldDescriptor.TYPE_MESSAGE and isinstance(shown, list):
            for each, part in zip(value, shown, strict=True):
                _bytes_in_hex(each, part)
        elif isinstance(value, Message):
            # Neither list nor message is a map, and the suite's maps hold text.
            _bytes_in_hex(value, shown)


def _error_value(error: CallError, todo: str, request_id: str) -> dict[str, JsonValue]:
    body: dict[str, JsonValue] = {
        "code": error.code.name,
        "reason": error.reason,
        "message": error.message,
        "metadata": dict(error.metadata),
        "violations": [{"field": each.field, "description": each.description} for each in error.violations],
        "advice": todo,
    }
    if request_id:
        body["request_id"] = request_id
    return {"error": body}


def when(stamp: Timestamp) -> str:
    """A time in UTC to the second; empty for one that was never set."""
    if not stamp.seconds:
        return ""
    return stamp.ToDatetime(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
