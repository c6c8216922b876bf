"""What is wrong with an argument, in our own words: typer hands on what the library says that reads values for it."""

from __future__ import annotations

from typing import Any

import typer

_WHOLE_NUMBER = "must be a whole number"
# By the library's names of what can be wrong with a value; its bounds stand in the context of that.
_BY_TYPE = {
    "int_parsing": _WHOLE_NUMBER,
    "int_parsing_size": _WHOLE_NUMBER,
    "int_type": _WHOLE_NUMBER,
    "int_from_float": _WHOLE_NUMBER,
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
}
_NO_DAY = "does not match the formats"


def explain(error: typer.TyperException) -> str:
    """What to print of a usage error; empty where typer has shown by now what there is to give."""
    if isinstance(error, typer.BadParameter) and (found := _found(error.__cause__)):
        error.message = found
    return error.format_message()


def _found(cause: BaseException | None) -> str:
    """What the reading of a value came to; empty for an error that is typer's own, or ours."""
    # Loaded by now if the cause is one, and half of the command's start if it were loaded each time.
    from pydantic import ValidationError  # noqa: PLC0415

    if not isinstance(cause, ValidationError):
        return ""
    return "; ".join(_words(each["type"], each["input"], each.get("ctx", {})) for each in cause.errors())


def _words(kind: str, given: object, context: dict[str, Any]) -> str:
    if kind == "value_error":
        said = str(context.get("error", ""))
        return f"{given!r} is not a day, YYYY-MM-DD" if _NO_DAY in said else said.rstrip(".")
    return f"{given!r} {_BY_TYPE.get(kind, 'cannot be used').format_map(context)}"
