"""The image and the services are described so that their tools accept them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from credit_core.settings import PROJECT_ROOT, Settings

COMPOSE = yaml.safe_load((PROJECT_ROOT / "compose.yaml").read_text())
DOCKERFILE = (PROJECT_ROOT / "Dockerfile").read_text()


def test_hadolint_finds_nothing() -> None:
    tool = Path(sys.executable).with_name("hadolint")
    if not tool.exists():
        pytest.skip("hadolint is not installed in this environment")
    found = subprocess.run([tool, "Dockerfile"], cwd=PROJECT_ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout


def test_the_compose_file_fits_its_schema() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    found = subprocess.run(
        [*command, "compose.yaml"], cwd=PROJECT_ROOT, capture_output=True, text=True
    )
    assert found.returncode == 0, found.stdout + found.stderr


def test_services_start_in_order_without_rights_or_secrets() -> None:
    services = COMPOSE["services"]
    for name, service in services.items():
        assert not re.search(r"(?i)password\s*[:=]\s*\S", str(service.get("command", "")))
        for needed, rule in service.get("depends_on", {}).items():
            assert rule["condition"] == "service_healthy"
            assert "healthcheck" in services[needed] or "HEALTHCHECK" in DOCKERFILE
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), "reached through a proxy of the user's own"
        if name != "postgres":
            assert service["read_only"] is True
            assert service["cap_drop"] == ["ALL"]
    for name, secret in COMPOSE["secrets"].items():
        assert secret == {"file": f"./secrets/{name}"}
        if name.startswith("candor_"):
            assert name.removeprefix("candor_") in Settings.model_fields
    assert all(re.search(r":[\w.-]*\d", s["image"]) for s in services.values() if "build" not in s
               and s["image"] != "candor:local")  # fmt: skip


def test_the_image_holds_what_it_copies_and_runs_as_nobody_special() -> None:
    ignored = (PROJECT_ROOT / ".dockerignore").read_text().splitlines()
    for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, flags=re.MULTILINE):
        for name in line.split():
            assert (PROJECT_ROOT / name).exists(), name
            assert f"!{name}" in ignored, name
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, flags=re.MULTILINE)
    assert all(re.fullmatch(r"python:3\.11\.\d+-slim-\w+", base) for base in bases)
    last = DOCKERFILE.rsplit("FROM ", 1)[1]
    assert re.search(r"^USER 10001$", last, flags=re.MULTILINE)
    assert "HEALTHCHECK" in last
    assert not re.search(r"gcc|build-essential|pip install", last)
