"""The frame of every page and the data in it, held to readers of others: an HTML parser, Jinja2, JSON."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from maps.page_file import Blocks, inert_json, page_bytes, page_frame

EVIL = {
    "title": "{{7*191}}{%raw%}{#",
    "</script><script>": ["<!--<script>", "${1}`'\"\\", "\u2028\x1b", "&lt;"],
    "n": 1.5,
}


class Elements(HTMLParser):
    def __init__(self):
        super().__init__()
        self.scripts = []

    def handle_starttag(self, tag, attrs):
        if tag == "script":
            self.scripts.append(dict(attrs).get("type"))
        assert not any(name.startswith("on") or name == "style" for name, _ in attrs)


def test_data_change_nothing_of_the_page_around_them():
    parsed = [Elements(), Elements()]
    for reader, data in zip(parsed, ({}, EVIL), strict=True):
        reader.feed(page_bytes(data).decode())
    assert parsed[0].scripts == parsed[1].scripts
    assert parsed[1].scripts.count("application/json") == 1


def test_long_texts_stand_behind_the_json_and_the_page_opens_before_the_later_ones():
    blocks = Blocks()
    told = {"first": blocks.put("QUJD"), "late": blocks.put("AAAA BBBB", later=True)}
    page = page_bytes(told, blocks).decode()
    places = [page.index(text) for text in ('id="vedette-data"', ">QUJD<", "vedette.openPage()", ">AAAA BBBB<")]
    assert places == sorted(places)
    for held, text in ((told["first"], "QUJD"), (told["late"], "AAAA BBBB")):
        assert f'<script type="text/plain" id="vedette-{held["block"]}">{text}</script>' in page
    with pytest.raises(ValueError, match="base64"):
        blocks.put("AAAA</script><script>")


def test_nothing_in_the_data_is_a_template_a_tag_or_an_entity():
    text = inert_json(EVIL)
    assert not set("<>&`$%'") & set(text)
    assert not re.search(r"\{[{%#]", text)
    assert json.loads(text)["title"] == EVIL["title"]


def test_a_number_json_does_not_have_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        inert_json({"a": float("nan")})


def test_the_policy_names_every_script_and_style_by_its_hash_and_allows_nothing_else():
    page = page_bytes({}).decode()
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == rules["connect-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert rules["img-src"] == "data:"
    assert "unsafe" not in policy
    assert page.index("Content-Security-Policy") < min(page.index("<script"), page.index("<style"))
    for kind in ("script", "style"):
        texts = re.findall(rf"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
        digests = {f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in texts}
        assert digests == set(rules[f"{kind}-src"].split())
        assert len(texts) > 3


def test_the_frame_is_the_same_to_the_byte_in_every_process():
    ask = "import hashlib, maps.page_file as p; print(hashlib.sha256(repr(p.page_frame()).encode()).hexdigest())"
    said = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True).stdout.strip()
    assert said == hashlib.sha256(repr(page_frame()).encode()).hexdigest()
