"""`diff`: statements, disclosures, what became of lots; and nothing where there is no difference."""

from __future__ import annotations

from monazite_provenance import bundle
from monazite_provenance.item import Item
from monazite_provenance.statement import Outpoint

from tests.unit.provenance.tool.files import STORY, Files, Tool


def write(target: Outpoint, items: list[Item]) -> bytes:
    return b"".join(bundle.write(target, items))


def test_no_difference(files: Files, tool: Tool) -> None:
    said = tool("diff", files.abroad, files.abroad)
    assert (said.code, said.out) == (0, "no difference\n")
    assert tool("diff", files.abroad, files.abroad, "--json").json["same"] is True


def test_another_target_and_statements_more(files: Files, tool: Tool) -> None:
    at = STORY.world.ids.index(STORY.magnets.statement_id)
    earlier = files.new("earlier.bundle", write(STORY.magnets, STORY.world.items[: at + 1]))
    said = tool("diff", earlier, files.abroad)
    added = STORY.world.ids[at + 1 :]
    assert said.code == 0
    assert f"target  {STORY.magnets.statement_id.hex()}:0 -> {STORY.abroad.statement_id.hex()}:0" in said.out
    assert f"added: {len(added)} statements" in said.out
    assert all(f"  + {each.hex()[:12]}" in said.out for each in added)
    found = tool("diff", files.abroad, earlier, "--json").json
    assert (found["same"], found["added"]) == (False, [])
    assert found["left_out"] == [each.hex() for each in added]


def test_what_became_of_a_lot(files: Files, tool: Tool) -> None:
    at = STORY.world.ids.index(STORY.magnets.statement_id)
    earlier = files.new("earlier.bundle", write(STORY.magnets, STORY.world.items[: at + 1]))
    before, after = STORY.world.lots[STORY.magnets], STORY.world.lots[STORY.abroad]
    changed = tool("diff", earlier, files.abroad, "--json").json["lots_changed"][before.lot_id]
    assert changed["gross_g"] == [str(before.gross_g), str(after.gross_g)]
    assert changed["custody_state"] == ["HELD", "ABROAD"]
    assert changed["holder"] == [before.holder, after.holder]
    assert changed["reo_mg"]["Dy"] == [str(each.element_masses()[66]) for each in (before, after)]
    out = tool("diff", earlier, files.abroad).out
    assert "Dy, kg REO" in out
    assert f"  {before.lot_id}" in out.splitlines()


def test_what_is_disclosed(files: Files, tool: Tool) -> None:
    items = list(STORY.world.items)
    at = STORY.world.ids.index(STORY.separation[0].statement_id)
    items[at] = items[at].redact({0, 1}, details=False)
    less = files.new("less.bundle", write(STORY.abroad, items))
    statement_id = STORY.separation[0].statement_id.hex()
    found = tool("diff", files.abroad, less, "--json").json
    assert found["discloses_less"] == {statement_id: ["details", "output 2"]}
    assert (found["discloses_more"], found["same"]) == ({}, False)
    said = tool("diff", less, files.abroad)
    assert said.out.splitlines()[0] == "discloses more"
    assert said.out.rstrip().endswith("details, output 2")


def test_what_is_no_bundle(files: Files, tool: Tool) -> None:
    said = tool("diff", files.abroad, files.trust)
    assert (said.code, f"  file = {files.trust}\n" in said.err) == (5, True)
    assert tool("diff", files.abroad, files.new("none")).code == 4
