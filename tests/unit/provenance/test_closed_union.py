"""Details are a closed union: a `match` over it can be exhausted, and the type checkers say when one is not."""

from __future__ import annotations

from pathlib import Path
from typing import assert_never, get_args

import mypy.api
from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance.contents import (
    AcceptDetails,
    AdjustDetails,
    AnnulDetails,
    AttestDetails,
    CancelDetails,
    ConsumeDetails,
    CorrectDetails,
    CutDetails,
    Details,
    DivertDetails,
    ExportIntentDetails,
    ExportLockDetails,
    ExportVoidDetails,
    HoldDetails,
    KeysDetails,
    LicenceChangeDetails,
    LicenceDetails,
    MergeDetails,
    OfferDetails,
    RegisterDetails,
    ReleaseDetails,
    ReturnDetails,
    RightClosedDetails,
    RightDetails,
    RootsDetails,
    SettledDetails,
    SplitDetails,
    StatusDetails,
    TransformDetails,
)
from monazite_provenance.kinds import EventKind

from tests.unit.provenance import contents_strategies as strategies


def test_every_kind_has_details_and_every_details_a_kind() -> None:
    assert {member.KIND for member in get_args(Details)} == set(EventKind) == set(strategies.details)


def named(details: Details) -> EventKind:  # noqa: PLR0911 - one case each: that is what it shows
    """A match over every kind of details. That it misses none is for mypy and pyright to say, who check this file."""
    match details:
        case RegisterDetails() | ReturnDetails() | SplitDetails() | MergeDetails() | TransformDetails():
            return details.KIND
        case OfferDetails() | CancelDetails() | AcceptDetails() | DivertDetails() | AdjustDetails():
            return details.KIND
        case ConsumeDetails() | AnnulDetails() | CorrectDetails():
            return details.KIND
        case ExportIntentDetails() | ExportLockDetails() | ExportVoidDetails():
            return details.KIND
        case AttestDetails() | HoldDetails() | ReleaseDetails() | StatusDetails() | CutDetails():
            return details.KIND
        case RightClosedDetails() | RightDetails() | SettledDetails():
            return details.KIND
        case LicenceDetails() | LicenceChangeDetails() | KeysDetails() | RootsDetails():
            return details.KIND
        case _:
            assert_never(details)


@given(st.one_of(*strategies.details.values()))
def test_details_are_a_closed_union(details: Details) -> None:
    assert details.KIND is named(details)


def left_out(details: Details) -> str:
    """A module that matches every details but these."""
    others = sorted(member.__name__ for member in get_args(Details) if member.KIND is not details.KIND)
    return f"""
from pathlib import Path
from typing import assert_never
from monazite_provenance.contents import Details, {", ".join(others)}
def name(details: Details) -> str:
    match details:
        case {" | ".join(f"{each}()" for each in others)}:
            return "known"
        case _:
            assert_never(details)
"""


def test_a_match_that_leaves_a_kind_out_is_refused_by_the_type_checker(tmp_path: Path) -> None:
    """What makes `named` above mean something."""
    module = tmp_path / "left_out.py"
    module.write_text(left_out(SplitDetails()), "utf-8")
    output, errors, status = mypy.api.run(["--strict", "--no-error-summary", "--config-file=", str(module)])
    assert (status, errors) == (1, "")
    assert 'has incompatible type "SplitDetails"; expected "Never"' in output
