"""A published protocol on labelled images: clicks drawn from the truth, and how good the answers to them are."""

from dinoscope.benchmark._bench import EmptyTruthWarning
from dinoscope.benchmark._dataset import Case, Dataset, open_dataset
from dinoscope.benchmark._protocol import BASELINES, METHODS, Protocol
from dinoscope.benchmark._results import AVERAGED, Answer, Correction, Draw, Line, Results
from dinoscope.benchmark._run import run_benchmark
from dinoscope.benchmark._tally import Tally

__all__ = [
    "AVERAGED",
    "BASELINES",
    "METHODS",
    "Answer",
    "Case",
    "Correction",
    "Dataset",
    "Draw",
    "EmptyTruthWarning",
    "Line",
    "Protocol",
    "Results",
    "Tally",
    "open_dataset",
    "run_benchmark",
]
