"""An evidence pack: bundle, dossier and events in one archive that proves itself offline.

``manifest.json`` lists the SHA-256 of every other member; the events carry the hash of the one
before, so each event's own hash is checked as well. The same facts give the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from credit_core.errors import InputError
from credit_core.oversight.dossier import Facts, clause_map, write_card, write_dossier
from credit_core.oversight.events import Event, digest_of

MANIFEST = "manifest.json"
_FORMAT = 1
_EPOCH = (1980, 1, 1, 0, 0, 0)
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RuntimeError,  # encrypted, or a compression not known here
    EOFError,
    OSError,
)
_MOST_BYTES = 512 * 1024 * 1024


def build_pack(facts: Facts) -> bytes:
    """Return the archive."""
    dossier = write_dossier(facts)
    members = {
        "dossier.pdf": dossier.pdf(),
        "dossier.html": dossier.html().encode("utf-8"),
        "model_card.md": write_card(facts).markdown().encode("utf-8"),
        "facts.json": _json(_machine_readable(facts)),
        "events.json": _json([asdict(event) for event in facts.events]),
        "config.yaml": yaml.safe_dump(facts.bundle.facts["config"]).encode("utf-8"),
    }
    for path in sorted(facts.version.path.iterdir()):
        if path.is_file():
            members[f"bundle/{path.name}"] = path.read_bytes()
    members[MANIFEST] = _json(
        {
            "format": _FORMAT,
            "model": facts.version.reference,
            "bundle_sha256": facts.version.sha256,
            "files": {name: hashlib.sha256(data).hexdigest() for name, data in members.items()},
        }
    )
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(members):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), members[name], zipfile.ZIP_DEFLATED)
    return target.getvalue()


def _machine_readable(facts: Facts) -> dict[str, Any]:
    """Return what the dossier says beyond the bundle: where it stands, and clause by clause."""
    version = facts.version
    return {
        "model": version.reference,
        "family": version.family,
        "question": facts.bundle.question,
        "champion": version.champion,
        "circular": version.circular,
        "refusal": version.refusal,
        "metrics": facts.bundle.facts["metrics"],
        "governance": facts.governance.model_dump(mode="json"),
        "dataset": facts.dataset,
        "policies": [asdict(one) for one in facts.policies],
        "bands": facts.curves.bands.to_dict("records"),
        "bands_of": facts.curves.judged,
        "fairness": facts.fairness,
        "clauses": [asdict(answer) for answer in clause_map(facts)],
    }


def _json(content: Any) -> bytes:
    text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False, default=str)
    return text.encode("utf-8")


def verify_pack(path: Path) -> list[str]:
    """Return what is wrong with a pack, a sentence each; empty where it is whole.

    Raises
    ------
    InputError
        Where the file is no evidence pack.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(f"{path.name} is no evidence pack: it cannot be read as a zip.") from error
    with archive:
        names = archive.namelist()
        if sum(info.file_size for info in archive.infolist()) > _MOST_BYTES:
            raise InputError(f"{path.name} unpacks to more than 512 MB; that is no evidence pack.")
        if MANIFEST not in names:
            raise InputError(f"{path.name} is no evidence pack: it has no {MANIFEST}.")
        try:
            members = {name: archive.read(name) for name in names}
            manifest = json.loads(members[MANIFEST])
            listed: dict[str, str] = manifest["files"]
            hashes = {str(name): str(digest) for name, digest in listed.items()}
        except _DAMAGE as error:
            return [f"{path.name} is damaged: {error}."]
    problems = [f"{name} occurs twice." for name in sorted(set(names)) if names.count(name) > 1]
    for name, digest in sorted(hashes.items()):
        if name not in members:
            problems.append(f"{name} is missing.")
        elif hashlib.sha256(members[name]).hexdigest() != digest:
            problems.append(f"{name} was changed: its hash is not the one listed.")
    problems += [
        f"{name} was added: the manifest does not list it."
        for name in sorted(set(names) - set(hashes) - {MANIFEST})
    ]
    if problems:
        return problems
    try:
        return _inner(members, manifest)
    except _DAMAGE as error:
        return [f"{path.name} does not hold what a pack holds: {type(error).__name__}, {error}."]


def _inner(members: dict[str, bytes], manifest: dict[str, Any]) -> list[str]:
    """Check what a changed manifest cannot hide: the bundle's own hash and the events'."""
    bundle = members.get("bundle/bundle.json", b"")
    if hashlib.sha256(bundle).hexdigest() != manifest["bundle_sha256"]:
        return ["bundle/bundle.json is not the bundle that the manifest names."]
    problems = [
        f"bundle/{name} is not the file that bundle.json lists."
        for name, digest in json.loads(bundle)["files"].items()
        if hashlib.sha256(members.get(f"bundle/{name}", b"")).hexdigest() != digest
    ]
    for event in json.loads(members["events.json"]):
        if digest_of(Event(**event)) != event["hash"]:
            problems.append(f"Event {event['sequence']} in events.json was changed.")
    return problems
