"""`root`: the root of a log from its entries, and what signed heads of it prove."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from monazite_provenance import _cbor, _cose, trust
from monazite_provenance.checkpoints import sign_checkpoint
from monazite_provenance.contents import LogRange
from monazite_provenance.keys import SoftwareKey
from monazite_provenance.monitor import Replay
from monazite_provenance.names import log_urn
from monazite_provenance.receipts import Head, sign_head

from tests.unit.provenance.chains import DOMAIN, NOW_S, ROOTS, World, service
from tests.unit.provenance.tool.files import STORY, Files, Tool

LOG = log_urn("quota", 7)
STATEMENTS = [item.statement for item in STORY.world.items]
KEY = SoftwareKey.generate()


def root_of(statements: list[bytes]) -> bytes:
    replay = Replay()
    replay.append(statements)
    return replay.frontier.root


def head(statements: list[bytes], log: str = LOG, key: SoftwareKey = KEY) -> bytes:
    signed = sign_head(Head(log, len(statements), root_of(statements), service("quota"), NOW_S), key)
    return signed.checkpoint()


@dataclass(frozen=True)
class Log:
    """The entries, and a trust file that certifies the key of the log's heads."""

    entries: Path
    trust: Path


@pytest.fixture
def log(files: Files) -> Log:
    """A log of the story's statements."""
    proof = trust.prove_possession(KEY, service("quota"))
    ranges = [LogRange(LOG, 0), LogRange(log_urn("quota", 8), 0)]
    details = trust.log_key_details(DOMAIN, "quota", KEY.public, proof, ranges)
    file = World.new().trust.with_act(trust.root_act(ROOTS[:2], DOMAIN, details, issued_at=NOW_S))
    return Log(files.new("entries", b"".join(STATEMENTS)), files.new("logs.json", file.dump()))


def test_size_and_root_without_a_verdict(log: Log, tool: Tool) -> None:
    said = tool("root", log.entries)
    assert (said.code, said.out) == (0, f"size {len(STATEMENTS)}\nroot {root_of(STATEMENTS).hex()}\n")
    found = tool("root", log.entries, "--json").json
    assert (found["size"], found["root"], found["verdict"]) == (len(STATEMENTS), root_of(STATEMENTS).hex(), None)


def test_an_empty_log(files: Files, tool: Tool) -> None:
    path = files.new("empty")
    path.touch()
    assert tool("root", path, "--json").json["size"] == 0


def test_entries_under_a_head(log: Log, files: Files, tool: Tool) -> None:
    whole, part = files.new("whole", head(STATEMENTS)), files.new("part", head(STATEMENTS[:5]))
    common = ["root", log.entries, "--trust", log.trust]
    said = tool(*common, "--checkpoint", whole, "--checkpoint", part)
    assert said.code == 0
    assert said.out.startswith(f"VERIFIED  {LOG}\n")
    assert said.out.count("agrees") == 2
    some = tool(*common, "--checkpoint", part)
    assert some.code == 3
    assert f"{len(STATEMENTS) - 5} entries are under no head" in some.out


def test_fewer_entries_than_the_head_has(log: Log, files: Files, tool: Tool) -> None:
    whole = files.new("whole", head(STATEMENTS))
    few = files.new("few", b"".join(STATEMENTS[:-1]))
    said = tool("root", few, "--trust", log.trust, "--checkpoint", whole)
    assert said.code == 2
    assert "fewer entries than the head has" in said.out


def test_other_entries_than_those_of_the_head(log: Log, files: Files, tool: Tool) -> None:
    other = files.new("other", head([*STATEMENTS[1:], STATEMENTS[0]]))
    said = tool("root", log.entries, "--trust", log.trust, "--checkpoint", other, "--json")
    assert said.code == 1
    assert said.json["failure"]["code"] == "PROOF_MISMATCH"
    assert "evidence" not in said.json


def test_a_fork_is_shown_with_both_heads(log: Log, files: Files, tool: Tool) -> None:
    swapped = [STATEMENTS[1], STATEMENTS[0], *STATEMENTS[2:]]
    cases = {
        "one size": (head(swapped), head(STATEMENTS)),
        "two sizes": (head(swapped[:4]), head(STATEMENTS)),
    }
    for name, (earlier, later) in cases.items():
        paths = files.new(f"{name} earlier", earlier), files.new(f"{name} later", later)
        options = [option for path in paths for option in ("--checkpoint", path)]
        said = tool("root", log.entries, "--trust", log.trust, *options, "--json")
        assert said.code == 1
        assert said.json["failure"]["code"] == "LOG_FORKED"
        assert set(said.json["evidence"].values()) == {earlier.hex(), later.hex()}
        text = tool("root", log.entries, "--trust", log.trust, *options).out
        assert text.startswith(f"REFUTED  {LOG}\n  LOG_FORKED")
        assert "DISAGREES" in text


def test_a_later_head_that_the_entries_do_not_reach_convicts_nobody(log: Log, files: Files, tool: Tool) -> None:
    good, bad = files.new("good", head(STATEMENTS[:3])), files.new("bad", head(STATEMENTS[::-1]))
    said = tool("root", log.entries, "--trust", log.trust, "--checkpoint", good, "--checkpoint", bad, "--json")
    assert (said.code, said.json["failure"]["code"]) == (1, "PROOF_MISMATCH")


def test_heads_that_nobody_vouches_for(log: Log, files: Files, tool: Tool) -> None:
    stranger = files.new("stranger", head(STATEMENTS, key=SoftwareKey.generate()))
    said = tool("root", log.entries, "--trust", log.trust, "--checkpoint", stranger)
    assert (said.code, "UNKNOWN_KEY" in said.out) == (2, True)
    raw = head(STATEMENTS)
    forged = files.new("forged", raw[:-1] + bytes((raw[-1] ^ 1,)))
    said = tool("root", log.entries, "--trust", log.trust, "--checkpoint", forged)
    assert (said.code, "BAD_SIGNATURE" in said.out) == (1, True)


def test_what_cannot_be_compared(log: Log, files: Files, tool: Tool) -> None:
    whole = files.new("whole", head(STATEMENTS))
    other = files.new("other", head(STATEMENTS, log_urn("quota", 8)))
    assert tool("root", log.entries, "--checkpoint", whole).code == 4
    common = ["root", log.entries, "--trust", log.trust, "--checkpoint", whole]
    assert tool(*common, "--checkpoint", other).code == 5
    assert tool(*common, "--checkpoint", files.abroad).code == 5
    assert tool("root", files.new("cut", b"".join(STATEMENTS)[:-1])).code == 5
    assert tool("root", files.new("tag", b"\xd1" + STATEMENTS[0][1:])).code == 5
    for other in (files.abroad, files.trust, files.new("text", b"hello")):
        said = tool("root", other)
        assert (said.code, "BAD_FIELD not the entries of a log" in said.err) == (5, True)
    assert tool("root", files.new("item", STORY.world.items[0].encode())).code == 5


def test_a_head_of_another_log_says_which_first(log: Log, files: Files, tool: Tool) -> None:
    other = log_urn("quota", 8)
    path = files.new("other", head(STATEMENTS[:3][::-1], other))
    said = tool("root", log.entries, "--trust", log.trust, "--checkpoint", path)
    assert said.out.startswith(f"REFUTED  {other}\n  PROOF_MISMATCH: ")
    found = tool("root", log.entries, "--trust", log.trust, "--checkpoint", path, "--json").json["failure"]
    assert found["metadata"] == {"log": other, "size": "3"}
    assert "another log's" in found["message"]
    two = ["--checkpoint", files.new("whole", head(STATEMENTS)), "--checkpoint", path]
    said = tool("root", log.entries, "--trust", log.trust, *two)
    assert (said.code, f"logs = {LOG}, {other}" in said.err) == (5, True)


def test_entries_cut_short_are_named_for_what_they_are(files: Files, tool: Tool) -> None:
    said = tool("root", files.new("cut", b"".join(STATEMENTS)[:-1]), "--json")
    assert said.code == 5
    assert said.json["error"]["metadata"]["field"] == "sequence"
    assert "a part of it is missing" in said.json["error"]["message"]


def test_a_head_as_text_is_as_good(log: Log, files: Files, tool: Tool) -> None:
    text = sign_checkpoint(LOG, len(STATEMENTS), root_of(STATEMENTS), KEY)
    common = ["root", log.entries, "--trust", log.trust, "--checkpoint"]
    said = tool(*common, files.new("text", text.encode()))
    assert (said.code, "undated  agrees" in said.out) == (0, True)
    assert tool(*common, files.new("cose", head(STATEMENTS)), "--checkpoint", files.new("text")).code == 0
    forked = sign_checkpoint(LOG, len(STATEMENTS), root_of(STATEMENTS[:2]), KEY)
    said = tool(*common, files.new("cose"), "--checkpoint", files.new("fork", forked.encode()), "--json")
    assert (said.code, said.json["failure"]["code"]) == (1, "LOG_FORKED")
    assert forked.encode().hex() in said.json["evidence"].values()


def test_a_text_that_is_not_the_logs(log: Log, files: Files, tool: Tool) -> None:
    common = ["root", log.entries, "--trust", log.trust, "--checkpoint"]
    text = sign_checkpoint(LOG, len(STATEMENTS), root_of(STATEMENTS), KEY)
    other = sign_checkpoint(LOG, len(STATEMENTS), root_of(STATEMENTS[:2]), KEY)
    stolen = text.partition("\n\n")[0] + "\n\n" + other.partition("\n\n")[2]
    strange = sign_checkpoint(LOG, 1, root_of(STATEMENTS[:1]), SoftwareKey.generate())
    beyond = sign_checkpoint(log_urn("quota", 9), 1, root_of(STATEMENTS[:1]), KEY)
    for content, code, reason in (
        (stolen, 1, "BAD_SIGNATURE"),
        (strange, 2, "UNKNOWN_KEY"),
        (beyond, 2, "EVENT_NOT_ALLOWED"),
        ("no checkpoint", 5, "BAD_FIELD"),
    ):
        said = tool(*common, files.new("text", content.encode()))
        assert (said.code, reason in said.out + said.err) == (code, True), reason
    assert tool(*common, files.new("bytes", b"\xff\xfe")).code == 5


def test_receipts_do_not_change_a_leaf(log: Log, files: Files, tool: Tool) -> None:
    protected, _, payload, signature = _cose.decode_sign1(STATEMENTS[-1])
    with_receipt = b"\xd2" + _cbor.encode([protected, {394: [b"receipt"]}, payload, signature])
    entries = files.new("entries2", b"".join([*STATEMENTS[:-1], with_receipt]))
    assert tool("root", entries).out == tool("root", log.entries).out
