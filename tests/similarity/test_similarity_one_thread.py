"""Linear algebra in one thread, and in as many as before afterwards."""

from __future__ import annotations

import pytest
from threadpoolctl import threadpool_info, threadpool_limits  # type: ignore[import-untyped]

from dinoscope.similarity._one_thread import in_one_thread


def blas_threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_it_is_one_thread_only_meanwhile() -> None:
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        assert in_one_thread(blas_threads)() == {1}
        assert blas_threads() == before


def test_threads_come_back_after_an_error() -> None:
    @in_one_thread
    def fail() -> None:
        raise ValueError("wrong")

    before = blas_threads()
    with pytest.raises(ValueError, match="wrong"):
        fail()
    assert blas_threads() == before
