"""What the API counts for Prometheus: requests, latency, scores, decisions, the model."""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

_METHODS = frozenset(("GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"))
_SECONDS = (0.002, 0.004, 0.008, 0.016, 0.03, 0.06, 0.125, 0.25, 0.5, 1, 2, 5, 10, 20)


class Metrics:
    """Counters of one process, or of all where PROMETHEUS_MULTIPROC_DIR names their folder."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._loaded = ("", "")
        self._requests = Counter(
            "candor_requests", "Requests answered", ["route", "method", "status"],
            registry=self._registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "candor_request_seconds", "Time to answer, in seconds", ["route"],
            buckets=_SECONDS, registry=self._registry,
        )  # fmt: skip
        self._scores = Histogram(
            "candor_score_points", "Scores given; higher = safer", ["model"],
            buckets=tuple(range(300, 851, 25)), registry=self._registry,
        )  # fmt: skip
        self._decisions = Counter(
            "candor_decisions", "Decisions recommended", ["model", "decision"],
            registry=self._registry,
        )  # fmt: skip
        self._model = Gauge(
            "candor_model_loaded", "1 = the model that scores now", ["model", "sha256"],
            registry=self._registry, multiprocess_mode="max",
        )  # fmt: skip

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        known = method if method in _METHODS else "other"
        self._requests.labels(route, known, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def scored(self, model: str, points: float, decision: str) -> None:
        self._scores.labels(model).observe(points)
        self._decisions.labels(model, decision).inc()

    def loaded(self, model: str, sha256: str) -> None:
        if self._loaded != (model, sha256):
            self._model.clear()
            self._model.labels(model, sha256[:16]).set(1)
            self._loaded = (model, sha256)

    def page(self) -> bytes:
        """Return the text that Prometheus reads."""
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            shared = CollectorRegistry()
            MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
            return generate_latest(shared)
        return generate_latest(self._registry)
