"""A preload of Dask's schedulers and workers: they serve no web pages, which have no key."""

from typing import Any


def dask_setup(node: Any) -> None:
    """Close the port of the pages, which Dask opens even without a dashboard."""
    node.http_server.stop()
