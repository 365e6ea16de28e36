"""A disk that refuses: nothing is lost, nothing is acknowledged, and work resumes."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from callbox.domain.delivery import State
from callbox.errors import StoreError, StoreUnavailable
from callbox.ports import Limits, Receipt, Slots
from callbox.store.sqlite import SqliteStore
from contract.deliveries import (
    DOCUMENTS,
    NOW,
    Shelf,
    a_store,
    claim,
    keep,
    one,
    owed,
    stored,
    succeed,
    text,
)

PATIENCE = 10.0
KILOBYTE = 1024


def mount(folder: Path, options: str) -> None:
    """Mount a small filesystem in memory; skips where that is not allowed."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount the small filesystem that this needs")
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no filesystem can be mounted here ({getattr(error, 'stderr', error)})")


def unmount(folder: Path) -> None:
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@dataclass
class Disk:
    """A filesystem of one megabyte, and the file that fills it."""

    folder: Path

    @property
    def store(self) -> Path:
        return self.folder / "callbox.db"

    def fill(self) -> None:
        with (self.folder / "filler").open("ab", buffering=0) as filler, suppress(OSError):
            while True:
                filler.write(bytes(4 * KILOBYTE))

    def free(self, room: int) -> None:
        filler = self.folder / "filler"
        os.truncate(filler, max(0, filler.stat().st_size - room))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount(folder, "size=1m")
    yield Disk(folder)
    unmount(folder)


@asynccontextmanager
async def full(disk: Disk) -> AsyncIterator[SqliteStore]:
    """Give a store with one accepted and one claimed text, on a disk that is full since."""
    async with a_store(disk.store) as store:
        await keep(store, text(body="claimed"), slots=Slots(1, 0))
        await keep(store, text("+12345000002", "waiting"))
        disk.fill()
        yield store
        disk.free(1024 * KILOBYTE)


async def refusing(store: SqliteStore) -> None:
    """Wait until the store has noticed."""
    while store.trouble is None:  # noqa: ASYNC110 - it has no event for this
        await asyncio.sleep(0.01)


async def test_what_waits_for_room_is_kept_when_there_is_room_again(disk: Disk) -> None:
    async with full(disk) as store:
        pending = [asyncio.create_task(keep(store, text(body=f"{n}"))) for n in range(20)]
        await asyncio.wait_for(refusing(store), PATIENCE)
        assert store.trouble == (
            "The store cannot be written (database or disk is full): free space or mend the disk"
        )
        assert not any(task.done() for task in pending)
        disk.free(1024 * KILOBYTE)
        for (receipt,) in await asyncio.wait_for(asyncio.gather(*pending), PATIENCE):
            assert receipt.accepted
        assert store.trouble is None
        bodies = [found.notification.body for found in await store.listing(None, 99)]
        assert bodies == [*map(str, reversed(range(20))), "waiting", "claimed"]


async def test_an_impatient_request_is_told_no_and_has_surely_not_happened(disk: Disk) -> None:
    async with full(disk) as store:
        for body in ("notices it", "finds it known"):
            with pytest.raises(StoreUnavailable, match="disk is full"):
                await store.accept([one(text(body=body))], NOW, Slots(), impatient=True)
        with pytest.raises(StoreUnavailable):
            await store.find("d1")
        with pytest.raises(StoreUnavailable):
            await store.figures(NOW)
        with pytest.raises(StoreUnavailable):
            await store.listing(None, 9)
        disk.free(1024 * KILOBYTE)
        await asyncio.wait_for(keep(store, text(body="later")), PATIENCE)
        bodies = [found.notification.body for found in await store.listing(None, 9)]
        assert bodies == ["later", "waiting", "claimed"]


async def test_what_was_told_no_does_not_count_as_waiting(disk: Disk) -> None:
    async with a_store(disk.store, Limits(waiting=2)) as store:
        disk.fill()
        for _ in range(3):
            with pytest.raises(StoreUnavailable):
                await store.accept([one(text())], NOW, Slots(), impatient=True)
        pending = asyncio.create_task(keep(store, text(), text(), text()))
        await asyncio.sleep(0.05)
        disk.free(1024 * KILOBYTE)
        receipts = await asyncio.wait_for(pending, PATIENCE)
        assert [bool(receipt.accepted) for receipt in receipts] == [True, True, False]


async def test_outcomes_are_written_first_when_some_room_appears(disk: Disk) -> None:
    async with full(disk) as store:
        (sending,) = await store.listing(State.SENDING, 9)
        large = asyncio.create_task(keep(store, text("+13", body="x" * 400 * KILOBYTE)))
        await asyncio.wait_for(refusing(store), PATIENCE)
        outcome = asyncio.create_task(succeed(store, sending, "SM1"))
        disk.free(128 * KILOBYTE)
        assert await asyncio.wait_for(outcome, PATIENCE) == "done"
        assert not large.done()
        disk.free(1024 * KILOBYTE)
        (receipt,) = await asyncio.wait_for(large, PATIENCE)
        assert receipt.accepted
        assert (await stored(store, sending)).progress.sid == "SM1"
        assert len(await owed(store)) == 2


async def test_nothing_is_claimed_while_an_attempt_cannot_be_recorded(disk: Disk) -> None:
    async with full(disk) as store:
        attempt = asyncio.create_task(claim(store))
        await asyncio.wait_for(refusing(store), PATIENCE)
        assert not attempt.done()
        disk.free(1024 * KILOBYTE)
        (delivery,) = await asyncio.wait_for(attempt, PATIENCE)
        assert delivery.notification.body == "waiting"
        assert (await stored(store, delivery)).progress.attempt == 1


async def test_a_poison_row_is_refused_alone_and_the_others_wait_for_room(disk: Disk) -> None:
    async with full(disk) as store:
        poison = one(text(body="\ud83d"))
        pending = asyncio.ensure_future(store.accept([poison, one(text())], NOW, Slots()))
        await asyncio.wait_for(refusing(store), PATIENCE)
        disk.free(1024 * KILOBYTE)
        (bad, good), _ = await asyncio.wait_for(pending, PATIENCE)
        assert isinstance(bad, UnicodeEncodeError)
        assert isinstance(good, Receipt)


async def test_closing_on_a_full_disk_is_quick_and_loses_nothing_that_was_kept(disk: Disk) -> None:
    shelf = Shelf(disk.store)
    store = await shelf.open()
    await keep(store, text(body="kept"))
    disk.fill()
    pending = asyncio.create_task(keep(store, text(body="never acknowledged")))
    await asyncio.wait_for(refusing(store), PATIENCE)
    await asyncio.wait_for(store.close(), 1.0)
    assert not pending.done()
    pending.cancel()
    disk.free(1024 * KILOBYTE)
    async with a_store(disk.store) as other:
        assert [d.notification.body for d in await other.listing(None, 9)] == ["kept"]


async def test_a_store_on_a_disk_that_is_full_from_the_start_is_refused(disk: Disk) -> None:
    disk.fill()
    with pytest.raises(StoreError, match=r"cannot be used \(.*(full|No space left)"):
        await Shelf(disk.store).open()


async def test_a_store_on_a_disk_mounted_for_reading_is_refused(tmp_path: Path) -> None:
    mount(tmp_path, "ro")
    try:
        with pytest.raises(StoreError, match=r"Read-only file system.*in a writable folder"):
            await SqliteStore.open(tmp_path / "callbox.db", DOCUMENTS, Limits())
    finally:
        unmount(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_store_in_a_folder_one_may_not_write_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="Permission denied"):
        asyncio.run(Shelf(tmp_path / "callbox.db").open())
