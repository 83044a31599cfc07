"""What is counted, for Prometheus; with several workers through files that they share."""

from __future__ import annotations

import os
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

SHARED_FILES = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that `prometheus_client` reads when it is imported: where workers put what they count."""
SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
SENTENCES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Metrics:
    """The counters of a worker. None of them knows a text, a key or an address."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self.requests = Counter(
            "onepass_requests", "Requests that were answered.", ["route", "status"], registry=registry
        )
        self.refused = Counter(
            "onepass_refused", "Requests that were refused, by reason.", ["reason"], registry=registry
        )
        self.request_seconds = Histogram(
            "onepass_request_seconds",
            "Seconds from a request to its answer.",
            ["route"],
            buckets=SECONDS,
            registry=registry,
        )
        self.characters = Counter("onepass_characters", "Characters that were accepted.", registry=registry)
        self.sentences = Counter(
            "onepass_sentences", "Sentences that were translated.", ["direction"], registry=registry
        )
        self.batch_sentences = Histogram(
            "onepass_batch_sentences",
            "Sentences that were translated together.",
            ["direction"],
            buckets=SENTENCES,
            registry=registry,
        )
        self.batch_seconds = Histogram(
            "onepass_batch_seconds",
            "Seconds that they took.",
            ["direction"],
            buckets=SECONDS,
            registry=registry,
        )
        self.waiting = Gauge(
            "onepass_waiting_sentences",
            "Sentences that wait for a model.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.in_flight = Gauge(
            "onepass_requests_in_flight",
            "Requests that are being answered.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.model = Gauge(
            "onepass_model_info",
            "Models that are served.",
            ["model", "direction", "fingerprint"],
            registry=registry,
            multiprocess_mode="livemax",
        )

    def round_of(self, direction: str) -> Callable[[int, float], None]:
        """What a batcher tells of its rounds."""
        sentences = self.sentences.labels(direction)
        sizes, seconds = self.batch_sentences.labels(direction), self.batch_seconds.labels(direction)

        def observe(passages: int, took: float) -> None:
            sentences.inc(passages)
            sizes.observe(passages)
            seconds.observe(took)

        return observe

    def text(self) -> bytes:
        """All that was counted, by all workers, in the text format of Prometheus."""
        if SHARED_FILES not in os.environ:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
