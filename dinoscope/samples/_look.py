"""What kind of tissue a phantom shows, under what kind of microscope."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Look:
    """Everything about a phantom but its size, its magnification and the places of things.

    Grey values run from 0 to 255, lengths are in nm, shares from 0 to 1.

    Attributes
    ----------
    pitch_nm
        Mean distance of cells.
    mitochondria, vesicle_cells
        Share of the cells with a mitochondrion, and with a cluster of vesicles.
    decoys
        Share of the mitochondria in whose place there is a dark or an empty body of no class.
    cytoplasm, tones
        Mean grey of the cells, and how much it differs among them.
    dark_cells, dark_cytoplasm
        Share of the cells that are dark as glia is, and their grey.
    membrane, membrane_nm
        Grey and width of the membranes between cells.
    grain, grain_nm, clouds, ribosomes
        Strength and wavelength of the fine texture of cytoplasm, strength of a coarser one, and of dark dots.
    matrix, matrix_spread
        Mean grey of the inside of mitochondria, and how much it differs among them.
    cristae, cristae_nm, cristae_bend, cristae_spread
        Contrast, distance and curvature of cristae, and how much these differ among mitochondria.
    rim
        Strength of the double membrane of mitochondria.
    noise, blur_px
        Of the microscope.
    """

    pitch_nm: float = 720.0
    mitochondria: float = 0.50
    vesicle_cells: float = 0.20
    decoys: float = 0.0
    cytoplasm: float = 172.0
    tones: float = 20.0
    dark_cells: float = 0.0
    dark_cytoplasm: float = 110.0
    membrane: float = 62.0
    membrane_nm: float = 11.0
    grain: float = 8.0
    grain_nm: float = 26.0
    clouds: float = 7.0
    ribosomes: float = 45.0
    matrix: float = 114.0
    matrix_spread: float = 0.0
    cristae: float = 24.0
    cristae_nm: float = 52.0
    cristae_bend: float = 3.0
    cristae_spread: float = 0.0
    rim: float = 1.0
    noise: float = 26.0
    blur_px: float = 0.75


def draw_look(seed: int) -> Look:
    """Another tissue under another microscope for every seed, within what electron micrographs of cells show."""
    rng = np.random.default_rng([seed, 0x100C])
    cytoplasm = rng.uniform(140, 205)
    membrane = rng.uniform(35, 85)
    between = cytoplasm - membrane
    matrix = membrane + between * rng.uniform(0.15, 0.75)
    # Cells as dark as mitochondria: only their texture and outline tell them apart.
    dark = matrix if rng.random() < 0.5 else membrane + between * rng.uniform(0.1, 0.6)
    return Look(
        pitch_nm=float(np.exp(rng.uniform(np.log(340), np.log(950)))),
        mitochondria=float(rng.uniform(0.35, 0.6)),
        vesicle_cells=float(rng.uniform(0.1, 0.35)),
        decoys=float(rng.uniform(0.1, 0.35)),
        cytoplasm=float(cytoplasm),
        tones=float(rng.uniform(10, 35)),
        dark_cells=float(rng.uniform(0.1, 0.4)),
        dark_cytoplasm=float(dark),
        membrane=float(membrane),
        membrane_nm=float(rng.uniform(7, 17)),
        grain=float(rng.uniform(4, 22)),
        grain_nm=float(rng.uniform(18, 45)),
        clouds=float(rng.uniform(4, 20)),
        ribosomes=float(rng.uniform(20, 110)),
        matrix=float(matrix),
        matrix_spread=float(rng.uniform(5, 30)),
        cristae=float(rng.uniform(8, 45)),
        cristae_nm=float(rng.uniform(34, 75)),
        cristae_bend=float(rng.uniform(1.5, 7.0)),
        cristae_spread=float(rng.uniform(0.2, 0.8)),
        rim=float(rng.uniform(0.6, 1.0)),
        noise=float(rng.uniform(8, 45)),
        blur_px=float(rng.uniform(0.5, 1.3)),
    )
