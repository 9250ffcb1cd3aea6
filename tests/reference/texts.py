"""Texts that try a tokenizer: every kind of code point, and what people and attackers put together of them. Seeded."""
import random

SPACES = " \t\n\r\v\f\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000" \
         "\u2001\u2005\u2009\u200a\u200b\u200c\u200d\u2028\u2029\u202f\u205f\u2060\u3000\ufeff\u2581"
MARKS = [chr(c) for c in (*range(0x300, 0x370), *range(0x591, 0x5BE), *range(0x64B, 0x660), 0x93C, 0x94D, 0x93E, 0x903,
                          0xE31, 0xE33, 0x20D0, 0x20E3, 0xFE0F, 0xFE0E, 0x1D165, 0x1D16D, 0xE0100, 0x3099, 0x302E,
                          0x1AB0, 0x1DF6, 0x11046)]
WORDS = ("the quick brown fox jumps over a lazy dog Write Explain function linked list Straße ÉCOLE İstanbul ΣΊΣΥΦΟΣ "
         "naïve ﬁnance ½ ² ① ｆｕｌｌ "
         "…… 你好世界 東京都 한국어 ไทยน้ำ हिन्दी עִבְרִית العربية ‏RTL‎ русский язык ǅ Ǆ ŀ ﷺ ㍿ ℌ ™ ﹏ ~ ` ' \" don't it's C++ "
         "x=y+1; 3.14 1,000 "
         "http://a.b/c?d=e#f <p>&amp;</p> \\n \\u0041 {\"a\":[1]}").split(" ")
EMOJI = ["👍", "👍🏽", "👩‍👩‍👧‍👦", "🇫🇷", "🇫🇷🇩", "❤️", "☃", "©️", "©\u200d©", "®\u200d❤️", "1️⃣", "#️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🧑🏾‍💻"]
JAMO = [chr(c) for c in (*range(0x1100, 0x1113), *range(0x1161, 0x1176), *range(0x11A8, 0x11C3), 0xAC00, 0xAC01, 0xD7A3,
                         0xA960, 0xD7B0, 0xD7CB)]
LITERALS = ["[CLS]", "[SEP]", "[MASK]", "[PAD]", "[UNK]", "[cls]", "[UNK", "]", "##ing", "<unk>", "<0x41>", "<|user|>",
            " <|user|> "]
PREPENDS = ["\u0600", "\u06dd", "\u070f", "\u0d4e", "\U000110bd", "\U00011a3a"]


def any_code(rng):
    while True:
        c = rng.choice((rng.randrange(0x80), rng.randrange(0x800), rng.randrange(0x3000), rng.randrange(0x10000),
                        rng.randrange(0x10000), rng.randrange(0x10000, 0x20000), rng.randrange(0x1D000, 0x20000),
                        rng.randrange(0x110000)))
        if not 0xD800 <= c <= 0xDFFF:
            return chr(c)


def bit(rng, pieces):
    kind = rng.randrange(16)
    if kind < 4:
        return rng.choice(WORDS)
    if kind == 4:
        return rng.choice(SPACES) * rng.choice((1, 1, 2, 5))
    if kind == 5:
        return rng.choice("aeiouAEnKﬁ…½①ｆ가") + "".join(rng.choice(MARKS) for _ in range(rng.choice((1, 1, 2, 3))))
    if kind == 6:
        return rng.choice(EMOJI)
    if kind == 7:
        return "".join(rng.choice(JAMO) for _ in range(rng.randint(1, 4)))
    if kind == 8:
        return rng.choice(LITERALS)
    if kind == 9:
        return rng.choice(PREPENDS) + rng.choice(("a", "ﬁ", "é", "\u1100\u1161", " ", "\r\n", "🇫"))
    if kind == 10:
        return rng.choice(["\r\n", "\n", "\x00", "\x01", "\x7f", "\x80", "\xad", "\ufffd", "\ue000", "\uffff",
                           "\U000e0001", "\U0010ffff"])
    if kind < 13:
        return rng.choice(pieces).replace("\u2581", " ")
    return "".join(any_code(rng) for _ in range(rng.randint(1, 4)))


def text(rng, pieces):
    joint = rng.choice((" ", " ", "", "", "  "))
    return joint.join(bit(rng, pieces) for _ in range(rng.choice((0, 1, 1, 2, 3, 5, 8, 20))))


LONG = ["a" * 5000, "ab " * 2000, " " * 3000, "\u0301" * 3000, "e\u0301\u0316" * 1500, "你" * 3000, "🏽" * 500,
        "\u200d" * 999, "x" * 100, "x" * 101,
        "é" * 100, "é" * 101, "." * 1000, "[MASK]" * 300, "\u2581" * 400, "\r\n" * 500, "ﷺ" * 300,
        "\u1100\u1161\u11a8" * 400]


def book(rng, pieces, size):
    """Beyond the sizes at which a text is read in parts and a word in windows;
    mostly words with one space between them."""
    parts = []
    while sum(map(len, parts)) < size:
        parts.append(rng.choice((" ", " ", " ", "  ", "")) + (rng.choice(WORDS) if rng.random() < 0.9
                                                              else text(rng, pieces)))
    return "".join(parts)


def texts(seed, n, pieces, with_books=False):
    rng = random.Random(seed)
    some = [text(rng, pieces) for _ in range(n)]
    if with_books:
        some += ["".join(rng.choice("abcdeé你好.") for _ in range(40000)), "".join(any_code(rng) for _ in range(20000))]
        some += [book(rng, pieces, 20000) for _ in range(12)]
    return LONG + some


def cases(seed, n, pieces, with_books=False):
    """Rows as the tokenize program reads them: alone, in pairs, cut."""
    rng = random.Random(seed + 1)
    rows = [{"text": t} for t in texts(seed, n, pieces, with_books)]
    for row in rows:
        if rng.random() < 0.3:
            row["pair"] = text(rng, pieces)
        if rng.random() < 0.3:
            row["max_length"] = rng.choice((3, 4, 5, 6, 7, 8, 12, 13, 30, 31, 512))
    return rows
