"""`redact`: only openings go, and only those that were named or that the target does not need."""

from __future__ import annotations

from monazite_provenance import bundle
from monazite_provenance.statement import parse

from tests.unit.provenance.tool.files import STORY, Files, Tool

SEPARATION = STORY.separation[0].statement_id


def test_siblings_go_and_all_statements_stay(files: Files, tool: Tool) -> None:
    out = files.new("less.bundle")
    said = tool("redact", files.abroad, out)
    assert said.code == 0
    assert f"  {SEPARATION.hex()}:1\n  {SEPARATION.hex()}:2\n" in said.out
    before, after = bundle.read([files.abroad.read_bytes()]), bundle.read([out.read_bytes()])
    assert (after.target, after.listings) == (before.target, before.listings)
    old, new = list(before.items), list(after.items)
    assert [item.statement for item in new] == [item.statement for item in old]
    by_id = {parse(item.statement).statement_id: item for item in new}
    assert set(by_id[SEPARATION].openings) == {0}
    assert by_id[SEPARATION].details is not None
    assert all(STORY.abroad.index in by_id[each].openings for each in (STORY.abroad.statement_id, SEPARATION))


def test_what_is_left_verifies_and_says_what_is_not_shown(files: Files, tool: Tool) -> None:
    out = files.new("less.bundle")
    tool("redact", files.abroad, out)
    for command in ("verify", "show"):
        said = tool(command, out, "--trust", files.trust)
        assert said.code == 3
        assert f"  {SEPARATION.hex()[:12]}  output 1, output 2\n" in said.out
        assert "NOT_DISCLOSED" in said.out
    report = tool("verify", out, "--trust", files.trust, "--json").json
    whole = tool("verify", files.abroad, "--trust", files.trust, "--json").json
    assert report["target"] == whole["target"]


def test_what_is_named_and_nothing_else(files: Files, tool: Tool) -> None:
    out = files.new("less.bundle")
    wanted = f"{SEPARATION.hex()}:2"
    said = tool("redact", files.abroad, out, "--only", "--hide", wanted, "--json")
    assert said.json == {"left_out": [wanted], "warnings": []}
    found = tool("diff", files.abroad, out, "--json").json
    assert found["discloses_less"] == {SEPARATION.hex(): ["output 2"]}
    assert found["added"] == found["left_out"] == []


def test_all_of_a_statement_and_its_details(files: Files, tool: Tool) -> None:
    magnets = STORY.magnets.statement_id.hex()
    out = files.new("less.bundle")
    hide = ["--hide", SEPARATION.hex(), "--hide", f"{magnets}:details"]
    assert tool("redact", files.abroad, out, "--only", *hide).code == 0
    assert tool("diff", files.abroad, out, "--json").json["discloses_less"] == {
        SEPARATION.hex(): ["details", "output 0", "output 1", "output 2"],
        magnets: ["details"],
    }


def test_through_pipes(files: Files, tool: Tool) -> None:
    once = files.new("once.bundle")
    tool("redact", files.abroad, once)
    twice = tool("redact", once, files.new("twice.bundle"))
    assert twice.out == "left out: 0 contents\n"
    assert files.new("twice.bundle").read_bytes() == once.read_bytes()


def test_what_is_not_there(files: Files, tool: Tool) -> None:
    out = files.new("less.bundle")
    key = STORY.world.ids[0].hex()
    for name, why in {
        bytes(32).hex(): "no statement in the bundle",
        "zz" * 32: "no statement in the bundle",
        "": "no statement in the bundle",
        f"{SEPARATION.hex()}:9": "output 9",
        f"{key}:0": "output 0",
        f"{SEPARATION.hex()}:salt": "number of an output",
        f"{SEPARATION.hex()}:-1": "number of an output",
        f"{SEPARATION.hex()}:999": "output 999",
        f"{SEPARATION.hex()}:1000": "number of an output",
        f"{SEPARATION.hex()}:{'9' * 5_000}": "number of an output",
    }.items():
        said = tool("redact", files.abroad, out, "--hide", name)
        assert (said.code, why in said.err) == (4, True), name
    assert not out.exists()


def test_a_beginning_of_an_id_that_is_nobody_elses_is_enough(files: Files, tool: Tool) -> None:
    out = files.new("less.bundle")
    begins = [each.hex()[0] for each in STORY.world.ids]
    shared = next(digit for digit in begins if begins.count(digit) > 1)
    said = tool("redact", files.abroad, out, "--hide", shared)
    assert (said.code, "give more of it" in said.err) == (4, True)
    wanted = SEPARATION.hex()[:12]
    assert f"{wanted}  " in tool("show", files.abroad).out, "as other commands print it"
    said = tool("redact", files.abroad, out, "--only", "--hide", f"{wanted.upper()}:2", "--json")
    assert said.json["left_out"] == [f"{SEPARATION.hex()}:2"]


def test_nothing_is_overwritten(files: Files, tool: Tool) -> None:
    before = files.magnets.read_bytes()
    assert tool("redact", files.abroad, files.magnets).code == 4
    assert files.magnets.read_bytes() == before


def test_to_hide_what_the_verdict_needs_is_warned_of(files: Files, tool: Tool) -> None:
    target = STORY.abroad.text
    said = tool("redact", files.abroad, files.new("blind.bundle"), "--hide", target)
    assert said.err == f"warning: {target} is the target: with it hidden the bundle does not verify (CANNOT_TELL)\n"
    assert tool("verify", files.new("blind.bundle"), "--trust", files.trust).code == 2
    rested_on = f"{SEPARATION.hex()}:0"
    found = tool("redact", files.abroad, files.new("holed.bundle"), "--hide", rested_on, "--json")
    assert (found.err, len(found.json["warnings"])) == ("", 1)
    assert found.json["warnings"][0].startswith(f"{rested_on} is what the target was made of")
    assert tool("verify", files.new("holed.bundle"), "--trust", files.trust).code == 2
    piped = tool("redact", files.abroad, files.new("sibling.bundle"), "--hide", f"{SEPARATION.hex()}:1")
    assert piped.err == ""


def test_a_file_that_is_there_is_said_to_be(files: Files, tool: Tool) -> None:
    said = tool("redact", files.abroad, files.magnets)
    assert (said.code, "name another file" in said.err, str(files.magnets) in said.err) == (4, True, True)
