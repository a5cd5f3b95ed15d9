"""Text as a string of script marks, one byte per character, and what a mark costs in tokens.

A byte-pair tokenizer spends about one token on a common English word, one on two Chinese
characters, and nearly one per accented letter; so length alone says little. The prices below were
fitted to the o200k vocabulary on real prompts, source code and sentences of ninety languages.
They are in thousandths of a token, so that sums are exact.
"""

from bisect import bisect_right
from collections.abc import Mapping
from unicodedata import category

# Marks. Latin letters keep their case because `fooBar` is two words to a tokenizer.
LOWER, UPPER, ACCENTED, VIETNAMESE = b"a", b"A", b"e", b"o"
DIGIT, SPACE, LINE, SIGN = b"0", b" ", b"\n", b"."
GREEK, CYRILLIC, GEORGIAN, HEBREW, ARABIC = b"g", b"c", b"k", b"h", b"r"
INDIC, THAI, TIBETAN = b"d", b"t", b"m"
KANA, HAN, RARE_HAN, HANGUL = b"j", b"H", b"R", b"K"
PUNCTUATION, EMOJI, OTHER = b",", b"!", b"*"


def table(marks: Mapping[bytes, bytes], *, others: bytes) -> bytes:
    """For `bytes.translate`: the keys' bytes become their value, all the `others` that one."""
    found = bytearray(others * 256)
    for sources, mark in marks.items():
        for source in sources:
            found[source] = mark[0]
    return bytes(found)


_ASCII = table(
    {
        bytes(range(ord("a"), ord("z") + 1)): LOWER,
        bytes(range(ord("A"), ord("Z") + 1)): UPPER,
        b"0123456789": DIGIT,
        b"\n\r\t\v\f": LINE,
        b" ": SPACE,
    },
    others=SIGN,
)

# First code point of a range, its mark. A range ends where the next begins.
_RANGES = (
    (0x80, OTHER),
    (0xC0, ACCENTED),
    (0x250, OTHER),
    (0x300, ACCENTED),  # combining accents
    (0x370, GREEK),
    (0x400, CYRILLIC),
    (0x530, GEORGIAN),  # Armenian
    (0x590, HEBREW),
    (0x600, ARABIC),
    (0x780, OTHER),
    (0x900, INDIC),  # Devanagari and the other scripts of India
    (0xE00, THAI),  # Thai, Lao
    (0xF00, TIBETAN),  # Tibetan, Burmese
    (0x10A0, GEORGIAN),
    (0x1100, OTHER),
    (0x1780, TIBETAN),  # Khmer
    (0x1800, OTHER),
    (0x1E00, VIETNAMESE),
    (0x1F00, GREEK),
    (0x2000, PUNCTUATION),  # typographic and CJK punctuation, arrows, symbols
    (0x2C00, OTHER),
    (0x3000, PUNCTUATION),
    (0x3040, KANA),
    (0x3100, OTHER),
    (0x3400, RARE_HAN),
    (0x4E00, HAN),
    (0xA000, OTHER),
    (0xAC00, HANGUL),
    (0xD7B0, OTHER),
    (0xF900, RARE_HAN),
    (0xFB00, OTHER),
    (0xFE30, PUNCTUATION),
    (0xFF66, KANA),
    (0xFFA0, OTHER),
    (0x1F000, EMOJI),
    (0x20000, RARE_HAN),
)

# Thousandths of a token per character, besides what its word costs.
PER_ASCII = {LOWER: 155, UPPER: 155, SIGN: 100}
PER_CHARACTER = {
    ACCENTED: 1000,
    VIETNAMESE: 100,
    GREEK: 280,
    CYRILLIC: 150,
    GEORGIAN: 370,
    HEBREW: 330,
    ARABIC: 350,
    INDIC: 370,
    THAI: 400,
    TIBETAN: 600,
    KANA: 700,
    HAN: 720,
    HANGUL: 580,
    RARE_HAN: 2000,
    PUNCTUATION: 1000,
    EMOJI: 2000,
    OTHER: 1200,
}

# The same per run of such characters; Latin words, numbers, signs and gaps are in tokens.py.
PER_RUN = {GREEK: 900, CYRILLIC: 850, HEBREW: 500, HANGUL: 500}


_STARTS = [first for first, _ in _RANGES]


class _Marks(dict[int, int]):
    """Code point -> mark. Remembers what it looked up, of the commonest 65,536 code points."""

    def __missing__(self, code: int) -> int:
        mark = _RANGES[bisect_right(_STARTS, code) - 1][1]
        if mark == ACCENTED and category(chr(code))[0] not in "LM":
            mark = OTHER  # × and ÷
        if code < 0x10000:
            self[code] = mark[0]
        return mark[0]


_MARKS = _Marks(enumerate(_ASCII[:128]))


def marks(text: str) -> bytes:
    """`text` with every character replaced by its script mark; same length."""
    if text.isascii():
        return text.encode().translate(_ASCII)
    return text.translate(_MARKS).encode()
