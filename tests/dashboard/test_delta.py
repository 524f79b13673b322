"""What changed between two states, and which pages can be watched."""

import pytest

from dashboard.delta import difference
from dashboard.pages import Page, parse_page


def test_what_did_not_change_is_not_told() -> None:
    assert difference({"totals": {"live": 1}, "rows": [{"id": 1}]}, {"totals": {"live": 1}, "rows": [{"id": 1}]}) == {}


def test_a_changed_section_is_told_whole() -> None:
    before = {"totals": {"live": 1}, "verdict": "well"}
    assert difference(before, before | {"totals": {"live": 2}}) == {"totals": {"live": 2}}


def test_only_rows_that_changed_or_came_are_told() -> None:
    before = {"rows": [{"id": 1, "live": 1}, {"id": 2, "live": 1}]}
    after = {"rows": [{"id": 1, "live": 1}, {"id": 2, "live": 5}, {"id": 3, "live": 1}]}
    assert difference(before, after) == {"rows": {"rows": [{"id": 2, "live": 5}, {"id": 3, "live": 1}], "gone": []}}


def test_of_a_row_that_changed_only_what_is_different_is_told() -> None:
    before = {"rows": [{"id": 1, "name": "Combat", "live": 5, "rate": 0.5}]}
    after = {"rows": [{"id": 1, "name": "Combat", "live": 0, "rate": None}]}
    assert difference(before, after) == {"rows": {"rows": [{"id": 1, "live": 0, "rate": None}], "gone": []}}


def test_rows_that_went_are_told_by_id() -> None:
    assert difference({"rows": [{"id": 1}, {"id": 2}]}, {"rows": [{"id": 2}]}) == {"rows": {"rows": [], "gone": [1]}}


def test_another_order_of_the_same_rows_is_no_change() -> None:
    assert difference({"rows": [{"id": 1}, {"id": 2}]}, {"rows": [{"id": 2}, {"id": 1}]}) == {}


@pytest.mark.parametrize(
    ("text", "page"),
    [
        ("overview", Page("overview")),
        ("servers", Page("servers")),
        ("setup", Page("setup")),
        ("service:12", Page("service", 12)),
        ("server:9223372036854775807", Page("server", 2**63 - 1)),
    ],
)
def test_a_page_is_known_by_its_name(text: str, page: Page) -> None:
    assert parse_page(text) == page


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "service", "service:", "service:x", "service:-1", "service:²", "overview:1", f"server:{2**63}"],
)
def test_anything_else_is_no_page(text: str) -> None:
    assert parse_page(text) is None


def test_a_change_of_other_servers_does_not_concern_a_servers_page() -> None:
    page = Page("server", 7)
    assert [page.is_concerned([1, 2]), page.is_concerned([7]), page.is_concerned(None)] == [False, True, True]


def test_every_change_concerns_pages_over_all_servers() -> None:
    assert all(Page(kind).is_concerned([1]) for kind in ("overview", "servers", "configuration", "setup"))
    assert Page("service", 3).is_concerned([1])
