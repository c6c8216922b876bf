"""SPIFFE ids are parsed and compared by segments."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance.errors import BadField
from monazite_provenance.names import log_urn, parse_enterprise, parse_log, parse_spiffe, same_owner, same_person


@pytest.mark.parametrize(
    "uri",
    [
        "spiffe://monazite.example/enterprise/mine",
        "spiffe://monazite.example/enterprise/mine/erp-1",
        "spiffe://monazite.example/officer/quota/wang",
        "spiffe://monazite.example/customs/tianjin/li",
        "spiffe://monazite.example/service/registry",
    ],
)
def test_known_shapes_round_trip(uri: str) -> None:
    assert str(parse_spiffe(uri)) == uri


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "spiffe://",
        "spiffe://monazite.example",
        "spiffe://monazite.example/",
        "spiffe://monazite.example/enterprise",
        "spiffe://monazite.example/enterprise/",
        "spiffe://monazite.example/enterprise/mine/a/b",
        "spiffe://monazite.example/enterprise/../mine",
        "spiffe://monazite.example/enterprise/mi%6ee",
        "spiffe://monazite.example/enterprise/mine?x",
        "spiffe://Monazite.example/enterprise/mine",
        "spiffe://monazite.example/stranger/mine",
        "https://monazite.example/enterprise/mine",
        "spiffe://monazite.example/enterprise/" + "m" * 300,
    ],
)
def test_other_shapes_are_refused(uri: str) -> None:
    with pytest.raises(BadField):
        parse_spiffe(uri)


@given(st.text())
def test_any_text_gives_bad_field_alone(text: str) -> None:
    for uri in (text, f"spiffe://{text}", f"spiffe://monazite.example/enterprise/{text}"):
        with suppress(BadField):
            assert str(parse_spiffe(uri)) == uri


def test_owner_is_compared_without_its_system() -> None:
    mine = "spiffe://monazite.example/enterprise/mine"
    assert same_owner(mine, f"{mine}/erp-1")
    assert not same_owner(mine, f"{mine}s")
    assert not same_owner(mine, mine.replace("monazite", "other"))
    with pytest.raises(BadField):
        parse_enterprise(f"{mine}/erp-1")


@given(st.sampled_from(["registry", "quota", "export_license"]), st.integers(0, 10**9 - 1))
def test_names_of_logs_round_trip(service: str, shard: int) -> None:
    assert parse_log(log_urn(service, shard)) == (service, shard)


@pytest.mark.parametrize(
    "urn",
    [
        "",
        "registry",
        "urn:monazite:log:registry",
        "urn:monazite:log:registry:",
        "urn:monazite:log:registry:00",
        "urn:monazite:log:registry:-1",
        "urn:monazite:log:registry:1000000000",
        "urn:monazite:log:registry:0:0",
        "urn:monazite:log:Registry:0",
        "urn:monazite:log::0",
        "urn:monazite:log:registry:\u0660",
        " urn:monazite:log:registry:0",
    ],
)
def test_other_names_of_logs_are_refused(urn: str) -> None:
    with pytest.raises(BadField):
        parse_log(urn)


def test_a_person_is_a_name_whatever_role_and_case() -> None:
    wang = "spiffe://monazite.example/officer/licensing/wang"
    assert same_person(wang, "spiffe://monazite.example/officer/quota/Wang")
    assert not same_person(wang, "spiffe://monazite.example/officer/licensing/li")
    assert not same_person(wang, "spiffe://other.example/officer/licensing/wang")
