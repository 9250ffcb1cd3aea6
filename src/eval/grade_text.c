/* grade_text.c - folding and markers: one table of words that announce an answer,
 * in the languages that routers meet most. */
#include "eval/grade_text.h"
#include <string.h>
#include "base/utf8.h"

/* What announces an answer, in lower case. Those that end in a letter or '是' may be followed by a colon. */
static const char *const markers[] = {
    "answer is", "answer:", "answer=", "answer would be", "answer should be", "answer**:", "answer:**", "result is",
        "result:",
    "option is", "choice is", "####", "\\boxed{", "\\boxed ",
    "答案是", "答案为", "答案應為", "答案应为", "答案:", "答案应该是", "結果是", "结果是", "结果为", "答:",
    "respuesta es", "respuesta:", "respuesta correcta es", "respuesta final es", "resultado es", "resultado:",
    "réponse est", "réponse:", "réponse :", "réponse correcte est", "réponse finale est", "résultat est", "résultat :",
    "antwort ist", "antwort lautet", "antwort:", "ergebnis ist", "ergebnis:", "ergebnis lautet",
    "resposta é", "resposta:", "resposta correta é", "risposta è", "risposta:", "risposta corretta è",
    "ответ:", "ответ -", "ответ —", "答えは", "答え:", "正解は", "정답은", "정답:", "답은", "답:",
};

static uint32_t fold_digit(uint32_t code)
{
    static const uint32_t zeros[] = { 0x660, 0x6f0, 0x966, 0x9e6, 0xff10 };

    for (size_t i = 0; i < sizeof zeros / sizeof *zeros; i++)
        if (code >= zeros[i] && code <= zeros[i] + 9)
            return '0' + (code - zeros[i]);
    return 0;
}

static uint32_t fold(uint32_t code)
{
    uint32_t digit = fold_digit(code);

    if (digit)
        return digit;
    if (code >= 0xff01 && code <= 0xff5e)
        return code - 0xff01 + '!';
    switch (code) {
    case 0x2212: case 0x2010: case 0x2011: return '-';
    case 0x2009: case 0x202f: case 0xa0: case 0x2019: return '\'';
    case 0x66b: return '.';
    case 0x66c: return ',';
    case 0x3000: return ' ';
    default: return code;
    }
}

int zoo_grade_fold(zoo_buf *out, const char *text, size_t size)
{
    int after_wide_digit = 0, rc = zoo_buf_reserve(out, size);

    for (size_t i = 0, used; !rc && i < size; i += used) {
        uint32_t code = zoo_utf8_next(text + i, size - i, &used), as = code == ZOO_UTF8_BAD || !code ? '?' : fold(code);
        char bytes[4];

        rc = zoo_buf_add(out, bytes, zoo_utf8_put(bytes, as));
        if (!rc && code == 0xff0c && !after_wide_digit)          /* "，" parts clauses unless its digits are wide too */
            rc = zoo_buf_add(out, " ", 1);
        after_wide_digit = code >= 0xff10 && code <= 0xff19;
    }
    return rc ? rc : zoo_buf_add(out, "", 0);
}

/* Lower-cases for the markers' alphabets: Latin, with accents that they use; Cyrillic. */
static int same_letter(const char *a, const char *lower, size_t *used_a, size_t *used_b)
{
    uint32_t x = zoo_utf8_next(a, strnlen(a, 4), used_a);
    uint32_t y = zoo_utf8_next(lower, strnlen(lower, 4), used_b);

    if ((x >= 'A' && x <= 'Z') || (x >= 0xc0 && x <= 0xde) || (x >= 0x410 && x <= 0x42f))
        x += 0x20;
    return x == y;
}

/* Bytes of `text` that the marker covers from its start; 0: it is not there. */
static size_t match(const char *text, const char *marker)
{
    const char *at = text;
    size_t used_a, used_b;

    while (*marker) {
        if (!*at || !same_letter(at, marker, &used_a, &used_b))
            return 0;
        at += used_a;
        marker += used_b;
    }
    return (size_t)(at - text);
}

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 0x20 : c);
}

/* Bytes of the longest marker at `at`, or 0. Only ASCII letters change their first byte with their case,
 * of those that begin one. */
static size_t longest_match(const char *at)
{
    size_t longest = 0;

    for (size_t i = 0; i < sizeof markers / sizeof *markers; i++) {
        size_t n = lower(*at) == (unsigned char)markers[i][0] ? match(at, markers[i]) : 0;
        if (n > longest)
            longest = n;
    }
    return longest;
}

const char *zoo_grade_statement(const char *text)
{
    const char *last = NULL;
    unsigned char is_first[256] = { 0 };

    for (size_t i = 0; i < sizeof markers / sizeof *markers; i++)
        is_first[(unsigned char)markers[i][0]] = 1;
    for (const char *at = text; *at; at++) {
        size_t n = is_first[lower(*at)] ? longest_match(at) : 0;
        if (n) {
            last = at + n;
            at = last - 1;
        }
    }
    return last ? last + strspn(last, ":* \t\r\n") : NULL;
}
