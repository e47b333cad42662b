"""Public data sets, fetched when asked for and checked against their checksums. None of them is part of dinoscope."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
import pooch

from dinoscope.errors import DownloadError, SettingsError
from dinoscope.jobs import Progress, ignore_progress

if TYPE_CHECKING:
    from dinoscope.jobs import ProgressCallback

_RAW = "https://raw.githubusercontent.com"


@dataclass(frozen=True, slots=True)
class PublicSample:
    """A data set that others have published.

    Attributes
    ----------
    name
        Under which `fetch_sample` knows it.
    title
        What it shows.
    base_url
        Where its files lie, at a fixed version.
    licence
        As its authors state it.
    attribution
        Whom to name, and where it was published.
    """

    name: str
    title: str
    base_url: str
    licence: str
    attribution: str

    def checksums(self) -> dict[str, str]:
        """SHA-256 of every file, by its path below `base_url`."""
        text = files("dinoscope.samples").joinpath(f"registry/{self.name}.txt").read_text(encoding="utf-8")
        lines = [line.rsplit(" ", 1) for line in text.splitlines()]
        return {line[0]: line[1] for line in lines}


PUBLIC_SAMPLES: dict[str, PublicSample] = {
    sample.name: sample
    for sample in (
        PublicSample(
            name="chloroplast",
            title="Chloroplasts in 10 sections of a plant leaf, with instance labels",
            base_url=f"{_RAW}/ajbrookhouse/WSU_PlantBio_ML/45f72c37bcfe553048f92391e2c8689198bd2af7/",
            licence="MIT",
            attribution="WSU PlantBio ML, Washington State University, 2021 (github.com/ajbrookhouse/WSU_PlantBio_ML)",
        ),
        PublicSample(
            name="vnc",
            title="Ventral nerve cord of Drosophila, serial-section TEM, 4.6 x 4.6 x 45-50 nm: 20 sections with masks "
            "of mitochondria, membranes and synapses, and 20 without",
            base_url=f"{_RAW}/unidesigner/groundtruth-drosophila-vnc/4a5f051466d24d8dc1e855ab55658bb1b1dcd6bf/",
            licence="CC BY-NC-SA 3.0",
            attribution="Gerhard, Funke, Martel, Cardona and Fetter: Segmented anisotropic ssTEM dataset of neural "
            "tissue, figshare 2013, doi 10.6084/m9.figshare.856713",
        ),
    )
}
"""The public data sets by name."""


def fetch_sample(
    name: str,
    *,
    folder: Path | None = None,
    base_url: str | None = None,
    progress: ProgressCallback = ignore_progress,
) -> Path:
    """Fetch a public data set, or find the copy that was fetched before.

    Mind its licence: see `PUBLIC_SAMPLES`.

    Parameters
    ----------
    name
        One of `PUBLIC_SAMPLES`.
    folder
        Where to keep it; a folder of its own in the user's cache by default. Files that are there and right are not
        fetched again.
    base_url
        Another place that has the same files, such as a mirror.
    progress
        Called after every file.

    Returns
    -------
    The folder, with the files under the paths they have at their source.

    Raises
    ------
    SettingsError
        If the name is unknown.
    DownloadError
        If a file cannot be fetched, or is not the one that was published.
    """
    if name not in PUBLIC_SAMPLES:
        raise SettingsError(f"unknown sample {name!r}: expected one of {', '.join(PUBLIC_SAMPLES)}")
    sample = PUBLIC_SAMPLES[name]
    place = folder if folder is not None else Path(platformdirs.user_cache_dir("dinoscope")) / "samples" / name
    source = sample.base_url if base_url is None else base_url
    checksums = sample.checksums()
    store = pooch.create(path=place, base_url=source.rstrip("/") + "/", registry=checksums)
    for done, path in enumerate(checksums, start=1):
        try:
            store.fetch(path)
        except (OSError, ValueError) as error:
            raise DownloadError(
                f"cannot fetch {store.get_url(path)}: {error}. Files fetched so far are kept, so run it again. "
                f"Without a network, copy the files from another machine into {place}, under the same paths"
            ) from error
        progress(Progress("download", done, len(checksums)))
    return place
