"""A diff in two columns."""

from dashboard.side_by_side import MOST_ROWS, Row, Side, side_by_side

PATCH = """--- a/x.luau
+++ b/x.luau
@@ -3,4 +3,5 @@
 local a
-one
-two
+first
 local b
+-- new
@@ -20 +22 @@
--- old comment
+last
\\ No newline at end of file
"""


def test_what_went_stands_beside_what_came() -> None:
    assert side_by_side(PATCH) == [
        Row("gap"),
        Row("same", Side(3, "local a"), Side(3, "local a")),
        Row("changed", Side(4, "one"), Side(4, "first")),
        Row("changed", Side(5, "two"), Side()),
        Row("same", Side(6, "local b"), Side(5, "local b")),
        Row("changed", Side(), Side(6, "-- new")),
        Row("gap"),
        Row("changed", Side(20, "-- old comment"), Side(22, "last")),
    ]


def test_a_separator_within_a_line_keeps_it_whole() -> None:
    rows = side_by_side("@@ -1 +1 @@\n-one\u2028- two\n+one\f+ two\n")
    assert rows == [Row("gap"), Row("changed", Side(1, "one\u2028- two"), Side(1, "one\f+ two"))]


def test_no_patch_has_no_rows() -> None:
    assert side_by_side("") == []


def test_a_patch_without_end_is_shown_in_part() -> None:
    assert len(side_by_side("@@ -1 +1 @@\n" + "+x\n" * 9_000)) == MOST_ROWS
