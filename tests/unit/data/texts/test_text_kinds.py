"""What would be learned letter by letter though it is no prose is told; prose, verse, chats and source code are not."""

from __future__ import annotations

import base64
import inspect
import json
import quopri
from email.message import EmailMessage

import pytest

from nnlab.data.texts import text, text_kinds, textfile
from nnlab.data.texts.text_kinds import kind_of_text

STORY = "The student trains the small network.\nIt forgets, as one should — déjà vu.\n" * 20
MARKED = "<div><p>One <b>word</b> of it.</p>\n<p class='x'>Another, and <i>some more</i>.</p></div>\n" * 5
ROWS = [{"text": f"Some words, {number}", "label": number} for number in range(9)]


def notes(tmp_path, content: str) -> tuple[str, ...]:
    path = tmp_path / "a.txt"
    path.write_bytes(content.encode())
    return text.load(str(path), lower=False).notes


def mail() -> str:
    message = EmailMessage()
    message["Subject"] = "Notes"
    message.set_content(STORY, cte="quoted-printable")
    return message.as_string()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (MARKED, "it has markup (HTML, XML), its tags"),
        (f"Preface.\n\n{MARKED}", "it has markup (HTML, XML), its tags"),
        ("<?xml version='1.0'?>\n<TEI><text/></TEI>", "it is XML, its tags"),
        (json.dumps(ROWS, indent=1), "it is JSON, its names and signs"),
        (json.dumps({"cells": [{"cell_type": "code"}]}), "it is a Jupyter notebook, its JSON"),
        ("\n".join(map(json.dumps, ROWS)), "it is JSON lines, their names and signs"),
        (base64.encodebytes(STORY.encode()).decode(), "it is base64, its letters"),
        (base64.b64encode(STORY.encode()).decode(), "it is base64, its letters"),
        (quopri.encodestring(STORY.encode()).decode(), "it has quoted-printable mail, its codes (=C3=A9)"),
        (mail().replace("=", "-"), "it has mail in quoted-printable, its codes"),
    ],
)
def test_what_is_no_prose_is_told(tmp_path, content, kind):
    assert notes(tmp_path, content) == (f"{kind} are read as text",)


@pytest.mark.parametrize(
    "content",
    [
        STORY,
        inspect.getsource(text_kinds),
        "template <typename T>\nstd::vector<int> f(std::map<K, V> m);\n" * 9,
        "List<String> all = new ArrayList<>();\nMap<Integer, Set<T>> more;\n" * 9,
        "#include <vector>\nif (a <b || c> d) return x</y/>z;\n",
        "".join(f"<{name}> hello, how are you?\n" for name in ("anna", "bert", "carl")) * 9,
        "[12:03] anna: hi\n[12:04] bert: hello :)\n" * 9,
        "[Enter HAMLET.]\n\nHAMLET.\nTo be, or not to be.\n" * 9,
        '# Title\n\n* one [link](http://a.b/c?d=E2)\n* `<br>` two\n\n```\n{"a": 1}\n```\n' * 9,
        "Shall I compare thee\n    to a summer's day?\n\n" * 9,
        "[1] A footnote.\n[2] Another.\n" * 9,
        "{Stage directions} stand in braces.\n" * 9,
        ">seq\n" + ("ACGT" * 18 + "\n") * 20,
        "a" * 900 + "b\n",
        "Content-Transfer-Encoding: base64 is a line of mail.\n" + STORY,
        "color=FF00FF&x=E9\n" * 9,
    ],
)
def test_ordinary_texts_are_not_told(tmp_path, content):
    assert notes(tmp_path, content) == ()


def test_a_long_text_is_judged_by_its_beginning():
    content = json.dumps(ROWS * 9)
    assert kind_of_text(content[:-5], is_whole=False) == "it is JSON, its names and signs"
    assert kind_of_text(content[:-5], is_whole=True) == ""
    assert kind_of_text("\n".join(map(json.dumps, ROWS))[:-5], is_whole=False).startswith("it is JSON lines")


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_characters_that_nobody_sees_are_counted(tmp_path, monkeypatch, size):
    monkeypatch.setattr(textfile, "CHUNK", size)
    content = "\x1b[31mred\x1b[0m \x07 so\xadft zero\u200bwidth\u200b\ttab\x0cpage\n\x1a"
    told = "3 control characters (ESC, U+0007), 1 soft hyphen (U+00AD), 2 zero-width spaces (U+200B) are among the text"
    assert notes(tmp_path, content) == (told,)
    (tmp_path / "b.txt").write_text(STORY)
    assert text.load(str(tmp_path), lower=True).notes == (f"a.txt: {told}",)


def test_text_that_was_encoded_twice_is_told_with_the_command(tmp_path):
    content = STORY.replace("à", "a").encode().decode("cp1252")
    told = "it was encoded twice, 'â€”' was '—' before it was read as CP1252: get the original, or mend it: "
    assert notes(tmp_path, content) == (f"{told}iconv -f UTF-8 -t CP1252 {tmp_path}/a.txt > NEW",)
