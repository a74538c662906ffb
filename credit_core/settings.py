"""Where things live and how much may come in; read once at the edge and passed down."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_ROOT = Path(__file__).resolve().parent.parent
SAMPLE_FILES = (
    PROJECT_ROOT / "sample_data" / "transactions.csv.gz",
    PROJECT_ROOT / "sample_data" / "applications.csv",
)
"""The shipped simulated ledger and its applications."""
SAMPLE_NAME = "Simulated sample"
"""What the dataset of these files is called, so that every screen and document says it."""


_BESIDE_ENGINE_MB = 350
_COMPILES_MB = 1_000

Role = Literal["officer", "risk_manager", "auditor", "admin"]
"""What somebody may do: see `credit_core.oversight.access`."""
_SECRETS = Path("/run/secrets")


class Settings(BaseSettings):
    """Machine-level settings; every field can be set as ``CANDOR_<NAME>``.

    Where containers get their secrets as files, a file ``candor_<name>`` sets a field as well.
    """

    model_config = SettingsConfigDict(
        env_prefix="CANDOR_",
        frozen=True,
        extra="ignore",
        secrets_dir=_SECRETS if _SECRETS.is_dir() else None,
    )

    home: Path = Field(PROJECT_ROOT / "var", description="datasets, batches, jobs, events")
    models: Path = Field(PROJECT_ROOT / "models", description="MLflow database and artifacts")
    config: Path = Field(
        PROJECT_ROOT / "configs" / "model_config.yaml", description="model configuration"
    )
    database_url: str = Field("", description="events database; empty = SQLite under `home`")
    tracking_url: str = Field("", description="MLflow's database; empty = SQLite under `models`")
    actor: str = Field("local user", description="who acts, when nobody has signed in")

    role: Role = Field("admin", description="what who acts may do, when nobody has signed in")
    secrets: Path = Field(
        PROJECT_ROOT / ".streamlit" / "secrets.toml", description="how people sign in, if they do"
    )
    role_claim: str = Field("candor_role", description="the sign-in's claim that names the role")
    session_hours: float = Field(8, gt=0, description="hours after which a sign-in ends")
    idle_minutes: float = Field(30, gt=0, description="minutes without use that end a sign-in")
    trusted_network: bool = Field(
        False, description="who reaches a public address was let in by something else"
    )

    lender: str = Field("The lender", description="who signs the letters to applicants")
    contact: str = Field(
        "the address this letter came from", description="where applicants may write"
    )

    memory_limit_mb: int = Field(1200, ge=500, description="memory of one job, in MB")
    jobs: int = Field(4, ge=1, description="jobs of the dashboard that run at the same time")
    threads: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, le=256)

    spark_master: str = Field("local[*]", description="where the Spark engine runs")

    max_bytes: int = Field(2 * 1024**3, gt=0, description="largest file that comes in")
    max_rows: int = Field(50_000_000, gt=0, description="most transactions in one file")
    max_columns: int = Field(200, gt=0, description="most columns in one file")
    max_cell_chars: int = Field(10_000, gt=0, description="longest cell, in characters")

    api_max_bytes: int = Field(8_000_000, gt=0, description="largest request body of the API")
    api_per_minute: int = Field(6_000, gt=0, description="requests a key may make in a minute")
    api_seconds: float = Field(20, gt=0, description="seconds that an answer may take")

    @property
    def engine_memory_mb(self) -> int:
        """What DuckDB may take of a job's memory; Python and a model need the rest."""
        return self.memory_limit_mb - _BESIDE_ENGINE_MB

    @property
    def compiles(self) -> bool:
        """Whether a job has memory for compiled loops, which the engine's limit does not hold."""
        return self.memory_limit_mb >= _COMPILES_MB

    @property
    def datasets(self) -> Path:
        return self.home / "datasets"

    @property
    def events_url(self) -> str:
        return self.database_url or f"sqlite:///{(self.home / 'events.db').resolve()}"


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Return the process's settings (environment read once)."""
    return Settings()
