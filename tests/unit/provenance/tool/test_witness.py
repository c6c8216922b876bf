"""`witness`: what witnesses co-signed goes into the bundle's head, and `verify` says who did."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from monazite_provenance import bundle
from monazite_provenance._claims import ISSUED_AT_MAX_S
from monazite_provenance._tool import words
from monazite_provenance.checkpoints import TIMESTAMP_MAX_S, cosign

from tests.unit.provenance.chains import LOG, NOW_S
from tests.unit.provenance.tool.files import STORY, Files, Tool
from tests.unit.provenance.witnesses import NAMES, cosigned, note, witness_keys

KEYS = witness_keys()
LOGS = STORY.world.registers.logs
USED = sorted(log for log in LOGS if LOGS[log].size)


def notes(files: Files, *names: str) -> list[Path]:
    """The newest head of each log that has entries, co-signed, as files."""
    return [files.new(f"{at}.txt", cosigned(note(LOGS[log]), KEYS, names).encode()) for at, log in enumerate(USED)]


def demanding(files: Files) -> Path:
    """The trust file, which demands two witnesses of three."""
    trust = STORY.world.trust.with_witnesses({name: key.public for name, key in KEYS.items()}, 2)
    return files.new("witnessed.json", trust.dump())


def test_a_bundle_becomes_witnessed(files: Files, tool: Tool) -> None:
    out, trust = files.new("out.bundle"), demanding(files)
    said = tool("witness", files.abroad, out, *notes(files, *NAMES[:2]))
    assert said.code == 0
    assert f"{LOG}  size {LOGS[LOG].size}  signed in the name of {LOG}, {NAMES[0]}, {NAMES[1]}\n" in said.out
    assert "NOT_WITNESSED" in tool("verify", files.abroad, "--trust", trust).out
    told = [line for line in tool("verify", files.abroad, "--trust", trust).out.splitlines() if "NOT_WITNESSED" in line]
    assert len({*told}) == len(told) > 1
    about = f"(log {LOG}, size {LOGS[LOG].size}, witnesses 0, threshold 2, witnessed_size 0)"
    assert any(line.endswith(about) for line in told)
    verified = tool("verify", out, "--trust", trust)
    assert "NOT_WITNESSED" not in verified.out
    assert f"co-signed by witnesses of the trust file\n  {USED[0]}" in verified.out
    assert f"  {LOG}  size {LOGS[LOG].size}  {NAMES[0]} 2024-10-27" in verified.out
    before, after = bundle.read([files.abroad.read_bytes()]), bundle.read([out.read_bytes()])
    assert list(before.pieces) == list(after.pieces)


def test_a_witnessed_bundle_is_shown_like_any_other(files: Files, tool: Tool) -> None:
    out = files.new("out.bundle")
    assert tool("witness", files.abroad, out, *notes(files, NAMES[0])).code == 0
    assert tool("show", out).out == tool("show", files.abroad).out


def test_a_checkpoint_of_the_other_form_is_named(files: Files, tool: Tool) -> None:
    cose = files.new("cose.head", LOGS[LOG].head(NOW_S).checkpoint())
    said = tool("witness", files.abroad, files.new("out.bundle"), cose)
    assert (said.code, "witnesses sign the text" in said.err) == (4, True)


def test_as_json_and_to_standard_output(files: Files, tool: Tool) -> None:
    texts = notes(files, NAMES[0])
    said = tool("witness", files.abroad, files.new("out.bundle"), texts[0], "--json")
    assert said.json == {
        "cosigned": [{"log": USED[0], "size": LOGS[USED[0]].size, "in_name_of": sorted([USED[0], NAMES[0]])}],
        "unreadable": 0,
    }
    assert json.loads(tool("verify", files.home / "out.bundle", "--trust", demanding(files), "--json").out)["witnessed"]


def test_who_signed_nothing_and_who_falsely(files: Files, tool: Tool) -> None:
    register = LOGS[LOG]
    other = cosigned(note(register, register.size - 1), KEYS, [NAMES[0]]).splitlines(keepends=True)[-1]
    text, out = files.new("false.txt", (note(register) + other).encode()), files.new("out.bundle")
    tool("witness", files.abroad, out, text)
    said = tool("verify", out, "--trust", demanding(files))
    assert said.code == 3
    assert f"{LOG}  size {register.size}  not by {NAMES[0]}, in whose name it is\n" in said.out
    assert "BAD_COSIGNATURE" in said.out
    assert f"  {USED[0]}  size {LOGS[USED[0]].size}  by none\n" in said.out


def test_with_a_path_to_a_later_head(files: Files, tool: Tool) -> None:
    register = LOGS[LOG]
    size = register.size - 1
    text = files.new("later.txt", cosigned(note(register), KEYS, NAMES[:2]).encode())
    receipt = files.new("path.cbor", register.head(NOW_S).consistency(size, register.consistency(size, size + 1)))
    out = files.new("out.bundle")
    assert tool("witness", files.abroad, out, text, "--consistency", receipt).code == 0
    (found,) = bundle.read([out.read_bytes()]).cosigned
    assert [joint.size for joint in found.joints] == [size]


@pytest.mark.parametrize("far_s", [ISSUED_AT_MAX_S + 1, TIMESTAMP_MAX_S])
def test_a_witness_that_writes_a_time_of_no_calendar_takes_no_verdict_away(
    files: Files, tool: Tool, far_s: int
) -> None:
    near, far = NAMES[:2]
    texts = [
        files.new(f"{at}.txt", cosign(text.read_text(), far, KEYS[far], timestamp_s=far_s).encode())
        for at, text in enumerate(notes(files, near), start=len(USED))
    ]
    out, trust = files.new("out.bundle"), demanding(files)
    tool("witness", files.abroad, out, *texts)
    said = tool("verify", out, "--trust", trust)
    assert said.code == tool("verify", files.abroad, "--trust", files.trust).code
    assert f"{near} 2024-10-27 03:33:20Z, {far} {far_s} s\n" in said.out
    seen = tool("verify", out, "--trust", trust, "--json").json["witnessed"]
    assert [each["by"][far] for each in seen] == [far_s] * len(seen)


def test_the_last_time_of_the_calendar() -> None:
    assert words.moment(ISSUED_AT_MAX_S) == "9999-12-31 23:59:59Z"


def test_what_is_no_checkpoint_in_the_bundle_stays(files: Files, tool: Tool) -> None:
    opened = bundle.read([files.abroad.read_bytes()])
    junk = bundle.Cosigned("junk")
    whole = b"".join(bundle.write(opened.target, opened.pieces, opened.listings, [junk]))
    before, out, again = files.new("junk.bundle", whole), files.new("out.bundle"), files.new("again.bundle")
    text = notes(files, NAMES[0])[0]
    said = tool("witness", before, out, text)
    assert (said.code, said.out.splitlines()[1:]) == (0, ["cannot be read, and counts for nothing"])
    assert bundle.read([out.read_bytes()]).cosigned == (junk, bundle.Cosigned(text.read_text()))
    assert json.loads(tool("witness", before, again, text, "--json").out)["unreadable"] == 1


def test_an_error_names_the_file_that_is_wrong(files: Files, tool: Tool) -> None:
    good, out = notes(files)[0], files.new("out.bundle")
    for junk in (files.new("junk", b"junk"), files.new("no-text", b"\xff\xfe")):
        said = tool("witness", files.abroad, out, good, junk, "--json")
        assert (said.code, said.json["error"]["metadata"]["file"]) == (5, str(junk))
        said = tool("witness", files.abroad, out, good, "--consistency", junk, "--json")
        assert (said.code, said.json["error"]["metadata"]["file"]) == (5, str(junk))
    said = tool("witness", good, out, good, "--json")
    assert (said.code, said.json["error"]["metadata"]["file"]) == (5, str(good))
    register = LOGS[LOG]
    path = register.head(NOW_S).consistency(1, register.consistency(1, register.size))
    other = next(text for log, text in zip(USED, notes(files), strict=True) if log != LOG)
    said = tool("witness", files.abroad, out, other, "--consistency", files.new("path.cbor", path), "--json")
    facts = said.json["error"]["metadata"]
    assert (said.code, facts["log"], facts["size"]) == (5, LOG, str(register.size))


def test_what_cannot_be_added(files: Files, tool: Tool) -> None:
    out = files.new("out.bundle")
    for content in (b"junk", b"\xff\xfe", b"urn:x\n1\n"):
        text = files.new("junk.txt", content)
        assert tool("witness", files.abroad, out, text).code == 5
    good = notes(files)[0]
    assert tool("witness", good, out, good).code == 5
    assert tool("witness", files.abroad, out, good, "--consistency", files.new("junk.cbor", b"junk")).code == 5
    assert tool("witness", files.abroad, out, files.new("missing.txt")).code == 4
    assert tool("witness", files.abroad, out).code == 4
    assert not out.exists()
