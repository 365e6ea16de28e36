"""Work that is given up."""

import asyncio

import pytest

from callbox.stopping import unless


async def test_work_gives_its_result_where_nobody_stops_it() -> None:
    assert await unless(asyncio.Event(), asyncio.sleep(0, "done")) == "done"


async def test_a_fault_of_the_work_is_raised() -> None:
    async def fails() -> None:
        raise ArithmeticError("a fault")

    with pytest.raises(ArithmeticError):
        await unless(asyncio.Event(), fails())


async def test_what_is_given_up_is_over_before_anything_else_begins() -> None:
    stopping, ended = asyncio.Event(), []

    async def slow() -> str:
        stopping.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(True)
        return "done"

    assert await unless(stopping, slow()) is None
    assert ended == [True]


async def test_what_is_done_in_the_moment_of_a_stop_is_not_lost() -> None:
    stopping = asyncio.Event()
    stopping.set()
    assert await unless(stopping, asyncio.sleep(0, "done")) == "done"
