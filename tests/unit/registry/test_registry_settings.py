"""Settings of the registry that would make every lot of it worthless if they were wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from monazite_provenance.names import log_urn
from pydantic import ValidationError

from services.chassis.settings import Certificates
from services.registry.settings import RegistrySettings

SOMEWHERE = Path("somewhere")


def settings(log_name: str) -> RegistrySettings:
    """Settings with this name of the log."""
    return RegistrySettings(
        domain="monazite.example",
        listen="127.0.0.1:0",
        database_url="postgresql://localhost/registry",
        certificates=Certificates(certificate=SOMEWHERE, private_key=SOMEWHERE, authority=SOMEWHERE),
        signing_key=SOMEWHERE,
        log_signing_key=SOMEWHERE,
        log_memory=SOMEWHERE,
        trust_file=SOMEWHERE,
        log_name=log_name,
    )


@pytest.mark.parametrize("name", ["registry", "urn:monazite:log:registry", log_urn("quota"), log_urn("registry") + "x"])
def test_a_log_that_no_verifier_takes_for_a_home_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="must be the name of a registry's log"):
        settings(name)


def test_any_shard_of_the_registrys_log_will_do() -> None:
    assert settings(log_urn("registry", 7)).log_name == log_urn("registry", 7)
