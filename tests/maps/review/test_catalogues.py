"""The console's words: every text of the pages is in the catalogue that translators start from."""

from __future__ import annotations

import re
from importlib import resources

from babel.messages.pofile import read_po

from maps.review import catalogues
from maps.review.catalogues import chosen, words

SAID = re.compile(r"""\b(?:review\.)?t\(\s*"((?:[^"\\]|\\.)*)\"""")
MARKED = re.compile(r'data-words="([^"]*)"')


def said():
    assets = resources.files("maps.review").joinpath("assets")
    found = set()
    for entry in assets.iterdir():
        if entry.name.endswith((".js", ".html")):
            text = entry.read_text(encoding="utf-8")
            found |= set(SAID.findall(text)) | set(MARKED.findall(text))
    return {text for text in found if text}


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
