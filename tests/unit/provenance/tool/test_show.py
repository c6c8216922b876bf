"""`show`: with a trust file the verdict decides the exit code; without one nothing is verified, and it says so."""

from __future__ import annotations

from dataclasses import replace

from monazite_provenance import bundle
from monazite_provenance.item import Item
from monazite_provenance.statement import parse

from tests.unit.provenance.tool.files import STORY, Files, Tool


def test_a_verified_chain_as_a_tree(files: Files, tool: Tool) -> None:
    said = tool("show", files.abroad, "--trust", files.trust)
    assert said.code == 3
    lines = said.out.splitlines()
    assert lines[0].startswith("VERIFIED_WITH_GAPS")
    target = STORY.abroad.statement_id.hex()[:12]
    assert next(line for line in lines if "output 0" in line).startswith(target)
    assert sum(line.startswith(("|- ", "`- ")) for line in lines) == 2
    assert "  element    kg REO    share  origin" in lines
    assert any("mined Bayan Obo" in line and " %" in line for line in lines)


def test_every_step_of_the_report_stands_in_the_tree(files: Files, tool: Tool) -> None:
    report = tool("show", files.abroad, "--trust", files.trust, "--json").json
    out = tool("show", files.abroad, "--trust", files.trust).out
    assert len(report["steps"]) == 14
    assert all(step["statement_id"][:12] in out for step in report["steps"])


def test_without_a_trust_file_it_cannot_tell(files: Files, tool: Tool) -> None:
    said = tool("show", files.abroad)
    assert said.code == 2
    assert said.out.startswith("CANNOT_TELL  nothing was verified")
    assert "origin" not in said.out
    assert "kg REO" in said.out
    found = tool("show", files.abroad, "--json")
    assert (found.code, found.json["verified"]) == (2, False)
    assert found.json["target"] == STORY.abroad.text
    assert [each["statement_id"] for each in found.json["statements"]] == [each.hex() for each in STORY.world.ids]


def test_one_statement_of_a_bundle(files: Files, tool: Tool) -> None:
    wanted = STORY.magnets.statement_id.hex()
    said = tool("show", files.abroad, "--statement", wanted[:12].upper())
    assert said.code == 2
    assert f"statement_id  {wanted}" in said.out
    assert "process  magnet-making" in said.out
    assert "output 0" in said.out
    assert tool("show", files.abroad, "--statement", "").code == 2
    assert tool("show", files.abroad, "--statement", "zz").code == 4
    assert tool("show", files.abroad, "--statement", wanted, "--trust", files.trust).code == 4


def test_a_bare_statement_and_an_item(files: Files, tool: Tool) -> None:
    item = STORY.world.items[-1]
    statement_id = parse(item.statement).statement_id.hex()
    for name, content in (("one.item", item.encode()), ("one.cose", item.statement)):
        said = tool("show", files.new(name, content), "--json")
        assert (said.code, said.json["target"]) == (2, None)
        (shown,) = said.json["statements"]
        assert shown["statement_id"] == statement_id
        assert (shown["details"] is None) == (name == "one.cose")


def test_what_was_not_committed_to_is_not_shown(files: Files, tool: Tool) -> None:
    items = list(STORY.world.items)
    opening = items[-1].openings[0]
    items[-1] = replace(items[-1], openings={**items[-1].openings, 0: opening._replace(salt=bytes(16))})
    said = tool("show", files.new("lie.bundle", b"".join(bundle.write(STORY.abroad, items))))
    assert said.code == 5
    assert "OPENING_MISMATCH" in said.err
    assert said.out == ""


def test_hidden_outputs_are_counted(files: Files, tool: Tool) -> None:
    at = STORY.world.ids.index(STORY.separation[0].statement_id)
    hidden = STORY.world.items[at].redact({0}, details=False)
    said = tool("show", files.new("one.item", hidden.encode()))
    assert "details not disclosed" in said.out
    items: list[Item] = [*STORY.world.items]
    items[at] = hidden
    said = tool("show", files.new("less.bundle", b"".join(bundle.write(STORY.abroad, items))))
    assert "+ 2 outputs not disclosed" in said.out


def test_longer_than_any_item(files: Files, tool: Tool) -> None:
    said = tool("show", files.new("long", b"\x84\x59" + bytes(300_000)), "--json")
    assert said.code == 5
    assert said.json["error"]["reason"] == "TOO_LARGE"
