"""`monazite log witness`: what it co-signs of a log goes on from all that it co-signed before."""

from __future__ import annotations

import asyncio
import fcntl
import json
from pathlib import Path
from typing import Any

import pytest
from monazite_provenance.checkpoints import parse_checkpoint_text, verify_cosignature, verify_log_signature
from monazite_provenance.keys import SoftwareKey
from monazite_provenance.names import log_urn, service_uri
from monazite_provenance.receipts import parse_checkpoint

from clients.admin.commands import witnessing
from clients.admin.exit_codes import ExitCode
from tests.fakes.log import FakeLog, new_log, served
from tests.service.clients.test_log_watch import grow
from tests.service.terminal import Terminal
from tools.local import ceremony
from tools.local.pki import DevelopmentAuthority

NAME = "w.example/1"
KEY = SoftwareKey.generate()


class Log:
    """The registry's log, and one that says to be it: of the same key."""

    def __init__(self, authority: DevelopmentAuthority, trust: ceremony.Trust, directory: Path) -> None:
        self.authority = authority
        self.trust = trust
        self.state = directory / "state"
        self.key = directory / "witness.pem"
        self.key.write_bytes(KEY.to_pem())

    def new(self) -> FakeLog:
        """An empty one."""
        key = SoftwareKey.from_pem(self.trust.log_keys["registry"].read_bytes())
        return new_log(log_urn("registry"), service_uri(self.authority.domain, "registry"), key)

    async def witness(self, log: FakeLog, *words: str) -> tuple[int, list[dict[str, Any]]]:
        """Exit code, and what is said line by line."""
        files = ("--name", NAME, "--signing-key", str(self.key), "--state", str(self.state))
        async with served(log, self.authority.issue("service/registry", server=True)) as port:
            at = Terminal(self.authority, "witness/w1", trust=self.trust.trust_file, registry=port)
            code, out, _ = await at.types("log", "witness", "registry", *files, *words, "--json")
        return code, [json.loads(each) for each in out.splitlines()]


@pytest.fixture
def here(authority: DevelopmentAuthority, trust: ceremony.Trust, tmp_path: Path) -> Log:
    return Log(authority, trust, tmp_path)


async def kept(here: Log) -> bytes:
    """The state, byte for byte."""
    return await asyncio.to_thread(here.state.read_bytes)


def sizes(refuted: dict[str, Any]) -> list[int]:
    """Of the two heads that a refutation shows."""
    return [parse_checkpoint(bytes.fromhex(refuted[name])).head.size for name in ("earlier", "later")]


async def test_each_head_that_goes_on_is_co_signed_and_delivered(here: Log) -> None:
    log = here.new()
    assert await here.witness(log) == (ExitCode.DONE, []), "there is nothing to see yet"
    for number in (1, 2, 3):
        grow(log, number)
        code, (said,) = await here.witness(log)
        head = log.register.head(1).head
        assert (code, said["verdict"], said["size"]) == (ExitCode.DONE, "COSIGNED", number)
        text = parse_checkpoint_text(log.delivered[-1].note)
        assert (text.origin, text.size, text.root) == (head.log, head.size, head.root)
        verify_log_signature(text, log.register.key.public)
        assert verify_cosignature(text, NAME, KEY.public) > 0
    # The same again: it was perhaps not delivered.
    assert (await here.witness(log))[0] == ExitCode.DONE
    assert [parse_checkpoint_text(each.note).size for each in log.delivered] == [1, 2, 3, 3]


async def test_another_history_under_the_logs_key_is_told_with_both_heads_and_not_signed(here: Log) -> None:
    log, other = here.new(), here.new()
    grow(log, 1, 2, 3)
    grow(other, 1, 2, 4)
    assert (await here.witness(log))[0] == ExitCode.DONE
    state = await kept(here)
    code, (said,) = await here.witness(other)
    assert (code, said["verdict"]) == (ExitCode.REFUTED, "REFUTED")
    texts = [parse_checkpoint_text(said[name]) for name in ("earlier", "later")]
    for text in texts:
        verify_log_signature(text, log.register.key.public)
    assert (texts[0].size, texts[0].root != texts[1].root) == (texts[1].size, True)
    # Grown since: no path leads there from what was co-signed.
    grow(other, 5)
    code, (said,) = await here.witness(other)
    assert (code, said["verdict"], said["why"].split()[0]) == (ExitCode.REFUTED, "REFUTED", "PROOF_MISMATCH")
    assert sizes(said) == [3, 4]
    shorter = here.new()
    grow(shorter, 1, 2)
    code, (said,) = await here.witness(shorter)
    assert (code, sizes(said)) == (ExitCode.REFUTED, [3, 2])
    assert (other.delivered, shorter.delivered, await kept(here)) == ([], [], state)
    grow(log, 6)
    assert (await here.witness(log))[0] == ExitCode.DONE


async def test_what_is_about_to_be_signed_is_kept_whatever_the_log_answers(here: Log) -> None:
    log, other = here.new(), here.new()
    grow(log, 1, 2)
    log.refuses_from = 0
    assert (await here.witness(log))[0] not in {ExitCode.DONE, ExitCode.REFUTED}
    grow(other, 1, 3)
    assert (await here.witness(other))[0] == ExitCode.REFUTED


async def test_it_goes_on_with_each_new_head(here: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witnessing, "INTERVAL_S", 0)
    log = here.new()
    log.refuses_from = 3
    grow(log, 0)

    async def growing() -> None:
        seen = 0
        while True:
            if len(log.delivered) > seen:
                seen = len(log.delivered)
                grow(log, seen)
            await asyncio.sleep(0)

    more = asyncio.create_task(growing())
    code, said = await here.witness(log, "--follow")
    more.cancel()
    assert code not in {ExitCode.DONE, ExitCode.REFUTED}, "the fourth was refused"
    assert [each.get("size") for each in said[:3]] == [1, 2, 3]
    assert len(said) == 4, "a head that is the same again is not signed again"


async def test_of_a_log_that_stands_still_it_co_signs_the_fresh_heads_too(
    here: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witnessing, "INTERVAL_S", 0)
    monkeypatch.setattr(witnessing, "AGAIN_S", 0)
    log = here.new()
    log.refuses_from = 2
    grow(log, 0)
    _, said = await here.witness(log, "--follow")
    assert [each.get("size") for each in said] == [1, 1, None]


async def test_who_follows_comes_again_where_too_many_wait(here: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witnessing, "INTERVAL_S", 0)
    log = here.new()
    grow(log, 0)
    log.crowded = 20
    assert (await here.witness(log))[0] not in {ExitCode.DONE, ExitCode.REFUTED}, "who does not follow is told"
    log.refuses_from = 1
    monkeypatch.setattr(witnessing, "AGAIN_S", 0)
    _, said = await here.witness(log, "--follow")
    assert ([each.get("size") for each in said], log.crowded) == ([1, None], 0)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is not JSON"),
        ("{}", "it has no text under log, checkpoint, note"),
        ("[]", "it has no text under log, checkpoint, note"),
        ('{"log": "urn:monazite:log:registry:0", "checkpoint": 1, "note": ""}', "it has no text under checkpoint"),
        ('{"log": "urn:monazite:log:registry:0", "checkpoint": "x", "note": ""}', "its checkpoint is not hexadecimal"),
        ('{"log": "urn:monazite:log:registry:0", "checkpoint": "00", "note": ""}', "BAD_FIELD "),
        ('{"log": "urn:monazite:log:quota:0", "checkpoint": "", "note": ""}', "is the state of urn:monazite:log:quota"),
    ],
)
async def test_without_knowing_what_was_signed_nothing_is(here: Log, text: str, why: str) -> None:
    log = here.new()
    grow(log, 1)
    await asyncio.to_thread(here.state.write_text, text)
    code, (said,) = await here.witness(log)
    assert (code, said["error"]["reason"], log.delivered) == (ExitCode.CONFIGURATION, "CONFIGURATION", [])
    assert why in said["error"]["message"]


async def test_a_state_that_cannot_be_kept_is_said_before_anything_is_signed(here: Log) -> None:
    log = here.new()
    grow(log, 1)
    await asyncio.to_thread(here.state.with_name("state.new").mkdir)
    here_too = here.state
    for state in (here_too, Path(), Path("/")):
        here.state = state
        code, (said,) = await here.witness(log)
        assert (code, said["error"]["reason"], log.delivered) == (ExitCode.CONFIGURATION, "CONFIGURATION", [])


async def test_one_process_is_one_witness(here: Log) -> None:
    log = here.new()
    grow(log, 1)
    with here.state.with_name("state.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code, (said,) = await here.witness(log)
    assert (code, log.delivered) == (ExitCode.CONFIGURATION, [])
    assert "in use" in said["error"]["message"]


async def test_a_key_that_cannot_co_sign_is_said(here: Log) -> None:
    await asyncio.to_thread(here.key.write_bytes, b"no key")
    code, _ = await here.witness(here.new())
    assert code == ExitCode.CONFIGURATION
