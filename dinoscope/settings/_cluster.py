"""Who works."""

from __future__ import annotations

from pydantic import Field

from dinoscope.settings._base import Settings


class ClusterSettings(Settings):
    """Who does the work: this process, others on this machine, or a dask cluster."""

    workers: int | None = Field(
        None,
        ge=1,
        title="Workers",
        description="Processes of this machine that share the work; each loads the encoder and keeps one core busy.",
    )
    cluster: str | None = Field(
        None,
        min_length=1,
        title="Cluster",
        description="Scheduler of a running dask cluster, as tcp://HOST:PORT or the path of its scheduler file. Image, "
        "features and results must be on a disk that its workers share.",
    )
