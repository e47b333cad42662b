"""HDF5, MRC, DM3 and EMD: regions, voxel sizes, choices and damage."""

from __future__ import annotations

import pickle
import struct
import sys
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest
from rsciio.emd import file_writer as write_emd

from dinoscope.errors import ImageReadError, MissingDependencyError, SettingsError
from dinoscope.geometry import Region
from dinoscope.image import open_image
from dinoscope.settings import ImageSettings

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

VALUES = np.random.default_rng(2).integers(0, 120, size=(7, 30, 44))
REGION = Region((2, 3, 10), (5, 30, 41))


def write_mrc(path: Path, values: NDArray[Any], angstroms: tuple[float, float, float] | None) -> None:
    """A minimal MRC2014 file; voxel size in z, y, x."""
    mode = {"uint8": 0, "int16": 1, "float32": 2, "uint16": 6}[values.dtype.name]
    header = bytearray(1024)
    counts = values.shape[::-1]
    struct.pack_into("<4i", header, 0, *counts, mode)
    if angstroms is not None:
        lengths = [n * a for n, a in zip(counts, angstroms[::-1], strict=True)]
        struct.pack_into("<3i3f", header, 28, *counts, *lengths)
    struct.pack_into("<3i", header, 64, 1, 2, 3)
    header[208:216] = b"MAP \x44\x44\0\0"
    path.write_bytes(bytes(header) + values.tobytes())


def write_dm3(path: Path, values: NDArray[Any], nm: float) -> None:
    """A minimal DM3 file with one image of 16-bit unsigned pixels."""

    def tag(name: str, kind: int, body: bytes) -> bytes:
        return struct.pack(">BH", kind, len(name)) + name.encode() + body

    def group(name: str, *tags: bytes) -> bytes:
        return tag(name, 20, struct.pack(">BBi", 1, 0, len(tags)) + b"".join(tags))

    def simple(name: str, code: int, form: str, value: float) -> bytes:
        return tag(name, 21, b"%%%%" + struct.pack(">ii", 1, code) + struct.pack("<" + form, value))

    def array(name: str, code: int, data: bytes, count: int) -> bytes:
        return tag(name, 21, b"%%%%" + struct.pack(">iiii", 3, 20, code, count) + data)

    units = array("Units", 4, "nm".encode("utf-16-le"), 2)
    dimension = group("", simple("Origin", 6, "f", 0), simple("Scale", 6, "f", nm), units)
    data = group(
        "ImageData",
        group("Calibrations", group("Dimension", *[dimension] * values.ndim)),
        array("Data", 4, values.astype("<u2").tobytes(), values.size),
        simple("DataType", 5, "L", 10),
        group("Dimensions", *[simple("", 5, "L", extent) for extent in values.shape[::-1]]),
        simple("PixelDepth", 5, "L", 2),
    )
    root = group("ImageList", group("", data, group("ImageTags")))
    body = struct.pack(">BBi", 1, 0, 1) + root
    path.write_bytes(struct.pack(">iii", 3, len(body), 1) + body + bytes(8))


def assert_reads(image: Any, values: NDArray[Any]) -> None:
    assert image.axis_names == "zyx"
    np.testing.assert_array_equal(image.read(REGION), values[REGION.slices])
    np.testing.assert_array_equal(image.read(image.extent), values)
    assert image.read(REGION).dtype.isnative


@pytest.mark.parametrize("dtype", ["u1", ">u2", "f4"])
def test_the_only_dataset_needs_no_name(tmp_path: Path, dtype: str) -> None:
    values = VALUES.astype(dtype)
    path = tmp_path / "em.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("volumes/raw", data=values, chunks=(2, 8, 8), compression="gzip")
        file.create_dataset("offset", data=[1, 2, 3])
    image = open_image(path)
    assert image.name == "em"
    assert image.pixel_size_nm is None
    assert_reads(image, values)
    assert_reads(pickle.loads(pickle.dumps(image)), values)


@pytest.mark.parametrize("location", ["em.h5::/volumes/raw", "em.h5::volumes/raw", "em.h5/volumes/raw"])
@pytest.mark.parametrize(("key", "sizes"), [("element_size_um", [0.04, 0.004, 0.004]), ("resolution", [40, 4, 4])])
def test_datasets_are_chosen_by_path(tmp_path: Path, location: str, key: str, sizes: list[float]) -> None:
    with h5py.File(tmp_path / "em.h5", "w") as file:
        file.create_dataset("volumes/raw", data=VALUES).attrs[key] = sizes
        file.create_dataset("volumes/labels", data=VALUES > 9)
    image = open_image(f"{tmp_path}/{location}")
    assert_reads(image, VALUES)
    assert [axis.scale for axis in image.axes] == [40.0, 4.0, 4.0]
    assert image.uri == f"{tmp_path}/em.h5::volumes/raw"


def test_several_datasets_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "em.hdf5"
    with h5py.File(path, "w") as file:
        file.create_dataset("raw", data=VALUES)
        file.create_dataset("labels", data=VALUES)
    with pytest.raises(ImageReadError, match=r"labels, raw; choose one as em\.hdf5::labels"):
        open_image(path)
    with pytest.raises(ImageReadError, match=r"no dataset 'rwa'.*labels, raw"):
        open_image(f"{path}::rwa")


def test_a_truncated_hdf5_file(tmp_path: Path) -> None:
    path = tmp_path / "em.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("raw", data=VALUES)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ImageReadError, match=r"em\.h5"):
        open_image(path)


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "f4"])
def test_mrc(tmp_path: Path, dtype: str) -> None:
    path = tmp_path / "tomo.mrc"
    write_mrc(path, VALUES.astype(dtype), (500.0, 46.0, 46.0))
    image = open_image(path)
    assert image.dtype == np.dtype(dtype)
    assert_reads(image, VALUES.astype(dtype))
    assert [axis.scale for axis in image.axes] == [pytest.approx(50.0), pytest.approx(4.6), pytest.approx(4.6)]


@pytest.mark.parametrize("angstroms", [None, (1.0, 1.0, 1.0)])
def test_mrc_that_was_never_calibrated(tmp_path: Path, angstroms: tuple[float, float, float] | None) -> None:
    path = tmp_path / "tomo.rec"
    write_mrc(path, VALUES.astype("f4"), angstroms)
    assert {axis.unit for axis in open_image(path).axes} == {"pixel"}


@pytest.mark.parametrize("shape", [(30, 44), (7, 30, 44)])
def test_dm3(tmp_path: Path, shape: tuple[int, ...]) -> None:
    values = VALUES[0] if len(shape) == 2 else VALUES
    path = tmp_path / "camera.dm3"
    write_dm3(path, values, 2.5)
    image = open_image(path)
    assert image.dtype == np.uint16
    np.testing.assert_array_equal(image.read(image.extent), values)
    assert [(axis.scale, axis.unit) for axis in image.axes] == [(2.5, "nm")] * len(shape)


@pytest.mark.parametrize("name", ["cut.mrc", "cut.dm3"])
@pytest.mark.parametrize("kept", [0.001, 0.02, 0.5, 0.99])
def test_truncated_microscope_files(tmp_path: Path, name: str, kept: float) -> None:
    path = tmp_path / name
    if path.suffix == ".mrc":
        write_mrc(path, VALUES.astype("f4"), None)
    else:
        write_dm3(path, VALUES, 1.0)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(ImageReadError, match="cut"):
        open_image(path).data[...]


def emd_signal(values: NDArray[Any], title: str) -> dict[str, Any]:
    axes = [
        {"name": name, "size": size, "offset": 0.0, "scale": scale, "units": "nm", "navigate": name == "z"}
        for name, size, scale in zip("zyx", values.shape, (20.0, 5.0, 5.0), strict=True)
    ]
    metadata = {"General": {"title": title}, "Signal": {}}
    return {"data": values, "axes": axes, "metadata": metadata, "original_metadata": {}}


def test_emd(tmp_path: Path) -> None:
    path = tmp_path / "stem.emd"
    write_emd(str(path), emd_signal(VALUES.astype("f4"), "HAADF"))
    image = open_image(path)
    assert_reads(image, VALUES.astype("f4"))
    assert [(axis.scale, axis.unit) for axis in image.axes] == [(20.0, "nm"), (5.0, "nm"), (5.0, "nm")]
    assert_reads(open_image(f"{path}::HAADF"), VALUES.astype("f4"))
    with pytest.raises(ImageReadError, match=r"'BF'.*HAADF"):
        open_image(f"{path}::BF")


@pytest.mark.parametrize(("name", "module"), [("a.h5", "h5py"), ("a.dm4", "rsciio"), ("a.emd", "rsciio")])
def test_without_the_extra_the_error_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, module: str
) -> None:
    (tmp_path / name).touch()
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingDependencyError, match=r'pip install "dinoscope\[io\]"'):
        open_image(tmp_path / name)


def test_these_formats_have_one_level(tmp_path: Path) -> None:
    write_mrc(tmp_path / "a.mrc", VALUES.astype("f4"), None)
    with pytest.raises(SettingsError, match="only level 0"):
        open_image(tmp_path / "a.mrc", ImageSettings(level=1))
