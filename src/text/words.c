/* words.c - a text as lower-cased words: runs of letters, runs of digits, and every punctuation mark, symbol and CJK
 * character by itself; see words.h. */
#include "text/words.h"
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>
#include "base/utf8.h"

enum { SPACE, LETTER, DIGIT, MARK, CJK, HIGH };       /* classes of characters; HIGH: look at the code point */
enum { REPLACEMENT = 0xfffd, SLACK = 8 };

#define L LETTER
#define D DIGIT
#define M MARK
static const uint8_t ascii_class[128] = {
    0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0, 0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,
    0,M,M,M,M,M,M,M,M,M,M,M,M,M,M,M, D,D,D,D,D,D,D,D,D,D,M,M,M,M,M,M,
    M,L,L,L,L,L,L,L,L,L,L,L,L,L,L,L, L,L,L,L,L,L,L,L,L,L,L,M,M,M,M,M,
    M,L,L,L,L,L,L,L,L,L,L,L,L,L,L,L, L,L,L,L,L,L,L,L,L,L,L,M,M,M,M,0
};
#undef L
#undef D
#undef M

int zoo_words_init(zoo_words *words, size_t limit, zoo_err *err)
{
    memset(words, 0, sizeof *words);
    if (limit < 1 || limit > (size_t)1 << 30)
        return zoo_fail(err, ZOO_EUSAGE, "a text limit of %zu bytes is outside 1 to 2^30", limit);
    words->limit = limit;
    words->text = calloc(1, 3 * limit + SLACK);   /* a bad byte becomes the three of U+FFFD; lower case grows by less */
    words->items = malloc(limit * sizeof *words->items);
    if (words->text && words->items)
        return ZOO_OK;
    zoo_words_release(words);
    return zoo_fail_nomem(err);
}

void zoo_words_release(zoo_words *words)
{
    free(words->text);
    free(words->items);
    memset(words, 0, sizeof *words);
}

static int is_cjk(uint32_t c)
{
    return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3040 && c <= 0x31bf) || (c >= 0x3400 && c <= 0x4dbf) ||
           (c >= 0x2e80 && c <= 0x2fdf) || (c >= 0xf900 && c <= 0xfaff) || (c >= 0xff66 && c <= 0xff9f) ||
           (c >= 0x20000 && c <= 0x3ffff);
}

/* The class of a code point past ASCII; *c is lower-cased and, where it is full-width ASCII, made plain. */
static int classify(uint32_t *c)
{
    if (is_cjk(*c))
        return CJK;
    if (*c >= 0xff01 && *c <= 0xff5e) {
        *c -= 0xff01 - '!';
        if (ascii_class[*c] == LETTER)
            *c |= 0x20;
        return ascii_class[*c];
    }
    switch (utf8proc_category((utf8proc_int32_t)*c)) {
    case UTF8PROC_CATEGORY_LU: case UTF8PROC_CATEGORY_LT:
        *c = (uint32_t)utf8proc_tolower((utf8proc_int32_t)*c);
        return LETTER;
    case UTF8PROC_CATEGORY_LL: case UTF8PROC_CATEGORY_LM: case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN: case UTF8PROC_CATEGORY_MC: case UTF8PROC_CATEGORY_ME:
        return LETTER;
    case UTF8PROC_CATEGORY_ND: case UTF8PROC_CATEGORY_NL: case UTF8PROC_CATEGORY_NO:
        return DIGIT;
    case UTF8PROC_CATEGORY_ZS: case UTF8PROC_CATEGORY_ZL: case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_CC: case UTF8PROC_CATEGORY_CF: case UTF8PROC_CATEGORY_CS: case UTF8PROC_CATEGORY_CN:
        return SPACE;
    default:
        return MARK;
    }
}

static const uint16_t kind_of[] = { [LETTER] = ZOO_WORD_LETTERS, [DIGIT] = ZOO_WORD_NUMBER, [MARK] = ZOO_WORD_MARK,
                                    [CJK] = ZOO_WORD_CJK };

/* One character at s[i..limit): *used bytes become *wrote bytes at `to`; returns the class. */
static int read_char(const char *s, size_t size, char *to, size_t *used, size_t *wrote)
{
    unsigned char first = (unsigned char)*s;
    uint32_t code;
    int class;

    if (first < 0x80) {
        class = ascii_class[first];
        *to = (char)(first >= 'A' && first <= 'Z' ? first | 0x20 : first);
        *used = *wrote = 1;
        return class;
    }
    code = zoo_utf8_next(s, size, used);
    if (code == ZOO_UTF8_BAD)
        code = REPLACEMENT;
    class = classify(&code);
    *wrote = zoo_utf8_put(to, code);
    return class;
}

void zoo_words_scan(zoo_words *words, const char *s, size_t size)
{
    size_t end = zoo_utf8_cut(s, size, words->limit), at = 0, used, wrote;
    char *to = words->text;
    zoo_word *word = words->items;
    int open = SPACE;                                  /* the class of the run that the next character may join */

    for (size_t i = 0; i < end; i += used) {
        int class = read_char(s + i, end - i, to + at, &used, &wrote);
        if (class == SPACE) {
            if (at && to[at - 1] != ' ')
                to[at++] = ' ';
            open = SPACE;
            continue;
        }
        if (class == open && (size_t)(word[-1].size + wrote) <= ZOO_WORD_SIZE_MAX) {
            word[-1].size = (uint16_t)(word[-1].size + wrote);
        } else {
            word->start = (uint32_t)at;
            word->size = (uint16_t)wrote;
            word->kind = kind_of[class];
            word++;
            open = class == LETTER || class == DIGIT ? class : SPACE;
        }
        at += wrote;
    }
    memset(to + at, 0, SLACK);
    words->read = end;
    words->count = (size_t)(word - words->items);
    for (word = words->items; word < words->items + words->count; word++)
        word->hash = zoo_word_hash(to + word->start, word->size, word->kind + 1u);
}
