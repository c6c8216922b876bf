"""`make e2e-compose`: build the images, bring the suite up healthy, run the system tests against it, take it down.

Exit code 0 when the tests passed, or when no engine can be had (said loudly); anything else is a failure.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Final

from tools.containers import base_image, prepare
from tools.containers.engine import Engine, NoEngineError, engine
from tools.local.deployment import E2E_VARIABLE

PROJECT: Final = "monazite-e2e"
# Not those of `make up`, which may be running beside.
PORTS: Final = {"registry": 7411, "quota": 7412, "export_license": 7413}
STATE: Final = prepare.ROOT / "build" / "e2e"
CONTAINERS: Final = ("postgres", "collector", "registry", "quota", "export_license")
BUILD_SECONDS_MAX: Final = 600
HEALTHY_SECONDS_MAX: Final = 180
TEST_SECONDS_MAX: Final = 600
DOWN_SECONDS_MAX: Final = 120


class NotHealthyError(Exception):
    """A container did not become healthy; the message has the end of its log."""


def main() -> int:
    """Run it all; returns the exit code."""
    signal.signal(signal.SIGTERM, _interrupted)
    # Not below the repository: an engine's layers do not want to sit on another engine's.
    directory = Path("/var/tmp") / f"monazite-engine-{os.getpid()}"  # noqa: S108  (named by process, made by root)
    try:
        with engine(directory) as found:
            return _on(found)
    except NoEngineError as reason:
        sys.stdout.write(_loud(f"SKIPPED: e2e-compose, because no container engine can be used here: {reason}"))
        return 0


def _on(engine: Engine) -> int:
    started = time.monotonic()

    def say(text: str) -> None:
        sys.stdout.write(f"[{time.monotonic() - started:5.1f} s] {text}\n")
        sys.stdout.flush()

    say(f"engine: {engine.output('docker', 'version', '--format', '{{.Server.Version}}').strip()}")
    pulled = base_image.pull(engine)
    base = pulled or base_image.make(engine, prepare.ROOT / "build")
    say(f"base image: {base}")
    prepare.wheelhouse()
    prepare.state(STATE, PORTS)
    say("wheelhouse, keys and settings are ready")
    files = ["deploy/compose.yaml"] if pulled else ["deploy/compose.yaml", "deploy/compose.built.yaml"]
    compose = [*engine.compose, *(part for file in files for part in ("--file", str(prepare.ROOT / file)))]
    compose += ["--project-name", PROJECT]
    environment = _environment(base)
    try:
        engine.run(*compose, "build", "--quiet", timeout_s=BUILD_SECONDS_MAX, environment=environment)
        say("images are built")
        _up(engine, compose, environment)
        say("all containers are healthy")
        code = _test(engine)
        say(f"tests ended with {code}")
        seen = _spans_seen(engine)
        say(f"the collector was sent spans in {seen} messages")
        return code or (0 if seen else 1)
    finally:
        down = [*compose, "down", "--volumes", "--timeout", "10"]
        engine.run(*down, timeout_s=DOWN_SECONDS_MAX, environment=environment)
        say("all is taken down")


def _environment(base: str) -> dict[str, str]:
    ports = {f"{service.upper()}_PORT": str(port) for service, port in PORTS.items()}
    # The classic builder: BuildKit is no part of Debian's package, and the files need nothing of it.
    return {**ports, "BASE_IMAGE": base, "MONAZITE_STATE": str(STATE), "DOCKER_BUILDKIT": "0"}


def _up(engine: Engine, compose: list[str], environment: Mapping[str, str]) -> None:
    try:
        engine.run(*compose, "up", "--detach", timeout_s=HEALTHY_SECONDS_MAX, environment=environment)
        _await_healthy(engine)
    except (subprocess.CalledProcessError, NotHealthyError):
        engine.run(*compose, "logs", "--tail", "40", timeout_s=60, environment=environment)
        raise


def _await_healthy(engine: Engine) -> None:
    deadline = time.monotonic() + HEALTHY_SECONDS_MAX
    state: dict[str, str] = {}
    while time.monotonic() < deadline:
        state = {name: _health(engine, name) for name in CONTAINERS}
        if set(state.values()) <= {"healthy", "running"}:
            return
        if "exited" in state.values() or "unhealthy" in state.values():
            break
        time.sleep(0.5)
    raise NotHealthyError(str(state))


def _container(engine: Engine, name: str) -> str:
    """Id of the container of a compose service; empty when there is none."""
    project = f"label=com.docker.compose.project={PROJECT}"
    service = f"label=com.docker.compose.service={name}"
    return engine.output("docker", "ps", "--all", "--quiet", "--filter", project, "--filter", service).strip()


def _spans_seen(engine: Engine) -> int:
    """How many messages with spans the collector, ours or the official one, says it got."""
    log = engine.output("docker", "logs", _container(engine, "collector"))
    return sum("traces" in line.lower() and "spans" in line for line in log.splitlines())


def _health(engine: Engine, name: str) -> str:
    """`healthy`, `starting`, `unhealthy`, `exited`, or `running` for a container without a health check."""
    container = _container(engine, name)
    if not container:
        return "missing"
    template = "{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{end}}"
    status, _, health = engine.output("docker", "inspect", "--format", template, container).strip().partition(" ")
    return (health or status) if status == "running" else status


def _test(engine: Engine) -> int:
    environment = {E2E_VARIABLE: str(STATE / "deployment.json")}
    command = [*engine.inside, sys.executable, "-m", "pytest", str(prepare.ROOT / "tests" / "system")]
    try:
        engine.run(*command, timeout_s=TEST_SECONDS_MAX, environment=environment)
    except subprocess.CalledProcessError as error:
        return error.returncode
    return 0


def _loud(text: str) -> str:
    return "\n".join(["", "!" * 100, text, "!" * 100, ""])


def _interrupted(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
