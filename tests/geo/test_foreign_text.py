from __future__ import annotations

import csv
import io
import unicodedata
from xml.etree import ElementTree

import hypothesis
import pytest
from hypothesis import strategies

from geo.foreign_text import csv_text, visible, xml_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x9b31m", "\\x9b31m"),
        ("a\nerror: none", "a\\nerror: none"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("\udcff", "\\udcff"),
        ("Пост 3 é 漢 😀", "Пост 3 é 漢 😀"),
        ("می‌خواهم", "می‌خواهم"),
    ],
)
def test_what_nobody_sees_is_written_out_and_nothing_else(text, shown):
    assert visible(text) == shown


@hypothesis.given(strategies.text() | strategies.text("\x1b\u202e\ud800\n\x00\x85"))
def test_no_control_override_or_lone_surrogate_is_left(text):
    left = visible(text)
    assert not {unicodedata.category(one) for one in left} & {"Cc", "Cs", "Zl", "Zp"}
    assert not {unicodedata.bidirectional(one) for one in left} & {
        "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI",
    }  # fmt: skip
    assert visible(left) == left
    left.encode()


@hypothesis.given(strategies.text() | strategies.text("<>&'\"\x1b\ud800\ufffe"))
def test_any_text_is_well_formed_in_an_element_and_an_attribute(text):
    held = xml_text(text)
    for quote in "'\"":
        root = ElementTree.fromstring(f"<a b={quote}{held}{quote}>{held}</a>")
        if text.isprintable():
            assert (root.text or "", root.get("b")) == (text, text)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])
def test_no_cell_begins_as_a_formula(start):
    out = io.StringIO()
    csv.writer(out).writerow([csv_text(start + "HYPERLINK(1)"), csv_text("a" + start)])
    first, second = next(csv.reader(io.StringIO(out.getvalue(), newline="")))
    assert first.startswith("'")
    assert second[0] == "a"
