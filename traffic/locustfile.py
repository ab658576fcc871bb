"""Users for Locust: they ask for the configuration's mix of paths, and now and then for /health.

    locust -f traffic/locustfile.py --host http://localhost:8080
    locust -f traffic/locustfile.py --host http://localhost:8080 --headless -u 50 -r 10 -t 1m
    locust -f traffic/locustfile.py --host http://localhost:8080 --headless -u 50 --processes 2

Without ``--host`` they go where ``traffic.target_url`` points. Locust comes with
``pip install 'smart-load-balancer[load]'``; only Locust may load this file, because it patches the
whole process. A Locust user waits for each answer before its next request, so when the servers are
slow it sends less: to measure latency at a given rate, use ``traffic/generator.py``.
"""

from __future__ import annotations

import random

from locust import FastHttpUser, between, task

from config.loading import load
from traffic.paths import drawer

TRAFFIC = load().traffic
KINDS = [(entry, drawer(entry, random.Random())) for entry in TRAFFIC.mix]
WEIGHTS = [entry.weight for entry in TRAFFIC.mix]

WORK, HEALTH = 10, 1
"""Ten requests for work on each look at the balancer's own health."""


class Visitor(FastHttpUser):
    """About one request per second."""

    host = TRAFFIC.target_url  # --host comes before it
    wait_time = between(0.5, 1.5)

    @task(WORK)
    def work(self) -> None:
        ((entry, path),) = random.choices(KINDS, weights=WEIGHTS)
        body = "x" * entry.body_bytes or None
        self.client.request(entry.method, path(), name=entry.path, data=body)

    @task(HEALTH)
    def health(self) -> None:
        self.client.get("/health")
