"""`make e2e` knows every page."""

from tests.e2e.tour import addresses


def test_each_address_is_a_page_of_the_tour_or_said_not_to_be_one() -> None:
    assert addresses.names() == addresses.PAGES | addresses.NOT_PAGES
