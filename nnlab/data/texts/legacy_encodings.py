"""A guess at the encoding of text that is not Unicode, for the advice that an error gives.

``charset-normalizer`` was tried and guessed 9 of 26 short texts wrong (``café`` of Windows-1252 as Urdu): it looks for
something that decodes, while a wrong letter inside a word is what a reader sees. Here an encoding is as good as its
letters are in place: lower case inside words, one script per word, few symbols, final letters at the end of words, and
in an alphabet without ASCII more of the frequent letters.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

SAMPLE = 20_000  # bytes looked at
LEAST = 0.55  # the score of a guess that is worth telling
OPENING, CLOSING, BETWEEN = frozenset("‘“„«¡¿"), frozenset("’”»"), frozenset("–—…\xa0")
SYMBOLS = frozenset("°§©®€£·•№™½²³")
WESTERN = frozenset("àâäáãåçéèêëíìîïñóòôöõúùûüßœæø")
CENTRAL = frozenset("ąćęłńóśźżáčďéěíňřšťúůýžäöüôľĺŕőűßăâîşţđ")
TURKISH, BALTIC = frozenset("çğıöşüâîû"), frozenset("āčēģīķļņšūžąęėįųõäöü")
CYRILLIC = (
    "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъёіїєґјњљћўђџ"  # by how frequent they are; Greek, Hebrew, Arabic, Thai as well
)
GREEK = "αοτιεσνρπκυμηςλάίόέδγήθχύφώβξζψϊΐϋΰ"
HEBREW = "יוהלארבתמשםנעדחכקספטזגצןךףץ"
ARABIC = "اليمنترودبعةسهفكقحجشأصخىطإضذزغئءثآؤظًٌٍَُِّْـ"
CONSONANTS = frozenset(map(chr, range(0xE01, 0xE2F)))  # of Thai
VOWELS_BEFORE = frozenset("เแโใไ")
MARKS = frozenset(map(chr, (0xE31, *range(0xE34, 0xE3B), *range(0xE47, 0xE4F))))
THAI = "านรกอเ่งมย้ลวดคทส\u0e31\u0e35ต\u0e34ะปบ\u0e32หแ\u0e47จพขใไ\u0e37ชถ\u0e39โ\u0e38\u0e4cผซธศณ\u0e33ภ\u0e36ญฟษฐๆฝฉฏฎฆ"
AT_THE_END, NOT_AT_THE_END = frozenset("ςךםןףץةى"), frozenset("σ")
ACCENTED = frozenset("άέήίόύώΐΰ")
RANKED = 0.02  # how much less a letter scores than the one before it, which is a more frequent one

Letters = frozenset[str] | str
# Of equal scores the first wins. Names that both Python and iconv know.
SINGLE_BYTE: tuple[tuple[str, Letters], ...] = (
    *(("CP1252", WESTERN), ("CP1250", CENTRAL), ("CP1254", TURKISH), ("CP1257", BALTIC)),
    *(("CP1255", HEBREW), ("CP1253", GREEK), ("ISO-8859-7", GREEK), ("CP737", GREEK)),
    *(("CP1251", CYRILLIC), ("KOI8-R", CYRILLIC), ("ISO-8859-5", CYRILLIC), ("CP866", CYRILLIC)),
    *(("ISO-8859-2", CENTRAL), ("MACINTOSH", WESTERN), ("CP850", WESTERN), ("CP852", CENTRAL)),
    ("CP1256", ARABIC),
)
MULTI_BYTE = ("CP949", "CP932", "EUC-JP", "GB18030", "BIG5")
LAST = (("CP874", THAI),)


def guess_encoding(content: bytes) -> str | None:
    """The most plausible encoding of some lines that are not UTF-8, as iconv names it; None where none is."""
    lines = [line for line in content[:SAMPLE].splitlines() if not line.isascii()]
    best, score = None, LEAST
    for name, judge in _judges():
        try:
            text = b"\n".join(lines).decode(codec(name), "strict" if len(content) <= SAMPLE else "ignore")
        except UnicodeDecodeError:
            continue
        found = judge(f" {text} ")
        if found > score + 1e-9:
            best, score = name, found
    return best


def codec(name: str) -> str:
    """Python's name of an encoding."""
    return "mac_roman" if name == "MACINTOSH" else name


def _judges() -> list[tuple[str, Callable[[str], float]]]:
    def of_letters(letters: Letters) -> Callable[[str], float]:
        return lambda text: _score(text, lambda place: _letter_score(text, place, letters))

    def of_east_asia(name: str) -> Callable[[str], float]:
        return lambda text: _score(text, lambda place: _east_asian_score(text, place, name))

    single, last = ([(name, of_letters(letters)) for name, letters in names] for names in (SINGLE_BYTE, LAST))
    return [*single, *((name, of_east_asia(name)) for name in MULTI_BYTE), *last]


def _score(text: str, of_place: Callable[[int], float]) -> float:
    """The mean over the characters that are not ASCII."""
    places = [place for place, character in enumerate(text) if character > "\x7f"]
    return sum(map(of_place, places)) / len(places) if places else 0.0


def _letter_score(text: str, place: int, letters: Letters) -> float:
    """1 for a character in its place, less for one out of it, 0 for what does not belong, below 0 for none at all."""
    before, character, after = text[place - 1], text[place], text[place + 1]
    if character in OPENING | CLOSING | BETWEEN | SYMBOLS:
        return _punctuation_score(before, character, after)
    if character.lower() not in letters:
        return -1.0 if unicodedata.category(character) in ("Cc", "Cn", "Co") else 0.0
    upper = character != character.lower()
    score = 1.0 if not upper else 0.2 if before.isalpha() and before == before.lower() else 0.9
    if not isinstance(letters, str):  # French, Polish and their like have ASCII between
        return score / 2 if before.isalpha() and not before.isascii() else score
    if any(c.isalpha() and c.isascii() for c in (before, after)):
        return score / 5
    if not _is_in_place(text, place):
        return 0.0
    usual = 12 if letters == THAI else 8  # the mean place of the letters of a text, which scores 1
    ranked = score * (1 + RANKED * (usual - letters.index(character.lower())))
    return ranked if before.isalpha() or after.isalpha() else min(score, ranked)  # alone it may be the French "à"


def _is_in_place(text: str, place: int) -> bool:
    """Whether a letter may stand there: one accent per word, final letters at its end, marks on consonants."""
    before, character, after = text[place - 1], text[place].lower(), text[place + 1]
    if character in ACCENTED:
        word = text[max(0, place - 30) : place].rsplit(maxsplit=1)[-1] if not before.isspace() else ""
        return ACCENTED.isdisjoint(word.lower())
    if character in VOWELS_BEFORE:
        return after in CONSONANTS
    if character in MARKS:
        return before in CONSONANTS or before in MARKS
    goes_on = after.isalpha()
    return not (goes_on and character in AT_THE_END) and (goes_on or text[place] not in NOT_AT_THE_END)


def _punctuation_score(before: str, character: str, after: str) -> float:
    if character in BETWEEN:
        return 1.0
    if character in SYMBOLS:
        return 0.0 if before.isalpha() and after.isalpha() else 0.6 if before.isalpha() or after.isalpha() else 1.0
    if character in OPENING:
        return 0.0 if before.isalpha() else 1.0
    return 0.5 if before.isspace() else 0.0 if after.isalpha() and character != "’" else 1.0


def _east_asian_score(text: str, place: int, name: str) -> float:
    """The same for encodings of two bytes per character: what is in frequent use scores more."""
    before, character, after = text[place - 1], text[place], text[place + 1]
    if any(c.isalpha() and c.isascii() for c in (before, after)):
        return 0.2
    kind = unicodedata.name(character, "?").split(" ")[0]
    japanese = name in ("CP932", "EUC-JP")
    if kind in ("IDEOGRAPHIC", "FULLWIDTH"):
        return 1.0
    if kind in ("HIRAGANA", "KATAKANA"):
        return 1.0 if japanese else 0.2
    if kind == "HANGUL":
        return 1.0 if name == "CP949" and len(character.encode("euc_kr", "ignore")) == 2 else 0.0
    if kind != "CJK" or name == "CP949":
        return 0.2 if kind == "CJK" else 0.0
    if japanese:
        near = text[max(0, place - 20) : place + 20]
        return 1.0 if any("\u3040" <= c <= "\u30ff" for c in near) else 0.3
    standard, first, last = ("gb2312", 0xB0, 0xD7) if name == "GB18030" else ("big5", 0xA4, 0xC6)
    lead = (character.encode(standard, "ignore") or b"\0")[0]
    return 1.0 if first <= lead <= last else 0.2
