"""The dossier says what is on record, byte for byte the same twice, and the pack proves itself."""

from __future__ import annotations

import io
import re
import shutil
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from pypdf import PdfReader

from credit_core import workflows
from credit_core.config import GovernanceConfig
from credit_core.errors import InputError
from credit_core.oversight import events
from credit_core.oversight.dossier import NO_DEFAULT_MODEL, clause_map
from credit_core.oversight.dossier.clauses import load_clauses
from credit_core.oversight.pack import verify_pack
from credit_core.workflows.report import gather, make, report

NOTHING = GovernanceConfig()


@pytest.fixture
def own(store, tmp_path: Path):
    shutil.copytree(store.settings.home, tmp_path / "home")
    return replace(store, settings=store.settings.model_copy(update={"home": tmp_path / "home"}))


def pages(pdf: bytes) -> list[str]:
    return [
        re.sub(r"\s+", " ", page.extract_text().replace("-\n", "-"))
        for page in PdfReader(io.BytesIO(pdf)).pages
    ]


def test_a_proxys_first_page_says_that_it_is_no_default_model(own) -> None:
    facts = gather(own.settings, "disengagement", NOTHING)
    found = pages(make(facts, ".pdf"))
    assert "This is no default model" in found[0]
    assert "must not feed IFRS 9" in found[0]
    assert "Contents" in found[0]
    assert f"1 of {len(found)}" in found[0], "pages are numbered"
    assert NO_DEFAULT_MODEL in make(facts, ".html").decode()
    observed = pages(make(gather(own.settings, "default", NOTHING), ".pdf"))
    assert "no default model" not in observed[0]


def test_the_same_inputs_give_the_same_bytes_for_every_form(own) -> None:
    reference = own.version("xgboost").reference
    for suffix in (".pdf", ".html", ".md", ".zip"):
        first = make(gather(own.settings, reference, NOTHING), suffix)
        report(own.settings, reference, NOTHING, own.settings.home / f"x{suffix}")
        assert make(gather(own.settings, reference, NOTHING), suffix) == first
        assert (own.settings.home / f"x{suffix}").read_bytes() == first


def test_its_numbers_are_the_bundles(own) -> None:
    version = own.version("lightgbm")
    words = " ".join(pages(make(gather(own.settings, version.reference, NOTHING), ".pdf")))
    metrics = own.bundle("lightgbm").facts["metrics"]
    for sample in metrics.values():
        assert f"{sample['auc']:.3f} ({sample['auc_low']:.3f} to {sample['auc_high']:.3f})" in words
    for source in own.bundle("lightgbm").design.sources:
        assert source in words.replace(" ", "") or source in words
    assert version.sha256 in words.replace(" ", "")


def test_missing_evidence_is_named_and_given_evidence_is_not(own) -> None:
    reference = own.version("logistic").reference
    bare = make(gather(own.settings, reference, NOTHING), ".html").decode()
    assert "Missing evidence: owner" in bare
    assert "Missing evidence: monitoring" in bare
    assert "compliant" not in bare
    assert "certified" not in bare
    told = GovernanceConfig(
        owner="Credit risk", purpose="consumer loans", tier="high", validated_by="Model risk",
        do_not_use_for=("mortgages",),
    )  # fmt: skip
    found = workflows.explain(own.dataset, own.settings, "C000010", model=reference)
    workflows.decide(found, found.decision, own.settings)
    full = make(gather(own.settings, reference, told), ".html").decode()
    assert "Missing evidence: owner" not in full
    assert "Decisions by people: 1, of which 0 against the recommendation" in full
    assert "mortgages" in full


def test_every_clause_is_answered_and_asks_only_for_known_evidence(own) -> None:
    content = load_clauses()
    clauses = [one for framework in content["frameworks"] for one in framework["clauses"]]
    asked = clause_map(gather(own.settings, "default", NOTHING))
    assert [answer.clause for answer in asked] == [str(one["clause"]) for one in clauses]
    assert all(answer.found or answer.missing for answer in asked)
    # Whatever a clause asks for is a kind of evidence that some section can bring, or kept apart.
    names = {name for one in clauses for name in one["evidence"]}
    known = {
        "purpose", "owner", "materiality", "independent_validation", "limits", "lineage",
        "data_quality", "label", "canary", "sensitivity", "benchmark", "method", "protected",
        "features", "performance", "out_of_time", "bands", "stability", "fairness", "reasons",
        "policy", "promotion", "decisions", "monitoring", "outcomes", "reproduction",
        "regulatory_default", *content["kept_elsewhere"],
    }  # fmt: skip
    assert names <= known
    default = next(answer for answer in asked if answer.clause == "Art. 178")
    assert default.missing == ("regulatory default",), "nobody declared how outcomes stand to it"
    told = GovernanceConfig(default_definition="90 days past due, as in Art. 178")
    again = clause_map(gather(own.settings, "default", told))
    assert next(answer for answer in again if answer.clause == "Art. 178").missing == ()


@pytest.fixture(scope="module")
def pack(store, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return make(gather(store.settings, "default", NOTHING), ".zip")


def tampered(pack: bytes, change: Callable[[dict[str, bytes]], None]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(pack)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return target.getvalue()


def test_a_pack_is_whole_and_any_changed_file_is_named(pack: bytes, tmp_path: Path) -> None:
    path = tmp_path / "pack.zip"
    path.write_bytes(pack)
    assert verify_pack(path) == []
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    assert {"dossier.pdf", "model_card.md", "events.json", "bundle/bundle.json"} <= set(names)
    for name in names:
        if name == "manifest.json":
            continue

        def flip(members: dict[str, bytes], name: str = name) -> None:
            members[name] = members[name][:-1] + bytes([members[name][-1] ^ 1])

        path.write_bytes(tampered(pack, flip))
        assert [problem.split()[0] for problem in verify_pack(path)] == [name]
        path.write_bytes(tampered(pack, lambda members, name=name: members.pop(name)))
        assert verify_pack(path) == [f"{name} is missing."]


def test_a_manifest_rewritten_to_hide_a_change_is_found(pack: bytes, tmp_path: Path) -> None:
    import hashlib
    import json

    path = tmp_path / "pack.zip"

    def better(members: dict[str, bytes]) -> None:
        bundle = json.loads(members["bundle/bundle.json"])
        bundle["metrics"]["cross_validation"]["auc"] = 0.99
        members["bundle/bundle.json"] = json.dumps(bundle).encode()
        manifest = json.loads(members["manifest.json"])
        for name, data in members.items():
            if name != "manifest.json":
                manifest["files"][name] = hashlib.sha256(data).hexdigest()
        members["manifest.json"] = json.dumps(manifest).encode()

    path.write_bytes(tampered(pack, better))
    assert verify_pack(path) == ["bundle/bundle.json is not the bundle that the manifest names."]

    def added(members: dict[str, bytes]) -> None:
        members["letter.txt"] = b"all is well"

    path.write_bytes(tampered(pack, added))
    assert verify_pack(path) == ["letter.txt was added: the manifest does not list it."]
    for at in range(0, len(pack), max(1, len(pack) // 60)):
        path.write_bytes(pack[:at] + bytes([pack[at] ^ 0xFF]) + pack[at + 1 :])
        with suppress(InputError):  # not even a pack any more
            verify_pack(path)  # damage never ends in a traceback
    path.write_bytes(tampered(pack, lambda members: members.update({"manifest.json": b"[]"})))
    assert len(verify_pack(path)) == 1
    path.write_bytes(b"%PDF-1.7")
    with pytest.raises(InputError, match="no evidence pack"):
        verify_pack(path)


def test_a_report_is_an_event_and_refuses_other_endings(own, tmp_path: Path) -> None:
    made = report(own.settings, "default", NOTHING, tmp_path / "card.md")
    assert made.kind == "reported"
    assert events.list_events(own.settings, limit=1)[0] == made
    with pytest.raises(InputError, match=r"\.pdf, \.html, \.md, \.zip"):
        report(own.settings, "default", NOTHING, tmp_path / "card.docx")
    with pytest.raises(InputError, match="There is no folder"):
        report(own.settings, "default", NOTHING, tmp_path / "no" / "card.md")
