"""A Dask cluster of this machine's processes, of which nothing listens without a key."""

import logging
import os

from distributed import Nanny, Scheduler, Security, SpecCluster

from microexp_keras.runs.workers import environment


class _Nanny(Nanny):
    async def kill(self, timeout: float = 10, reason: str = "nanny-kill") -> None:
        """End the worker at once: nothing in its memory is needed."""
        if self.process and self.process.process:
            await self.process.process.kill()
        await super().kill(timeout, reason)


def start(processes: int, dashboard: bool) -> SpecCluster:
    """Start a scheduler in this process, and workers of one thread; a worker that dies is started anew.

    They talk over TLS with keys made for this cluster and kept in memory. Each worker is given one of the graphics
    cards that CUDA_VISIBLE_DEVICES lists, in turns.

    Parameters
    ----------
    processes : int
    dashboard : bool
        Serve Dask's pages on 127.0.0.1, to whoever is on this machine.
    """
    security = Security.temporary()
    common = {"host": "127.0.0.1", "protocol": "tls://", "security": security}
    pages = {"dashboard": dashboard, "dashboard_address": "127.0.0.1:0"}
    cards = [card for card in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if card.strip()]
    workers = {}
    for number in range(processes):
        card = {"CUDA_VISIBLE_DEVICES": cards[number % len(cards)]} if cards else {}
        own = {"nthreads": 1, "memory_limit": 0, "env": {**environment(), **card}}
        workers[number] = {"cls": _Nanny, "options": {**common, **own, "silence_logs": logging.CRITICAL}}
    return SpecCluster(
        scheduler={"cls": Scheduler, "options": {**common, "port": 0, **pages}},
        workers=workers,
        security=security,
        scheduler_sync_interval=60,  # s
    )
