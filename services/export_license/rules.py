"""The control tables: those of the package, or those that the settings name."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from services.export_license import settings
from services.export_license.domain import control_items
from services.export_license.domain.control_items import RuleSet


def read(section: settings.Rules) -> RuleSet:
    """The rule set in force from this start on. Raises RuleTableError; a service without rules does not start."""
    return control_items.load(
        {
            "control_items.csv": _table("control_items.csv", section.control_items),
            "classification.csv": _table("classification.csv", section.classification),
        }
    )


def _table(name: str, override: Path | None) -> bytes:
    if override is not None:
        return override.read_bytes()
    return resources.files("services.export_license").joinpath("data", name).read_bytes()
