"""What is kept of an executed notebook."""

from __future__ import annotations

import base64
import io

import nbformat.v4 as new
import numpy as np
from PIL import Image as Picture

from notebooks.execute import digest, shrink, tidy


def png(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    buffer = io.BytesIO()
    Picture.fromarray(pixels).save(buffer, "png")
    return buffer.getvalue()


def opened(data: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.asarray(Picture.open(io.BytesIO(data)).convert("RGB"))


NOISE = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)


def test_a_picture_of_few_colours_stays_as_it_is() -> None:
    pixels = np.zeros((40, 50, 3), np.uint8)
    pixels[10:20, 5:30] = (200, 30, 90)
    assert np.array_equal(opened(shrink(png(pixels))), pixels)


def test_a_noisy_picture_loses_colours_until_it_is_small() -> None:
    large, small = shrink(png(NOISE), 10**6), shrink(png(NOISE), 100_000)
    assert len(small) <= 100_000 < len(large)
    assert opened(small).shape == NOISE.shape
    assert len(np.unique(opened(large).reshape(-1, 3), axis=0)) > len(np.unique(opened(small).reshape(-1, 3), axis=0))


def test_what_is_transparent_becomes_white() -> None:
    assert (opened(shrink(png(np.zeros((4, 4, 4), np.uint8)))) == 255).all()


def test_only_what_readers_see_is_kept() -> None:
    picture = new.new_output("display_data", {"image/png": base64.b64encode(png(NOISE[:9, :9])).decode()})
    picture.data["text/plain"] = "<Figure size 640x480>"
    live = new.new_output("display_data", {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}})
    answer = new.new_output("execute_result", {"text/plain": "7"}, execution_count=42)
    said = new.new_output("stream", name="stdout", text="hello\n")
    cells = [
        new.new_markdown_cell("# Title"),
        new.new_code_cell(
            "panel", outputs=[live, picture], execution_count=41, metadata={"execution": {"busy": "now"}}
        ),
        new.new_code_cell("print('hello'); 7", outputs=[said, answer], execution_count=42),
    ]
    notebook = new.new_notebook(cells=cells, metadata={"language_info": {"name": "python", "version": "3.11.2"}})
    tidy(notebook)
    _, first, second = notebook.cells
    assert [output.output_type for output in first.outputs] == ["display_data"]
    assert list(first.outputs[0].data) == ["image/png"]
    assert first.metadata == {}
    assert (first.execution_count, second.execution_count) == (1, 2)
    assert [output.get("text", output.get("execution_count")) for output in second.outputs] == ["hello\n", 2]
    assert notebook.metadata["language_info"] == {"name": "python"}
    assert notebook.metadata["dinoscope"] == {"executed": digest(notebook)}


def test_the_digest_tells_of_changed_code_only() -> None:
    cells = [new.new_markdown_cell("text"), new.new_code_cell("1 + 1")]
    before = digest(new.new_notebook(cells=cells))
    cells[0].source = "other text"
    assert digest(new.new_notebook(cells=cells)) == before
    cells[1].source = "1 + 2"
    assert digest(new.new_notebook(cells=cells)) != before
