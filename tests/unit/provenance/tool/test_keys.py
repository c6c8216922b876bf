"""`keys`: what a trust file says of its keys; COSE_KeySets in and out."""

from __future__ import annotations

import json

from monazite_provenance import trust
from monazite_provenance.contents import KeyAction, LogRange
from monazite_provenance.key_sets import decode_key_set, encode_key_set
from monazite_provenance.keys import SoftwareKey
from monazite_provenance.names import log_urn
from monazite_provenance.roots import prove_root

from tests.unit.provenance.chains import DOMAIN, NOW_S, ROOTS, World, service
from tests.unit.provenance.tool.files import STORY, Files, Tool

KEY = SoftwareKey.generate()
LOG_NAME = log_urn("quota", 7)


def test_roots_services_and_what_each_may_sign(files: Files, tool: Tool) -> None:
    said = tool("keys", files.trust)
    assert said.code == 0
    assert "2 of 3 root keys make an act" in said.out
    found = tool("keys", files.trust, "--json").json
    assert [key["kid"] for key in found["keys"][:3]] == [root.public.kid.hex() for root in ROOTS]
    by_kid = {key["kid"]: key for key in found["keys"]}
    for name in ("registry", "quota", "export_license"):
        key = by_kid[STORY.world.keys[name].public.kid.hex()]
        assert (key["owner"], key["signs"], key["ended"]) == (service(name), "statements", None)
        assert key["kid"] in said.out
    assert by_kid[STORY.world.keys["quota"].public.kid.hex()]["kinds"] == ["RIGHT", "SETTLED"]


def test_a_log_key_with_its_span_and_its_end(files: Files, tool: Tool) -> None:
    proof = trust.prove_possession(KEY, service("quota"))
    details = trust.log_key_details(DOMAIN, "quota", KEY.public, proof, [LogRange(LOG_NAME, 5)])
    file = STORY.world.trust.with_act(trust.root_act(ROOTS[:2], DOMAIN, details, issued_at=NOW_S))
    path = files.new("logs.json", file.dump())
    assert f"{LOG_NAME} from 5 on" in tool("keys", path).out
    end = trust.end_key_details(KeyAction.COMPROMISED, service("quota"), KEY.public, logs=[LogRange(LOG_NAME, 5, 9)])
    file = file.with_act(trust.root_act(ROOTS[:2], DOMAIN, end, issued_at=NOW_S))
    path = files.new("ended.json", file.dump())
    said = tool("keys", path)
    assert f"{LOG_NAME} from 5 on; nothing stands from 9 on" in said.out
    assert "signs heads  COMPROMISED" in said.out
    (found,) = [key for key in tool("keys", path, "--json").json["keys"] if key["kid"] == KEY.public.kid.hex()]
    assert found["logs"] == {LOG_NAME: {"first": 5, "last": None, "compromised_from": 9}}
    assert found["ended"] == "compromised"


def test_a_key_that_ended_has_one_line(files: Files, tool: Tool) -> None:
    proof = trust.prove_possession(KEY, service("quota"))
    details = trust.log_key_details(DOMAIN, "quota", KEY.public, proof, [LogRange(LOG_NAME, 0)])
    file = STORY.world.trust.with_act(trust.root_act(ROOTS[:2], DOMAIN, details, issued_at=NOW_S))
    end = trust.end_key_details(KeyAction.RETIRE, service("quota"), KEY.public, logs=[LogRange(LOG_NAME, 0, 3)])
    file = file.with_act(trust.root_act(ROOTS[:2], DOMAIN, end, issued_at=NOW_S))
    out = tool("keys", files.new("retired.json", file.dump())).out
    assert out.count(f"{KEY.public.kid.hex()}  ED25519") == 1
    assert f"{LOG_NAME} from 0 to 3" in out
    assert "RETIRED" in out


def test_witnesses(files: Files, tool: Tool) -> None:
    file = STORY.world.trust.with_witnesses({"witness.example/one": KEY.public}, 1)
    said = tool("keys", files.new("witnessed.json", file.dump()))
    assert "1 of 1 witnesses must co-sign a head" in said.out
    assert f"witness.example/one  ED25519  {KEY.public.kid.hex()}" in said.out


def test_a_key_set_out_and_in(files: Files, tool: Tool) -> None:
    out = files.new("keys.cose")
    assert tool("keys", files.trust, "--export", out).code == 0
    kids = {key.kid for key in decode_key_set(out.read_bytes())}
    assert kids >= {root.public.kid for root in ROOTS} | {STORY.world.keys["quota"].public.kid}
    said = tool("keys", out, "--trust", files.trust)
    assert said.code == 0
    assert "UNKNOWN" not in said.out
    assert f"{service('quota')}  signs statements" in said.out
    again = tool("keys", files.trust, "--export", out)
    assert (again.code, out.name in again.err) == (4, True)


def test_a_stranger_in_a_key_set(files: Files, tool: Tool) -> None:
    path = files.new("keys.cose", encode_key_set([KEY.public, STORY.world.keys["registry"].public]))
    bare = tool("keys", path)
    assert "a set certifies nothing" in bare.out
    assert "UNKNOWN" not in bare.out
    said = tool("keys", path, "--trust", files.trust)
    assert f"{KEY.public.kid.hex()}  ED25519  UNKNOWN to the trust file" in said.out
    first, second = tool("keys", path, "--trust", files.trust, "--json").json["keys"]
    assert first["known"] is None
    assert second["owner"] == service("registry")


def test_roots_are_those_of_now(files: Files, tool: Tool) -> None:
    new = SoftwareKey.generate()
    file = trust.new(DOMAIN, [root.public for root in ROOTS], 2)
    act = trust.rotate_roots(
        ROOTS[:2], DOMAIN, [prove_root(new, DOMAIN), prove_root(ROOTS[0], DOMAIN)], 1, issued_at=NOW_S
    )
    found = tool("keys", files.new("new.json", file.with_act(act).dump()), "--json").json
    assert [key["kid"] for key in found["keys"]] == [new.public.kid.hex(), ROOTS[0].public.kid.hex()]
    assert found["threshold"] == 1


def test_what_is_neither(files: Files, tool: Tool) -> None:
    assert tool("keys", files.new("trust", b"{}")).code == 5
    assert tool("keys", files.abroad).code == 5
    said = tool("keys", files.new("cut", World.new().trust.dump()[:-9]), "--json")
    assert said.json["error"]["reason"] == "BAD_FIELD"


def test_another_file_is_said_to_be_neither(files: Files, tool: Tool) -> None:
    for content in (files.abroad.read_bytes(), b"%PDF-1.7", b"\x80", b"\xd2\x84"):
        said = tool("keys", files.new("other", content))
        assert (said.code, "no trust file (JSON), COSE_KeySet or private key (PEM)" in said.err) == (5, True)


def test_of_a_private_key_the_public_one_is_shown_as_a_trust_file_names_a_witness(files: Files, tool: Tool) -> None:
    key = SoftwareKey.generate()
    path = files.new("witness.pem", key.to_pem())
    shown = tool("keys", path, "--json").json
    fields = json.loads(files.trust.read_text())
    fields["witnesses"] = {"threshold": 1, "keys": {"w.example/1": shown["cose_key"]}}
    assert trust.TrustFile.load(json.dumps(fields).encode()).witnesses == {"w.example/1": key.public}
    assert f"  COSE_Key {shown['cose_key']}\n" in tool("keys", path).out
    assert key.to_pem().decode() not in tool("keys", path).out
