"""Errors: a code each, known to the protos, and nothing of the sender's in what they say."""

from __future__ import annotations

import inspect
import pickle

import pytest
from monazite.type.v1.error_reason_pb2 import ErrorReason
from monazite_provenance import ProvenanceError, Verifier, errors

from tests.unit.provenance.examples import CLAIMS, RING, a_draft, header, signed

CLASSES = [
    value
    for _, value in inspect.getmembers(errors, inspect.isclass)
    if issubclass(value, ProvenanceError) and value is not ProvenanceError
]


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: error.__name__)
def test_every_class_has_a_reason_of_the_protos(error: type[ProvenanceError]) -> None:
    assert f"ERROR_REASON_{error.code}" in ErrorReason.keys()  # noqa: SIM118 - an enum wrapper, no dict
    assert error.__doc__


def test_one_family_each() -> None:
    families = {
        errors.Malformed, errors.Unsupported, errors.KeyProblem, errors.BadSignature,
        errors.LogProblem, errors.ChainProblem, errors.ClockProblem,
    }  # fmt: skip
    for error in CLASSES:
        assert len([family for family in families if issubclass(error, family)]) == 1, error


def test_leaves_have_codes_of_their_own() -> None:
    leaves = [error for error in CLASSES if not error.__subclasses__()]
    assert len({error.code for error in leaves}) == len(leaves)


def test_an_error_travels_between_processes() -> None:
    error = errors.TooLarge("too many spends", field="spends", limit=32)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (type(again), again.message, again.details) == (type(error), error.message, error.details)
    assert str(again) == "too many spends"


def test_nothing_of_the_senders_is_in_an_error() -> None:
    planted = "urn:planted"
    for raw in (
        signed(header(content_type=planted)),
        signed(header(alg=planted)),
        signed(header(claims={1: planted + " ", 2: planted, 6: 0, -70001: 1})),
        signed(header(claims={1: planted, 2: planted, 6: planted, -70001: planted})),
        signed({**header(), 99: planted}),
    ):
        with pytest.raises(ProvenanceError) as caught:
            Verifier(RING).verify_statement(raw)
        assert planted not in f"{caught.value} {caught.value.message} {dict(caught.value.details)}"
    with pytest.raises(ProvenanceError) as caught:
        a_draft(CLAIMS._replace(subject="planted"))
    assert "planted" not in f"{caught.value} {dict(caught.value.details)}"
