"""Settings files as the local tools write them: TOML that reads back, each service told of its own peers only."""

from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from tools.local.configuration import PEERS, Files, Table, merged, service_table, to_toml

NAMES = st.from_regex(r"[a-z][a-z_0-9]{0,8}", fullmatch=True)
PLAIN = st.one_of(
    st.text(alphabet=st.characters(codec="ascii", exclude_categories=["Cc"])),
    st.integers(-(2**53), 2**53),
    st.booleans(),
    st.lists(st.sampled_from(["a", 'b"c', "d\\e"]), max_size=3),
)
TABLES = st.recursive(
    st.dictionaries(NAMES, PLAIN, max_size=4),
    lambda inner: st.dictionaries(NAMES, st.one_of(PLAIN, inner), max_size=4),
    max_leaves=8,
)


@given(TABLES)
def test_what_is_written_reads_back(table: Table) -> None:
    assert tomllib.loads(to_toml(table)) == table


def test_an_overlay_changes_what_it_names_and_nothing_else() -> None:
    below: Table = {"listen": "a", "telemetry": {"trace_ratio": 0.5, "log_level": "INFO"}}
    above: Table = {"telemetry": {"trace_ratio": 1.0}, "year": 2024}
    assert merged(below, above) == {
        "listen": "a",
        "telemetry": {"trace_ratio": 1.0, "log_level": "INFO"},
        "year": 2024,
    }


def test_a_service_is_told_of_its_own_peers_only() -> None:
    addresses = {name: f"{name}:1" for name in ("registry", "quota", "export_license")}
    files = Files("s", "l", "m", "t", "c", "k", "a")
    for service, peers in PEERS.items():
        table = service_table(service, domain="d", listen="l", database_url="u", addresses=addresses, files=files)
        assert table["peers"] == {peer: f"{peer}:1" for peer in peers}
        assert service not in peers
    # Every log is known to every service: who tells one of them another story is caught.
    assert all(len(peers) == 2 for peers in PEERS.values())
