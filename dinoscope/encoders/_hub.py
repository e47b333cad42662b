"""Weights from the Hugging Face hub, and what to do where the hub is out of reach."""

from __future__ import annotations

import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING

from dinoscope.errors import DownloadError, EncoderNotFoundError

if TYPE_CHECKING:
    from dinoscope.encoders._catalogue import CatalogueEntry

WEIGHTS_FILE = "model.safetensors"

_CONNECT_SECONDS = 10.0


def find_cached_weights(source: str) -> Path | None:
    """The downloaded weights of a hub repository, or None; asks the disk only."""
    return _find_cached(source, WEIGHTS_FILE)


def fetch_weights(entry: CatalogueEntry) -> Path:
    """The weights of a catalogued encoder, downloaded unless they are in the cache already.

    Raises
    ------
    EncoderNotFoundError
        If they are not here and cannot be downloaded; the message names the files to bring.
    """
    try:
        return fetch_file(entry.source, WEIGHTS_FILE)
    except DownloadError as error:
        raise EncoderNotFoundError(_how_to_bring(entry, error)) from error


def fetch_file(source: str, name: str) -> Path:
    """A file of a hub repository, downloaded unless it is in the cache already.

    Raises
    ------
    DownloadError
        If it is not here and cannot be downloaded; the message says why and nothing else.
    """
    from huggingface_hub import hf_hub_download, hf_hub_url
    from huggingface_hub.errors import HfHubHTTPError

    cached = _find_cached(source, name)
    if cached is not None:
        return cached
    # The HTTP library under the hub's client changes between releases; its errors are a base of the hub's own.
    client_error: type[Exception] = HfHubHTTPError.__bases__[0]
    try:
        _check_reachable(hf_hub_url(source, name))
        return Path(hf_hub_download(source, name))
    except (OSError, HTTPException, client_error) as error:
        raise DownloadError(str(error)) from error


def fetch_url(url: str) -> Path:
    """A file at an address, downloaded into the user's cache unless it is there already.

    Raises
    ------
    DownloadError
        If it is not here and cannot be downloaded; the message says where to put it.
    """
    import platformdirs
    import pooch  # which takes its time

    folder, name = Path(platformdirs.user_cache_dir("dinoscope")) / "weights", url.rsplit("/", 1)[-1]
    if (folder / name).is_file():
        return folder / name
    try:
        _check_reachable(url)
        return Path(pooch.retrieve(url, known_hash=None, fname=name, path=folder))
    except (OSError, HTTPException, ValueError) as error:
        raise DownloadError(
            f"{name} is not on this machine and could not be downloaded ({error}). On a machine with internet, "
            f"download {url}, bring it here and pass its path, or put it into {folder}"
        ) from error


def _find_cached(source: str, name: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(source, name)
    return Path(found) if isinstance(found, str) else None


def _check_reachable(url: str) -> None:
    """Ask once, as the hub's own client would retry for minutes behind a firewall."""
    from huggingface_hub.constants import HF_HUB_OFFLINE

    if HF_HUB_OFFLINE:
        raise ConnectionError("HF_HUB_OFFLINE is set")
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=_CONNECT_SECONDS):
            pass
    except urllib.error.HTTPError:
        return  # the server answers; its client will say what is wrong


def _how_to_bring(entry: CatalogueEntry, error: Exception) -> str:
    return (
        f"the weights of {entry.name!r} are not on this machine and could not be downloaded ({error}). "
        f"On a machine with internet, download {WEIGHTS_FILE} from https://huggingface.co/{entry.source} into a "
        f"folder, bring it here and pass the folder's path; or bring {_meta_url(entry)} and pass that file"
    )


def _meta_url(entry: CatalogueEntry) -> str:
    """Where Meta publishes the same weights; the folder's name never tells the registers."""
    letter = entry.name.removeprefix("dinov2-")[0]
    model = f"dinov2_vit{letter}14"
    return f"https://dl.fbaipublicfiles.com/dinov2/{model}/{model}{'_reg4' if entry.registers else ''}_pretrain.pth"
