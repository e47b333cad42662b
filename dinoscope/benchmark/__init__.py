"""A published protocol on labelled images: clicks drawn from the truth, and how good the answers to them are."""

from dinoscope.benchmark._dataset import Case, Dataset, open_dataset
from dinoscope.benchmark._protocol import METHODS, EmptyTruthWarning, Protocol, run_benchmark
from dinoscope.benchmark._results import Answer, Correction, Line, Results

__all__ = [
    "METHODS",
    "Answer",
    "Case",
    "Correction",
    "Dataset",
    "EmptyTruthWarning",
    "Line",
    "Protocol",
    "Results",
    "open_dataset",
    "run_benchmark",
]
