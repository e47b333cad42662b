"""Chunks of zarr arrays that were cut off.

Most codecs notice. Blosc, the default of OME-Zarr 0.4, trusts the size in a chunk's header and would decode whatever
lies behind the bytes that are there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import zarr
from zarr.storage import WrapperStore

from dinoscope.errors import ImageReadError

if TYPE_CHECKING:
    from zarr.abc.store import ByteRequest
    from zarr.core.buffer import Buffer, BufferPrototype

_SIZE_FIELD = slice(12, 16)
"""Where a Blosc chunk says how many bytes it has, its header of 16 included; little-endian."""

_METADATA = (".zarray", ".zattrs", ".zgroup", ".zmetadata", "zarr.json")


def guard_blosc(array: zarr.Array[Any]) -> zarr.Array[Any]:
    """The array, with the size of every chunk checked where Blosc compressed it."""
    described = array.metadata.to_dict()
    codecs: Any = described.get("codecs") or [described.get("compressor")]
    last = codecs[-1] or {}
    if "blosc" not in (last.get("name"), last.get("id")):
        return array
    store = _BloscStore(array.store)
    return zarr.open_array(store, path=array.path, mode="r", zarr_format=array.metadata.zarr_format)


class _BloscStore(WrapperStore[Any]):
    """A store that refuses Blosc chunks of another length than they say."""

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        chunk: Buffer | None = await self._store.get(key, prototype, byte_range)
        if chunk is None or byte_range is not None or key.endswith(_METADATA):
            return chunk
        promised = int.from_bytes(chunk[_SIZE_FIELD].to_bytes(), "little")
        if promised != len(chunk):
            raise ImageReadError(
                f"chunk {key} of {self._store} is truncated or damaged: it has {len(chunk)} bytes, expected "
                f"{promised}; copy it again from where it came from"
            )
        return chunk

    def with_read_only(self, read_only: bool = False) -> _BloscStore:
        """The same store for reading only, which zarr before 3.1.6 does not offer for wrapped ones."""
        return _BloscStore(self._store.with_read_only(read_only))
