"""Work in several processes: every item comes back, whatever one of them does to its process."""

import os
import time
from collections.abc import Callable

import pytest

from migrator.workers import work_through


def make(setup: str) -> Callable[[str], str]:
    """Works as an item says: "die", "hang", anything else is answered."""

    def work(item: str) -> str:
        if item == "die":
            os._exit(7)
        while item == "hang":
            time.sleep(0.01)
        return f"{setup} {item}"

    return work


@pytest.mark.parametrize("jobs", [1, 3])
def test_every_item_is_answered(jobs: int) -> None:
    items = [str(number) for number in range(20)]
    done = list(work_through(items, make, "did", jobs=jobs, seconds=300))
    assert sorted(str(one.result) for one in done) == sorted(f"did {item}" for item in items)


def test_an_item_that_ends_its_process_costs_itself_alone() -> None:
    done = {one.item: one for one in work_through(["a", "die", "b"], make, "did", jobs=1, seconds=300)}
    assert done["die"].problem == "its process ended with status 7"
    assert [done["a"].result, done["b"].result] == ["did a", "did b"]


def test_an_item_without_an_end_is_ended() -> None:
    done = {one.item: one for one in work_through(["hang"], make, "did", jobs=1, seconds=0.1)}
    assert done["hang"].problem == "it did not end within 0.1 s"


def test_no_items_start_no_process() -> None:
    assert list(work_through([], make, "did", jobs=2, seconds=1)) == []
