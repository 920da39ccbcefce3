"""The guess at an encoding: the letters come back, and nothing is guessed of noise."""

from __future__ import annotations

import numpy as np
import pytest

from nnlab.data.texts.legacy_encodings import codec, guess_encoding

TEXTS = {
    "French": ("Où est le café ? Ça a été très gênant, là-bas.", "cp1252 mac_roman cp850"),
    "German": ("Größe und Länge übersteigen das Übliche. Schöne Grüße aus München.", "cp1252 mac_roman cp850"),
    "Spanish": ("¿Dónde está el niño? ¡Qué lástima! Mañana será otro día.", "cp1252 mac_roman cp850"),
    "Polish": ("Zażółć gęślą jaźń. Wszystko będzie dobrze, mój przyjacielu.", "cp1250 iso8859_2 cp852"),
    "Czech": ("Příliš žluťoučký kůň úpěl ďábelské ódy.", "cp1250 iso8859_2"),
    "Turkish": ("Çalışmak güzeldir. İstanbul'da yaşıyorum, ağaçlar yeşil.", "cp1254"),
    "Greek": ("Εν αρχή ην ο Λόγος. Άνοιξη, ό,τι κι αν γίνει.", "cp1253 iso8859_7 cp737"),
    "Russian": ("Я помню чудное мгновенье: передо мной явилась ты.", "cp1251 koi8_r iso8859_5 cp866"),
    "Hebrew": ("שלום עולם, מה שלומך היום? אני לומד עברית.", "cp1255"),
    "Arabic": ("مرحبا بالعالم، كيف حالك اليوم؟", "cp1256"),
    "Thai": ("สวัสดีครับ วันนี้อากาศดีมาก", "cp874"),
    "Japanese": ("吾輩は猫である。名前はまだ無い。", "shift_jis euc_jp"),
    "Chinese": ("我们今天去北京看长城，天气非常好。", "gb18030"),
    "Taiwanese": ("我們今天去看電影，天氣非常好。", "big5"),
    "Korean": ("안녕하세요. 오늘은 날씨가 아주 좋습니다.", "cp949"),
    "one word": ("café", "cp1252"),
    "quotes": ("It’s a “test” – of £5 or 20 €.", "cp1252"),
}
SHORT = {
    "cp1251 koi8_r cp866": (
        "Мороз и солнце; день чудесный!|Она была права.|Здравствуйте! Как дела?|Привет.|Спасибо.|Я не понимаю.|"
        "Что это?|Где туалет?|Сколько это стоит?|Том говорит по-английски.|Мама мыла раму."
    ),
    "cp1251": "Доброго ранку!|Я тебе кохаю.|Добро јутро.|Обичам те.|Къде е тоалетната?|ПРИВЕТ, МИР!",
    "cp1253 iso8859_7": (
        "Καλημέρα!|Γεια σου.|Ναι.|Νίκησες.|Θα δεις.|Ο ήλιος τρώει το ποτάμι.|Τι κάνεις; Καλά, ευχαριστώ.|Σ' αγαπώ."
    ),
    "cp1255": "שלום.|מה שלומך?|אני לא מבין.|כמה זה עולה?",
    "cp1256": "مرحبا|كيف حالك؟|أين الحمام؟|كم الثمن؟|هذه سيارة جديدة.",
    "cp874": "ผมชื่อทอม|ขอบคุณมากครับ|ฉันไม่เข้าใจ|ห้องน้ำอยู่ที่ไหน",
    "cp1252": "été|Nous avons beaucoup à faire.|À bientôt !|Él está aquí.|Não sei.",
}


@pytest.mark.parametrize("encodings", SHORT)
def test_a_guess_at_a_short_text_gives_it_back(encodings):
    for text in SHORT[encodings].split("|"):
        for encoding in encodings.split():
            content = text.encode(encoding)
            guess = guess_encoding(content)
            assert guess is not None, (text, encoding)
            assert content.decode(codec(guess)) == text, (encoding, guess)


def test_marks_of_quotation_do_not_turn_russian_into_greek():
    assert guess_encoding(("Привет, мир! Это «книга» о море. " * 200).encode("cp1251")) == "CP1251"


@pytest.mark.parametrize("name", TEXTS)
def test_a_guess_gives_the_text_back(name):
    text, encodings = TEXTS[name]
    for encoding in encodings.split():
        content = text.encode(encoding, "ignore")
        guess = guess_encoding(content)
        assert guess is not None, encoding
        assert content.decode(codec(guess)) == content.decode(encoding), (encoding, guess)


def test_noise_is_no_text_of_any_encoding():
    rng = np.random.default_rng(0)
    assert sum(guess_encoding(rng.bytes(400)) is not None for _ in range(20)) <= 2
