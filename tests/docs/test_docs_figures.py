"""Figures in the text of the documentation are those of the benchmarks."""

from __future__ import annotations

import re

import pytest

from tests.docs.snippets import ROOT, pages

RESULTS = (ROOT / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8")

CITED = [
    ("index.md", "a Dice of 0.85", r"\| mitochondria \| knn \| 0\.85\d"),
    ("how-to/pixel-size.md", "was 0.73 at 4.6 nm per pixel", r"\| nano \| 4\.6 \| 4\.6 \| 0\.7[23]\d"),
    ("how-to/pixel-size.md", "0.65 at half and at twice", r"\| nano \| 2\.3 \| 2\.3 \| 0\.65\d[^\n]+\n\| nano \| 4\.6"),
    ("how-to/pixel-size.md", "0.65 at half and at twice", r"\| nano \| 9\.2 \| 9\.2 \| 0\.65\d"),
    ("how-to/large-images.md", "about\n500 MiB", r"\| nano \| 16,384 x 16,384 \| \d+ \| \d+ \| (4[5-9]|5[0-4])\d "),
    ("questions.md", "about 500 MiB", r"\| means \| 65,536 x 65,536 \| \d+ \| \d+ \| (4[5-9]|5[0-4])\d "),
    ("how-to/distil.md", "cosine was 0.986", r"\| random-dinov2-small \| 0\.986 "),
    ("how-to/distil.md", "7.4 times faster", r"\| random-dinov2-small \| 0\.\d+ \| 0\.\d+ \| 0\.\d+ \| 7\.4"),
    ("concepts/store.md", "IoU of 0.997", r"\| nano \| int8 \| 64 \| 1\.00 [^\n]+\| 0\.997"),
    ("concepts/store.md", "`pca-int8` of 0.993", r"\| nano \| pca-int8 \| 32 \| 0\.50 [^\n]+\| 0\.99[23]"),
    ("concepts/methods.md", "`knn` was 1.21 times", r"\| mean of ratios \| knn \| 1\.21 x"),
    ("concepts/methods.md", "`probe` 1.19", r"\| mean of ratios \| probe \| 1\.19 x"),
    ("concepts/methods.md", "`prototype` 1.14 times", r"\| mean of ratios \| prototype \| 1\.14 x"),
    ("questions.md", "a Dice of 0.12", r"\| synapses \| nano \| 0\.1(1[5-9]|2[0-4])"),
    ("questions.md", "fifteen times faster", r"\| nano \| 520 [^\n]+\| 1[4-6]\.\d \("),
]
"""A page, what it says, and the row of the results that says so: where one changes, the other must."""


@pytest.mark.parametrize(("page", "words", "row"), CITED, ids=lambda value: str(value)[:30])
def test_what_is_cited_was_measured(page: str, words: str, row: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert " ".join(words.split()) in " ".join(text.split())
    assert re.search(row, RESULTS)


def test_every_page_that_points_to_figures_of_its_own_is_checked() -> None:
    """A paragraph with a share such as 0.85, or a factor such as 7.4, and a link to the results cites them."""
    cited = {page for page, _, _ in CITED}
    for page in pages():
        name = page.relative_to(ROOT / "docs").as_posix()
        for paragraph in page.read_text(encoding="utf-8").split("\n\n"):
            if "RESULTS.md" in paragraph and re.search(r"\b\d+\.\d{2,}\b", paragraph):
                assert name in cited, f"{name}: {paragraph}"
