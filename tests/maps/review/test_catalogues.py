"""The console's words: every text of the pages is in the catalogue that translators start from."""

from __future__ import annotations

import re
from importlib import resources

from babel.messages.pofile import read_po

from maps.gathering import DECISIONS
from maps.review import catalogues
from maps.review.access.roles import Role
from maps.review.catalogues import chosen, words
from maps.review.handing import WAYS
from maps.review.judging.ordering import Band
from maps.review.judging.reasons import REASONS
from operations.values import Outcome

TEXT = r'"((?:[^"\\]|\\.)*)"'
SAID = (
    re.compile(r"\bt\(\s*" + TEXT),
    re.compile(r"\bt\([^\"()]*\? " + TEXT),
    re.compile(r"\bt\([^\"()]*\? \"[^\"]*\" : " + TEXT),
    re.compile(r"\b(?:add|copyable)\(list, " + TEXT),
    re.compile(r"\bplural\([\w.]+, " + TEXT),
    re.compile(r"\bplural\([\w.]+, \"[^\"]*\", " + TEXT),
    re.compile(r"\b(?:bell|choice|tool)\([\w\"]+, " + TEXT),
    re.compile(r"\[\"[^\"]*\", " + TEXT + r"\]"),
)
"""How scripts say a text: through `t`, or in a table or a call whose text passes it."""
NAMES = "vedette_quiet_style.js"
"""Holds names of other people's schemas, and no text."""
MARKED = re.compile(r'data-(?:words|label)="([^"]*)"')


def said():
    found = set()
    for package in ("maps", "maps.review"):
        for entry in resources.files(package).joinpath("assets").iterdir():
            if entry.name.endswith((".js", ".html")) and entry.name != NAMES:
                text = entry.read_text(encoding="utf-8")
                found |= {one for pattern in (*SAID, MARKED) for one in pattern.findall(text)}
    found |= {*DECISIONS, *map(str, Band), *map(str, Outcome), *map(str, Role), *(way.text for way in WAYS)}
    found |= {text for listed in REASONS.values() for text in listed.values()}
    return {text for text in found if re.search("[a-z]{2}", text)}


def test_the_catalogue_holds_what_the_pages_say():
    with resources.files("maps.review").joinpath("languages", "messages.pot").open("rb") as file:
        kept = {str(one.id) for one in read_po(file) if one.id}
    assert said() - kept == set()
    assert len(kept) > 80


def test_english_needs_no_catalogue_and_stands_in_for_what_is_not_there():
    assert words("en") == {}
    assert chosen("xx-YY") == "en"
    assert chosen("<script>") == "en"
    assert words("../../etc/passwd") == {}


def test_a_second_language_is_one_file(tmp_path, monkeypatch):
    (tmp_path / "languages").mkdir()
    text = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\nmsgid "Confirm"\nmsgstr "Bestätigen"\n'
    (tmp_path / "languages" / "de.po").write_text(text, encoding="utf-8")
    monkeypatch.setattr(catalogues.resources, "files", lambda _: tmp_path)
    for function in (catalogues.languages, catalogues.words):
        function.cache_clear()
    try:
        assert chosen("de-AT") == "de"
        assert words("de") == {"Confirm": "Bestätigen"}
    finally:
        monkeypatch.undo()
        for function in (catalogues.languages, catalogues.words):
            function.cache_clear()
