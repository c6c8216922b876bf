"""`python -m services.registry`: the registry's process."""

from __future__ import annotations

import sys

from services.chassis.server import run
from services.registry.server import MIGRATIONS, build
from services.registry.settings import RegistrySettings

if __name__ == "__main__":
    sys.exit(run("registry", RegistrySettings, build, MIGRATIONS))
