"""A sequence of strings that stays in one Arrow array: ids of ten million rows, without ten million objects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

_BATCH = 65_536


class Strings(Sequence[str]):
    """Strings, none of them missing.

    Args:
        values: An Arrow array of strings, plain, dictionary-encoded or in chunks, or any sequence of strings.
    """

    __slots__ = ("array",)

    def __init__(self, values: Any) -> None:  # noqa: ANN401 - pyarrow array or sequence
        import pyarrow as pa

        if isinstance(values, Strings):
            values = values.array
        elif not isinstance(values, pa.Array | pa.ChunkedArray):
            values = pa.array(list(values), pa.large_string())
        if not pa.types.is_dictionary(values.type):
            values = values.cast(pa.large_string())  # 64-bit offsets: one array may hold more than 2 GiB
        whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
        assert whole.null_count == 0, "a missing string"
        self.array: Any = whole

    def __len__(self) -> int:
        return len(self.array)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Strings: ...
    def __getitem__(self, index: int | slice) -> str | Strings:
        return Strings(self.array[index]) if isinstance(index, slice) else str(self.array[int(index)].as_py())

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), _BATCH):
            yield from self.array.slice(start, _BATCH).to_pylist()

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Sequence)
            and len(self) == len(other)
            and all(a == b for a, b in zip(self, other, strict=True))
        )

    __hash__ = None  # type: ignore[assignment]

    def take(self, rows: NDArray[np.int64]) -> Strings:
        """Return the strings of `rows`, in that order."""
        import pyarrow as pa

        return Strings(self.array.take(pa.array(rows)))

    def rows_of(self, others: Strings) -> NDArray[np.int64]:
        """Return the index of each of `others` among these, which are distinct; -1 where it is absent."""
        import pyarrow.compute as pc

        if others.plain.equals(self.plain):
            return np.arange(len(self))
        found = pc.index_in(others.plain, self.plain).fill_null(-1)
        rows: NDArray[np.int64] = found.to_numpy(zero_copy_only=False).astype(np.int64)
        return rows

    def ascending_rows(self) -> NDArray[np.int64]:
        """Return the rows in ascending order of their strings."""
        import pyarrow.compute as pc

        if self.ascending:
            return np.arange(len(self))
        rows: NDArray[np.int64] = pc.sort_indices(self.plain).to_numpy().astype(np.int64)
        return rows

    @property
    def plain(self) -> Any:  # noqa: ANN401 - pyarrow.LargeStringArray
        """The array without a dictionary."""
        import pyarrow as pa

        return self.array.cast(pa.large_string())

    @property
    def ascending(self) -> bool:
        """True where each is larger than the one before; strings are compared by code points."""
        import pyarrow.compute as pc

        plain = self.plain
        return len(plain) < 2 or bool(pc.all(pc.less(plain[:-1], plain[1:])).as_py())

    def encoded(self) -> tuple[NDArray[np.int64], list[str]]:
        """Return a code for each string, and the distinct strings in ascending order, which the codes index."""
        whole = self.array if hasattr(self.array, "dictionary") else self.array.dictionary_encode()
        names = [str(name) for name in whole.dictionary.to_pylist()]
        distinct = sorted(set(names))
        code_of = {name: code for code, name in enumerate(distinct)}
        recoded = np.array([code_of[name] for name in names], np.int64)
        codes = whole.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        return (recoded[codes] if len(codes) else codes), distinct
