from __future__ import annotations

import pytest

from detection.errors import ModelError
from detection.model_names import NAME_MAX, literal, read_names, tidy_names


@pytest.mark.parametrize(
    "text",
    ["{0: 'a', 'x': 2}", "[1", "{-1: 'a'}", "{99999999999: 'a'}", "__import__('os')", "{0: ['a']}", "{True: 'a'}", "3"],
)
def test_names_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(ModelError, match="class names cannot be read"):
        read_names(text, None, "m")


def test_unnamed_classes_are_numbered() -> None:
    assert read_names("", 2, "m") == ("class 0", "class 1")
    assert read_names("{2: 'car'}", 3, "m") == ("class 0", "class 1", "car")
    assert read_names("['person', 'car']", None, "m") == ("person", "car")


def test_foreign_names_are_short_and_plain() -> None:
    names = tidy_names({0: "a" * 10_000, 1: "per\x1b[31mson\n", 2: "<script>alert(1)</script>", 3: ""}, "m")
    assert len(names[0]) == NAME_MAX
    assert names[1] == "per[31mson"
    assert names[2] == "<script>alert(1)</script>"  # text; whoever shows it escapes it
    assert names[3] == "class 3"


def test_a_metadata_bomb_is_not_parsed() -> None:
    assert literal("[" * 200_000) is None
    assert literal("[" + "0," * 1_000_000 + "]") is None
