"""`python -m services.export_license`, with the settings file in MONAZITE_CONFIG."""

from __future__ import annotations

import sys

from services.chassis.server import run
from services.export_license.server import MIGRATIONS, build
from services.export_license.settings import Settings

if __name__ == "__main__":
    sys.exit(run("export_license", Settings, build, MIGRATIONS))
