from __future__ import annotations

import hashlib
import re
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from dinoscope.errors import DownloadError, SettingsError
from dinoscope.samples import PUBLIC_SAMPLES, PublicSample, fetch_sample

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dinoscope.jobs import Progress

CONTENT = {"raw/00.tif": b"pixels", "masks/00.png": b"labels"}


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    root = tmp_path / "server"
    for name, content in CONTENT.items():
        (root / name).parent.mkdir(parents=True)
        (root / name).write_bytes(content)
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()}
    monkeypatch.setattr(PublicSample, "checksums", lambda self: sums)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(root))) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


def test_files_are_fetched_once_and_kept(tmp_path: Path, server: str) -> None:
    seen: list[Progress] = []
    folder = fetch_sample("vnc", folder=tmp_path / "cache", base_url=server, progress=seen.append)
    assert {name: (folder / name).read_bytes() for name in CONTENT} == CONTENT
    assert [(step.done, step.total) for step in seen] == [(1, 2), (2, 2)]
    fetch_sample("vnc", folder=folder, base_url="http://127.0.0.1:9/nobody-listens")


def test_a_file_that_is_not_the_published_one_is_refused(tmp_path: Path, server: str) -> None:
    (tmp_path / "server" / "masks/00.png").write_bytes(b"something else")
    with pytest.raises(DownloadError, match=r"cannot fetch .*masks/00\.png.*copy the files"):
        fetch_sample("vnc", folder=tmp_path / "cache", base_url=server)
    assert sorted(path.name for path in (tmp_path / "cache").rglob("*.*")) == ["00.tif"]


def test_without_a_network_it_says_what_to_do(tmp_path: Path, server: str) -> None:
    with pytest.raises(DownloadError, match=r"Without a network, copy the files .* into .*cache"):
        fetch_sample("vnc", folder=tmp_path / "cache", base_url="http://127.0.0.1:9")


def test_unknown_names_are_told() -> None:
    with pytest.raises(SettingsError, match="chloroplast, vnc"):
        fetch_sample("brain")


@pytest.mark.parametrize(("name", "count", "known"), [("vnc", 100, "stack1/raw/00.tif"), ("chloroplast", 20, None)])
def test_registries_list_every_file_with_its_checksum(name: str, count: int, known: str | None) -> None:
    sums = PUBLIC_SAMPLES[name].checksums()
    assert len(sums) == count
    assert all(re.fullmatch("[0-9a-f]{64}", value) for value in sums.values())
    if known:
        assert sums[known] == "b76df299a184d9a8616aa7867a1b0f577313e97cc9fef826a0f76f65f9676383"


def test_every_sample_names_its_licence_and_its_authors() -> None:
    for sample in PUBLIC_SAMPLES.values():
        assert sample.licence
        assert len(sample.attribution) > 20
        assert re.search("/[0-9a-f]{40}/$", sample.base_url)
