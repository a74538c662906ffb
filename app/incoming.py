"""Uploads of a browser session: waiting on disk, reviewed, brought in, large ones by a job."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import streamlit as st

from app import jobs, state, uploads, widgets
from app.following import follow
from app.mapping_form import amount_mode, mapping_form
from credit_core import workflows
from credit_core.data.applications import looks_protected
from credit_core.data.mapping import Mapping
from credit_core.errors import CandorError
from credit_core.settings import Settings
from credit_core.workflows.data import file_header, look

Found = TypeVar("Found")

FILE_TYPES = ["csv", "tsv", "txt", "gz", "zip", "xlsx", "parquet"]
_AS_A_JOB = 8 << 20
"""Bytes from which files are brought in by a job, which goes on when the page is left."""
_JOB, _ADDRESS = "incoming_job", "incoming"
INCOMING = {"transactions": "incoming_transactions", "applications": "incoming_applications"}


def waiting(kind: str) -> Path | None:
    """Return the upload of this session that was not brought in yet."""
    path = st.session_state.get(INCOMING[kind])
    return path if path is not None and path.exists() else None


def any_waiting() -> bool:
    """Return True where an upload waits to be brought in."""
    return any(waiting(kind) is not None for kind in INCOMING)


def running() -> bool:
    """Return True while a job brings this session's files in."""
    job = _job()
    return job is not None and job.running


def take_up() -> None:
    """Take up the job that the address names: after a reload the session knows of none."""
    if _JOB in st.session_state or not (name := st.query_params.get(_ADDRESS, "")):
        return
    job = jobs.read(state.settings(), name)
    if job is None or job.kind != "ingest":
        return
    st.session_state[_JOB] = job.id
    for kind, key in INCOMING.items():
        path = Path(job.request[kind] or "")
        if uploads.is_upload(path, state.settings()):  # the sample is none
            st.session_state[key] = path


def _job() -> jobs.Job | None:
    return jobs.read(state.settings(), st.session_state.get(_JOB, ""))


def _looked(path: Path, look_at: Callable[[Path, Settings], Found]) -> Found:
    """Return what a look at an upload tells: a large one, unpacked, takes seconds to look at."""
    key = f"looked_{path.parent.name}"
    if key not in st.session_state:
        with st.spinner("Looking at the file"):
            st.session_state[key] = look_at(path, state.settings())
    found: Found = st.session_state[key]
    return found


def _keep_choices() -> None:
    """Let what was chosen for the waiting files outlive this page: the job may fail."""
    folders = [path.parent.name for path in map(waiting, INCOMING) if path is not None]
    state.keep([key for key in st.session_state if any(folder in str(key) for folder in folders)])


def forget_uploads() -> None:
    """Delete this session's uploads."""
    _forget([st.session_state.get(key) for key in INCOMING.values()])


def _forget(paths: Sequence[Path | None]) -> None:
    """Delete uploads of this session."""
    st.session_state.pop(_JOB, None)
    st.query_params.pop(_ADDRESS, None)
    state.keep([])
    for key in INCOMING.values():
        path = st.session_state.get(key)
        if path is not None and path in paths:
            del st.session_state[key]
            st.session_state.pop(f"looked_{path.parent.name}", None)
            uploads.discard(path)


def uploader(kind: str, label: str, help_text: str) -> None:
    """Draw an uploader; what arrives goes to disk once and the session lets its bytes go."""
    kept = waiting(kind)
    if kept is not None:
        st.text(f"{label}: {kept.name}")
        st.caption("It is coming in." if running() else "Uploaded, not brought in yet.")
        return
    if running():
        st.text(label)
        st.caption("Another file can be added once the one that is coming in is here.")
        return
    turn = st.session_state.setdefault(f"turn_{kind}", 0)
    given = st.file_uploader(label, FILE_TYPES, key=f"upload_{kind}_{turn}", help=help_text)
    if given is not None:
        st.session_state[INCOMING[kind]] = uploads.keep(given, given.name, state.settings())
        st.session_state[f"turn_{kind}"] = turn + 1
        st.rerun()


def bring_in(
    path: Path | None,
    applications: Path | None,
    mapping: Mapping | None = None,
    protected: tuple[str, ...] = (),
) -> None:
    """Ingest, choose the new dataset, and start the page anew; large files by a job."""
    if sum(file.stat().st_size for file in (path, applications) if file) >= _AS_A_JOB:
        _submit(path, applications, mapping, protected)
    bar = st.progress(0.0, "Starting")

    def tell(share: float, words: str) -> None:
        bar.progress(min(share, 1.0), words)

    dataset = workflows.ingest(
        path,
        state.settings(),
        mapping=mapping,
        applications=applications,
        protected=protected,
        progress=tell,
    )
    _choose(dataset.fingerprint, [path, applications])


def _choose(fingerprint: str, brought: Sequence[Path | None]) -> None:
    """Choose a dataset, and delete the uploads that were brought in with it."""
    state.choose_dataset(fingerprint)
    _forget(brought)
    st.rerun()


def _submit(
    path: Path | None,
    applications: Path | None,
    mapping: Mapping | None,
    protected: tuple[str, ...],
) -> None:
    """Start the job that brings large files in."""
    request = {
        "transactions": str(path) if path else None,
        "applications": str(applications) if applications else None,
        "mapping": mapping.model_dump(mode="json") if mapping else None,
        "protected": list(protected),
    }
    st.session_state[_JOB] = jobs.submit(state.settings(), "ingest", request)
    st.rerun()


def protected_columns(applications: Path) -> tuple[str, ...]:
    """Ask which columns of the applications are for fairness only."""
    header = _looked(applications, file_header)
    configured = state.config().applications.protected
    usual = [
        n
        for n in header
        if n in configured or n.lower().startswith("protected_") or looks_protected(n)
    ]
    return tuple(
        st.multiselect(
            "Protected attributes in the applications",
            header,
            usual,
            help="Used to look at fairness only; never a feature of any model. Those whose names "
            "suggest it are chosen already.",
            key=f"protected_{applications.parent.name}",
        )
    )


def review() -> None:
    """Show what arrived, the proposed mapping to correct, and the button that brings it in."""
    path, applications = waiting("transactions"), waiting("applications")
    if path is None and applications is None:
        return
    job = _job()
    if job is not None and job.running:
        st.query_params[_ADDRESS] = job.id
        follow(job.id)
        st.caption("It goes on when you leave this page.")
        _keep_choices()
        return
    state.keep([])  # they are drawn now
    if job is not None and job.result is not None:
        brought = [job.request["transactions"], job.request["applications"]]
        _choose(job.result["dataset"], [Path(path) for path in brought if path])
    try:
        found = _looked(path, look) if path else None
        if found is not None:
            st.header("Which column is which")
            st.caption(
                "The file's first rows, as text, and the proposal read from them: correct what is "
                "wrong, then bring the file in."
            )
            st.dataframe(found.rows, hide_index=True, alt="First rows of the file, as text")
            if found.question:
                st.warning(widgets.escaped(found.question), icon=":material/help:")
        mode = amount_mode(found, path.parent.name) if path and found else ""
        with st.form("bring_in"):
            mapping = mapping_form(found, path.parent.name, mode) if path and found else None
            protected = protected_columns(applications) if applications else ()
            pressed = widgets.action("Bring in", "bring in data", form=True, type="primary")
        if pressed and path and mapping is None:
            st.warning("Choose the required columns and the date format first.")
        elif pressed:
            bring_in(path, applications, mapping, protected)
        if job is not None and job.problem and job.state == "failed":
            st.error(widgets.escaped(job.problem), icon=":material/error:")
    except CandorError as error:
        widgets.problem(error)
    st.button("Put these files away", on_click=forget_uploads, icon=":material/close:")
