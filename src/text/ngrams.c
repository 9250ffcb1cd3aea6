/* ngrams.c - a text as hashed word and character n-grams: the features of the embedded encoder and of clustering;
 * see ngrams.h. */
#include "text/ngrams.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS_SEED = 101, PART_SEED = 111 };         /* keep the families apart; words use 1..4 */

int zoo_ngrams_check(const zoo_ngrams *spec, const char *place, zoo_err *err)
{
    if (spec->buckets < 1 || spec->buckets > 1u << 24)
        return zoo_fail(err, ZOO_EFORMAT, "%s: 'buckets' is %u, should be 1 to 16777216", place, spec->buckets);
    if (spec->word_order < 1 || spec->word_order > 4)
        return zoo_fail(err, ZOO_EFORMAT, "%s: 'word_order' is %u, should be 1 to 4", place, spec->word_order);
    if (spec->char_min > spec->char_max || spec->char_max > 8 || (spec->char_max && !spec->char_min))
        return zoo_fail(err, ZOO_EFORMAT,
                        "%s: 'char_min' %u and 'char_max' %u should be 1 to 8, the first not above the second, or both "
                        "0", place, spec->char_min, spec->char_max);
    if (spec->text_limit < 1 || spec->text_limit > 1u << 20)
        return zoo_fail(err, ZOO_EFORMAT, "%s: 'text_limit' is %u, should be 1 to 1048576", place, spec->text_limit);
    return ZOO_OK;
}

size_t zoo_ngrams_max(const zoo_ngrams *spec)
{
    size_t lengths = spec->char_max ? spec->char_max - spec->char_min + 1 : 0;

    /* A word has at most as many characters as bytes of the query, and two marks around it. */
    return (size_t)spec->text_limit * (spec->word_order + 1 + 3 * lengths);
}

/* "<word>" with room behind it for zoo_word_load(), and where each character begins. */
struct marked { char text[ZOO_WORD_SIZE_MAX + 2 + 8]; uint8_t starts[ZOO_WORD_SIZE_MAX + 3]; size_t chars; };

static void mark(struct marked *m, const char *word, size_t size)
{
    m->text[0] = '<';
    memcpy(m->text + 1, word, size);
    m->text[size + 1] = '>';
    memset(m->text + size + 2, 0, 8);
    m->chars = 0;
    for (size_t i = 0; i < size + 2; i++)
        if (((unsigned char)m->text[i] & 0xc0) != 0x80)
            m->starts[m->chars++] = (uint8_t)i;
    m->starts[m->chars] = (uint8_t)(size + 2);
}

static size_t word_parts(const zoo_ngrams *spec, const zoo_word *word, const char *text, uint32_t *rows)
{
    struct marked m;
    size_t n = 0;

    mark(&m, text + word->start, word->size);
    for (size_t length = spec->char_min; length <= spec->char_max && length < m.chars; length++)
        for (size_t i = 0; i + length <= m.chars; i++) {
            size_t from = m.starts[i], to = m.starts[i + length];
            rows[n++] = zoo_ngrams_row(spec->buckets, zoo_word_hash(m.text + from, to - from, PART_SEED));
        }
    return n;
}

size_t zoo_ngrams_word(const zoo_ngrams *spec, const zoo_words *words, size_t i, uint32_t *rows)
{
    const zoo_word *word = &words->items[i];

    rows[0] = zoo_ngrams_row(spec->buckets, word->hash);
    if (word->kind == ZOO_WORD_LETTERS && spec->char_max)
        return 1 + word_parts(spec, word, words->text, rows + 1);
    if (word->kind != ZOO_WORD_NUMBER)
        return 1;
    rows[1] = zoo_ngrams_row(spec->buckets, zoo_word_mix((uint64_t)word->size << 32 | DIGITS_SEED));
    return 2;
}

float zoo_ngrams_scale(size_t n)
{
    return n ? 1.0f / sqrtf((float)n) : 0.0f;
}

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

size_t zoo_ngrams_list(const zoo_ngrams *spec, const zoo_words *words, uint32_t *rows, zoo_ngram_span *spans)
{
    size_t n = 0;

    for (size_t i = 0; i < words->count; i++) {
        const zoo_word *word = &words->items[i];
        uint64_t run = word->hash;
        size_t alone = zoo_ngrams_word(spec, words, i, rows + n);
        for (size_t j = 0; spans && j < alone; j++)
            spans[n + j] = (zoo_ngram_span){ word->hash, rows[n + j], word->start, word->size };
        n += alone;
        for (size_t j = 1; j < spec->word_order && i + j < words->count; j++, n++) {
            run = zoo_ngrams_join(run, word[j].hash);
            rows[n] = zoo_ngrams_row(spec->buckets, run);
            if (spans)
                spans[n] = (zoo_ngram_span){ run, rows[n], word->start, word[j].start + word[j].size - word->start };
        }
    }
    return n;
}

size_t zoo_ngrams_extract(const zoo_ngrams *spec, zoo_words *words, const char *s, size_t size, uint32_t *rows,
                          float *weights)
{
    size_t n, distinct = 0;
    float scale;

    zoo_words_scan(words, s, size);
    n = zoo_ngrams_list(spec, words, rows, NULL);
    qsort(rows, n, sizeof *rows, ascending);
    scale = zoo_ngrams_scale(n);
    for (size_t i = 0, next; i < n; i = next) {
        for (next = i + 1; next < n && rows[next] == rows[i]; next++)
            ;
        weights[distinct] = (float)(next - i) * scale;
        rows[distinct++] = rows[i];
    }
    return distinct;
}
