"""`verify`: what it prints and the codes it leaves with; and what every command does with files and faults."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance._tool import judging, leaving, words
from monazite_provenance.contents import Form
from monazite_provenance.report import Verdict
from monazite_provenance.trust import TRUST_FILE_BYTES_MAX

from tests.unit.provenance.chains import NOW_S, ORE, World, lot
from tests.unit.provenance.tool.files import STORY, Files, Tool


def test_a_good_bundle(files: Files, tool: Tool) -> None:
    said = tool("verify", files.abroad, "--trust", files.trust)
    assert said.code == 3
    for text in ("VERIFIED_WITH_GAPS", "ABSENCE", "Dy", "imported US", "mined Bayan Obo", "TRANSFORM"):
        assert text in said.out


def test_json_says_the_same(files: Files, tool: Tool) -> None:
    said = tool("verify", files.abroad, "--trust", files.trust, "--json")
    assert said.code == 3
    report = said.json
    assert report["verdict"] == "VERIFIED_WITH_GAPS"
    assert {gap["code"] for gap in report["not_checked"]} == {"ABSENCE"}
    assert report["outpoint"] == report["target"]["outpoint"] == STORY.abroad.text
    masses = {origin: int(mass) for origin, mass in report["origins"]["Dy"].items()}
    assert str(sum(masses.values())) == report["target"]["reo_mg"]["Dy"]
    assert report["target"]["gross_g"] == str(STORY.world.lots[STORY.abroad].gross_g)
    assert len(report["steps"]) == 14


def test_a_fresh_status_closes_the_gap_as_of_its_time(files: Files, tool: Tool) -> None:
    items = [*STORY.world.items, STORY.world.status(STORY.abroad)]
    path = files.new("fresh.bundle", STORY.world.encode(STORY.abroad, items))
    for at in (str(NOW_S + 60), "2024-10-27T03:34:20Z", "2024-10-27T11:34:20+08:00"):
        said = tool("verify", path, "--trust", files.trust, "--at", at)
        assert said.code == 0
        assert said.out.startswith("VERIFIED  ")
        assert "good until 2024-10-27 04:33:20Z: fresh" in said.out
    now = tool("verify", path, "--trust", files.trust)
    assert (now.code, "STATUS_EXPIRED" in now.out, "not fresh" in now.out) == (3, True, True)


@pytest.mark.parametrize("at", ["yesterday", "2024-10-27T03:34:20", "-1", "1e9"])
def test_times_that_name_no_moment(files: Files, tool: Tool, at: str) -> None:
    assert tool("verify", files.abroad, "--trust", files.trust, "--at", at).code == 4


def test_a_lot_that_the_registry_vouches_for(files: Files, tool: Tool) -> None:
    world = World.new()
    mined = world.mine("mine", lot("mine", Form.ORE_CONCENTRATE, 200_000, ORE))
    first = len(world.items)
    world.cut(mined)
    target = world.hand_over("mine", "plant", mined)
    trust = files.new("world.json", world.trust.dump())
    bundle_file = files.new("cut.bundle", world.encode(target, world.items[first:]))
    said = tool("verify", bundle_file, "--trust", trust)
    assert (said.code, "vouched for by the registry" in said.out) == (3, True)
    for arguments in (["show", bundle_file, "--trust", trust], ["show", bundle_file]):
        shown = tool(*arguments).out
        assert "CUT  the registry vouches for" in shown
        assert "is not in the bundle" not in shown


def test_a_refuted_bundle(files: Files, tool: Tool) -> None:
    items = list(STORY.world.items)
    raw = items[5].statement
    items[5] = replace(items[5], statement=raw[:-1] + bytes((raw[-1] ^ 1,)))
    said = tool("verify", files.new("bad.bundle", STORY.world.encode(STORY.abroad, items)), "--trust", files.trust)
    assert said.code == 1
    assert "BAD_SIGNATURE" in said.out


def test_a_bundle_of_strangers(files: Files, tool: Tool) -> None:
    said = tool("verify", files.abroad, "--trust", files.new("other.json", World.new().trust.dump()))
    assert said.code == 2
    assert "UNKNOWN_KEY" in said.out


def test_usage_and_files_that_are_not_there(files: Files, tool: Tool) -> None:
    for arguments in (
        [],
        ["verify", files.abroad],
        ["certify"],
        ["--json", "verify"],
        ["verify", files.abroad, "--trust", files.trust, "--more"],
    ):
        assert tool(*arguments).code == 4
    said = tool("verify", files.home / "none", "--trust", files.trust)
    assert (said.code, "none" in said.err) == (4, True)


def test_every_command_says_what_it_takes(tool: Tool) -> None:
    general = tool("--help")
    assert general.code == 0
    for command in ("verify", "show", "keys", "diff", "redact", "witness", "qr", "root"):
        assert command in general.out
        said = tool(command, "--help")
        assert said.code == 0
        assert "--json" in said.out
        assert "exit codes" in said.out


def test_malformed_files(files: Files, tool: Tool) -> None:
    short = files.new("short.bundle", files.abroad.read_bytes()[:-1])
    empty = files.new("empty.json", b"[]")
    for arguments, culprit in (
        (["verify", short, "--trust", files.trust], short),
        (["verify", files.abroad, "--trust", empty], empty),
        (["show", short], short),
        (["redact", short, files.home / "less"], short),
        (["diff", short, files.abroad], short),
        (["keys", short], short),
        (["qr", short, "--text"], short),
        (["qr", short, "--read", files.home / "back"], short),
        (["root", short], short),
    ):
        said = tool(*arguments)
        assert (said.code, said.out) == (5, ""), arguments
        told = tool(*arguments, "--json")
        error = told.json["error"]
        assert (told.code, told.err, error["metadata"]["file"]) == (5, "", str(culprit)), arguments
        assert said.err.splitlines()[0] == f"{error['reason']} {error['message']}"
        assert f"  file = {culprit}" in said.err.splitlines()


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        b"hello world",
        b"%PDF-1.7\n%\xe2\xe3",
        b"\x89PNG\r\n",
        b"\xff\xfeh\x00",
        b"\x84A",
        b"x",
        STORY.world.items[0].encode(),
    ],
)
def test_another_file_is_said_to_be_no_bundle(files: Files, tool: Tool, content: bytes) -> None:
    path = files.new("taken.by.mistake", content)
    for arguments in (
        ("verify", path, "--trust", files.trust),
        ("diff", path, files.magnets),
        ("redact", path, files.new("out.bundle")),
    ):
        found = tool(*arguments, "--json")
        assert (found.code, found.json["error"]["reason"]) == (5, "NOT_A_BUNDLE")
        assert found.json["error"]["metadata"] == {"file": str(path)}
        assert "another kind of file" in found.json["error"]["message"]


def test_an_empty_file_and_one_cut_short_say_so(files: Files, tool: Tool) -> None:
    empty = files.new("empty.bundle")
    empty.touch()
    said = tool("verify", empty, "--trust", files.trust)
    assert said.err.startswith("NOT_A_BUNDLE there is nothing in it\n")
    short = files.new("short.bundle", files.magnets.read_bytes()[:-7])
    said = tool("verify", short, "--trust", files.trust)
    assert said.err.startswith("BAD_FIELD it ends within an item: a part of it is missing\n")


@given(st.lists(st.integers(1, 2**63), min_size=1, max_size=12))
def test_shares_make_up_the_whole(masses: list[int]) -> None:
    whole = sum(masses)
    parts = [int(share.removesuffix(" %").replace(".", "")) for share in words.percentages(masses)]
    assert sum(parts) == 10_000
    assert all(abs(part * whole - 10_000 * mass) < whole for part, mass in zip(parts, masses, strict=True))


def test_shares_go_to_the_largest_remainders() -> None:
    assert words.percentages([2, 2, 2]) == ["33.34 %", "33.33 %", "33.33 %"]
    assert words.percentages([1, 5, 1]) == ["14.29 %", "71.43 %", "14.28 %"]
    assert words.percentages([7]) == ["100.00 %"]


def test_what_gives_no_result_has_one_form(files: Files, tool: Tool) -> None:
    for arguments, code, reason in (
        (["verify", files.abroad], 4, "USAGE"),
        (["certify"], 4, "USAGE"),
        (["root", files.abroad, "--checkpoint", files.abroad], 4, "USAGE"),
        (["verify", files.home / "none", "--trust", files.trust], 4, "FILE_UNUSABLE"),
        (["verify", files.abroad, "--trust", files.abroad], 5, "BAD_FIELD"),
    ):
        said, told = tool(*arguments), tool(*arguments, "--json")
        assert (said.code, said.out, told.code, told.err) == (code, "", code, "")
        error = told.json["error"]
        assert error.keys() == {"reason", "message", "metadata"}
        assert error["reason"] == reason
        assert all(type(value) is str for value in error["metadata"].values())
        lines = [f"{reason} {error['message']}", *(f"  {name} = {value}" for name, value in error["metadata"].items())]
        assert said.err.splitlines() == lines


def test_a_trust_file_without_end_is_not_read_to_it(files: Files, tool: Tool) -> None:
    with files.trust.open("wb") as file:
        file.truncate(64 * TRUST_FILE_BYTES_MAX)
    said = tool("verify", files.abroad, "--trust", files.trust)
    assert said.code == 5
    assert "TOO_LARGE" in said.err


def test_every_verdict_has_a_code_of_its_own() -> None:
    assert leaving.VERDICT_CODES == {"VERIFIED": 0, "REFUTED": 1, "CANNOT_TELL": 2, "VERIFIED_WITH_GAPS": 3}
    assert set(leaving.VERDICT_CODES) == {verdict.value for verdict in Verdict}


def test_a_fault_of_the_tool_is_no_verdict(files: Files, tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_arguments: object, **_options: object) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr(judging, "verify_bundle", fails)
    said = tool("verify", files.abroad, "--trust", files.trust)
    assert (said.code, said.out) == (70, "")
    assert "RecursionError: too deep" in said.err
    told = tool("verify", files.abroad, "--trust", files.trust, "--json")
    assert (told.code, told.json["error"]["reason"]) == (70, "FAULT")


def test_who_interrupts_it_gets_no_verdict(files: Files, tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(judging, "verify_bundle", interrupt)
    said = tool("verify", files.abroad, "--trust", files.trust)
    assert (said.code, said.out, said.err) == (130, "", "")
