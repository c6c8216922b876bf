"""`monazite` against the running suite, after the story: what officers do by hand."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from monazite_provenance.__main__ import main as verify_offline
from typer.testing import CliRunner

from clients.admin.__main__ import app
from clients.admin.exit_codes import ExitCode
from clients.demo.actors import LICENSING_FIRST, LICENSING_SECOND, PLANT, QUOTA_OFFICER, REGISTRAR, Actor
from clients.demo.story import Told
from tests.system.conftest import YEAR
from tools.local.deployment import Deployment


class Officer:
    """Somebody at a terminal, with a configuration file."""

    def __init__(self, deployment: Deployment, actor: Actor, directory: Path) -> None:
        files = deployment.certificate(actor.path)
        lines = [f"certificate = '{files.certificate}'", f"key = '{files.key}'", f"authority = '{files.authority}'"]
        lines += [f"trust = '{deployment.trust_file}'", "[addresses]"]
        lines += [f"{service} = '{address}'" for service, address in deployment.addresses.items()]
        self.config = directory / "admin.toml"
        self.config.write_text("\n".join(lines))

    async def types(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        command = ["--config", str(self.config), *arguments]
        result = await asyncio.to_thread(CliRunner().invoke, app, command)
        return result.exit_code, result.stdout, result.stderr


Terminal = Callable[[Actor], Officer]


@pytest.fixture
def terminal(told: Told, deployment: Deployment, tmp_path: Path) -> Terminal:
    """Officers' terminals, after the story."""
    return lambda actor: Officer(deployment, actor, tmp_path)


async def as_json(officer: Officer, *arguments: str) -> Any:
    code, out, err = await officer.types(*arguments, "--json")
    assert code == ExitCode.DONE, err
    return json.loads(out)


async def test_indicators_and_balances_are_exact(terminal: Terminal) -> None:
    li = terminal(QUOTA_OFFICER)
    indicators = await as_json(li, "indicator", "list", "--year", str(YEAR))
    assert [each["batch"] for each in indicators["indicators"]] == [1, 2]
    balances = (await as_json(li, "balances", "--year", str(YEAR)))["balances"]
    granted = {(each["enterprise_id"], each["kind"]): each["granted_mg"] for each in balances}
    assert granted["national", "QUOTA_KIND_MINING_ROCK"] == "250850000000000"
    code, out, _ = await li.types("balances", "--year", str(YEAR))
    assert code == ExitCode.DONE
    assert "250 850" in out


async def test_lists_are_cut_and_go_on(terminal: Terminal) -> None:
    li = terminal(QUOTA_OFFICER)
    first = await as_json(li, "postings", "--year", str(YEAR), "--limit", "3")
    assert len(first["postings"]) == 3
    token = str(first["next_page_token"])
    rest = await as_json(li, "postings", "--year", str(YEAR), "--page-token", token)
    known = {each["posting_id"] for each in first["postings"]}
    assert known.isdisjoint(each["posting_id"] for each in rest["postings"])


async def test_rights(terminal: Terminal, told: Told) -> None:
    li = terminal(QUOTA_OFFICER)
    code, out, err = await li.types("rights", "show", told.plot.separation_right.right_id.hex())
    assert code == ExitCode.DONE, err
    assert "336.146807341" in out
    listed = await as_json(li, "rights", "list", "--year", str(YEAR), "--enterprise", PLANT.id)
    assert [each["state"] for each in listed["rights"]] == ["STATE_OPEN"]


async def test_a_refusal_has_its_numbers_and_its_exit_code(terminal: Terminal) -> None:
    li = terminal(QUOTA_OFFICER)
    arguments = ("allocate", "china-rare-earth", "--year", str(YEAR), "--batch", "2", "--mining-ionic", "0.000000001")
    code, _, err = await li.types(*arguments)
    assert code == ExitCode.RULE
    assert "ALLOCATION_OVER_TOTAL" in err
    assert "mining_ionic_remaining_mg = 0" in err


async def test_another_roles_certificate(terminal: Terminal) -> None:
    chen = terminal(LICENSING_FIRST)
    arguments = ("allocate", "china-rare-earth", "--year", str(YEAR), "--batch", "2", "--mining-ionic", "1")
    code, _, err = await chen.types(*arguments)
    assert code == ExitCode.NOT_ALLOWED
    assert "ACCESS_DENIED" in err


async def test_cases_and_licences(terminal: Terminal, told: Told) -> None:
    chen = terminal(LICENSING_FIRST)
    granted = (await as_json(chen, "cases", "list", "--state", "granted"))["cases"]
    case = str(granted[0]["case_id"])
    code, out, err = await chen.types("cases", "show", case)
    assert code == ExitCode.DONE, err
    for part in ("GRANTED", "1C905.a", "VERIFIED"):
        assert part in out
    assert "VERIFIED_WITH_GAPS" not in out
    licence = told.plot.licence.licence_id.hex()
    code, out, err = await chen.types("licences", "show", licence)
    assert code == ExitCode.DONE, err
    assert "ACTIVE" in out
    code, _, err = await chen.types("cases", "propose", case, "grant", "--reason", "again")
    assert code == ExitCode.RULE
    assert "CASE_STATE" in err


async def test_suspend_and_reinstate(terminal: Terminal, told: Told) -> None:
    chen = terminal(LICENSING_FIRST)
    licence = told.plot.licence.licence_id.hex()
    suspended = await as_json(chen, "licences", "suspend", licence, "--reason", "end user under review")
    assert suspended["licence"]["state"] == "STATE_SUSPENDED"
    reinstated = await as_json(chen, "licences", "reinstate", licence, "--reason", "cleared")
    assert reinstated["licence"]["state"] == "STATE_ACTIVE"


async def test_a_case_through_both_officers(terminal: Terminal, deployment: Deployment, tmp_path: Path) -> None:
    chen = terminal(LICENSING_FIRST)
    listed = (await as_json(chen, "cases", "list", "--state", "in-review"))["cases"]
    case = str(listed[0]["case_id"])
    proposed = await as_json(chen, "cases", "propose", case, "refuse", "--reason", "end user not to be found")
    assert proposed["state"] == "STATE_DECISION_PROPOSED"
    code, _, err = await chen.types("cases", "countersign", case, "--outcome", "refuse")
    assert code == ExitCode.RULE
    assert "SAME_OFFICER" in err
    directory = tmp_path / "wu"
    directory.mkdir()
    wu = Officer(deployment, LICENSING_SECOND, directory)
    code, _, err = await wu.types("cases", "countersign", case, "--outcome", "grant", "--expires", "2030-01-01")
    assert code == ExitCode.RULE
    assert "PROPOSAL_DIFFERS" in err
    refused = await as_json(wu, "cases", "countersign", case, "--outcome", "refuse")
    assert refused["state"] == "STATE_REFUSED"


async def test_lot_and_trace(terminal: Terminal, told: Told) -> None:
    zhao = terminal(REGISTRAR)
    lot = told.plot.abroad_lot
    shown = await as_json(zhao, "lot", "show", lot)
    assert shown["custody_state"] == "CUSTODY_STATE_ABROAD"
    code, out, err = await zhao.types("lot", "trace", lot)
    assert code == ExitCode.DONE, err
    for part in (lot, "see above", "Bayan Obo", "signed by itself", "Origin of each element"):
        assert part in out
    code, out, _ = await zhao.types("lot", "list", "--enterprise", PLANT.id)
    assert code == ExitCode.DONE
    assert told.plot.products["La oxide"] in out


async def test_bundle_save_and_verify(terminal: Terminal, told: Told, deployment: Deployment, tmp_path: Path) -> None:
    zhao = terminal(REGISTRAR)
    file = tmp_path / "magnets.bundle"
    code, _, err = await zhao.types("bundle", "save", told.plot.abroad_lot, str(file))
    assert code == ExitCode.DONE, err
    code, _, _ = await zhao.types("bundle", "save", told.plot.abroad_lot, str(file))
    assert code == ExitCode.USAGE
    code, out, _ = await zhao.types("bundle", "verify", str(file), "--json")
    report = json.loads(out)
    assert (code, report["verdict"]) == (ExitCode.DONE, "VERIFIED")
    assert verify_offline(["verify", str(file), "--trust", str(deployment.trust_file)]) == code
    content = bytearray(file.read_bytes())
    content[-20] ^= 1
    file.write_bytes(content)
    code, out, _ = await zhao.types("bundle", "verify", str(file))
    assert code == ExitCode.REFUTED
    assert "REFUTED" in out


async def test_what_does_not_exist(terminal: Terminal) -> None:
    code, out, _ = await terminal(REGISTRAR).types("lot", "show", "RE-0000-0000-0000-0", "--json")
    assert code in {ExitCode.NOT_FOUND, ExitCode.BAD_INPUT}
    assert json.loads(out)["error"]["reason"] in {"NOT_FOUND", "INVALID_FIELDS"}


async def test_entries_in_order_without_holes(terminal: Terminal) -> None:
    zhao = terminal(REGISTRAR)
    code, out, err = await zhao.types("entries", "follow", "registry", "--once", "--json")
    assert code == ExitCode.DONE, err
    indexes = [int(json.loads(line)["index"]) for line in out.splitlines()]
    assert indexes == list(range(len(indexes)))
    assert len(indexes) > 25


async def test_a_log_is_replayed_and_watched(terminal: Terminal, tmp_path: Path) -> None:
    zhao = terminal(REGISTRAR)
    whole = await as_json(zhao, "log", "verify", "registry")
    assert whole["verdict"] == "VERIFIED"
    assert whole["size"] > 25
    state = tmp_path / "registry.head"
    for service in ("quota", "export_license", "registry", "registry"):
        code, out, err = await zhao.types("log", "watch", service, "--once", "--state", f"{state}.{service}", "--json")
        assert code == ExitCode.DONE, err
        # A log that has stood still says so the second time, unless its next heartbeat came meanwhile.
        assert json.loads(out)["verdict"] == "CONSISTENT"
    assert await asyncio.to_thread(Path(f"{state}.registry").read_bytes)


async def test_enterprise(terminal: Terminal) -> None:
    zhao = terminal(REGISTRAR)
    arguments = ("enterprise", "register", "baotou-recycling", "--name", "Recycler", "--activity", "RECYCLE")
    identifier = str(uuid.uuid4())
    first = await as_json(zhao, *arguments, "--request-id", identifier)
    assert await as_json(zhao, *arguments, "--request-id", identifier) == first
    code, _, err = await zhao.types(
        "enterprise", "register", "other", "--name", "x", "--activity", "MINE", "--request-id", identifier
    )
    assert code == ExitCode.RULE
    assert "REQUEST_ID_REUSED" in err
    code, out, _ = await zhao.types("enterprise", "show", PLANT.id)
    assert code == ExitCode.DONE
    assert "key" in out
