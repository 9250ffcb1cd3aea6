/* ngrams.h - a text as hashed word and character n-grams: the features of the embedded encoder and of clustering.
 *
 *     zoo_ngrams spec = ZOO_NGRAMS_DEFAULT;
 *     zoo_words words;                                                 // zoo_words_init(&words, spec.text_limit, &err)
 *     uint32_t *rows = malloc(zoo_ngrams_max(&spec) * sizeof *rows);   // and as many weights
 *     size_t n = zoo_ngrams_extract(&spec, &words, query, size, rows, weights);
 *
 * The n-grams of a text: every word (words.h); where word_order > 1 every run of 2..word_order neighbouring words;
 * every run of char_min..char_max characters inside a word of letters with a mark before and behind it ("<the>": "<th",
 * "the", "he>"), except the whole; and for a number its count of digits. Each is hashed to one of `buckets` rows. Its
 * weight is (how often it occurs) / sqrt(n-grams of the text): a short text says less than a long one, without length
 * drowning the rest. The hashes are part of the format of trained routers: they must never change.
 * Layer: text -> base. Threads: pure functions over the caller's memory. */
#ifndef ZOO_TEXT_NGRAMS_H
#define ZOO_TEXT_NGRAMS_H
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "text/words.h"

/* Bytes of a query that are read, in training, routing and serving alike; cut at a code point's edge. */
#define ZOO_TEXT_LIMIT 4096

typedef struct zoo_ngrams {
    uint32_t buckets;                       /* 1..2^24 */
    uint32_t word_order;                    /* 1..4 */
    uint32_t char_min, char_max;            /* 1 <= char_min <= char_max <= 8; both 0: no character n-grams */
    uint32_t text_limit;                    /* bytes, 1..2^20 */
} zoo_ngrams;

#define ZOO_NGRAMS_DEFAULT { .buckets = 1u << 16, .word_order = 2, .char_min = 3, .char_max = 4, \
                             .text_limit = ZOO_TEXT_LIMIT }

/* An n-gram and the words that it comes from, for explanations. What comes from one word, alone, has one group and the
 * place of that word; so has what comes from one run of words. */
typedef struct zoo_ngram_span {
    uint64_t group;
    uint32_t row, start, size;              /* place in zoo_words.text */
} zoo_ngram_span;

enum { ZOO_NGRAMS_WORD_MAX = 1 + 8 * (ZOO_WORD_SIZE_MAX + 2) };        /* n-grams of one word by itself */

/* ZOO_EFORMAT with a sentence that begins with `place` where a number is outside its range. */
int zoo_ngrams_check(const zoo_ngrams *spec, const char *place, zoo_err *err);
/* No text has more n-grams than this. */
size_t zoo_ngrams_max(const zoo_ngrams *spec);

/* Scans s[0..size) into `words` (initialised with spec->text_limit) and writes its distinct n-grams, ascending by row,
 * with their weights to rows and weights [0..zoo_ngrams_max()); returns how many. */
size_t zoo_ngrams_extract(const zoo_ngrams *spec, zoo_words *words, const char *s, size_t size, uint32_t *rows,
                          float *weights);

/* The weight of one occurrence in a text of n n-grams: 1 / sqrt(n). */
float zoo_ngrams_scale(size_t n);

/* Every n-gram of words that are already scanned, in the order in which they stand, into rows[0..zoo_ngrams_max()) and,
 * where not NULL, spans; returns how many. */
size_t zoo_ngrams_list(const zoo_ngrams *spec, const zoo_words *words, uint32_t *rows, zoo_ngram_span *spans);

/* Rows of the n-grams of word i by itself into rows[0..ZOO_NGRAMS_WORD_MAX); returns how many, at least 1. */
size_t zoo_ngrams_word(const zoo_ngrams *spec, const zoo_words *words, size_t i, uint32_t *rows);

/* The row of a hash. */
static inline uint32_t zoo_ngrams_row(uint32_t buckets, uint64_t hash)
{
    return (uint32_t)(((hash >> 32) * buckets) >> 32);
}

/* Hash of a run of words and one word more; begin with the first word's hash. */
static inline uint64_t zoo_ngrams_join(uint64_t run, uint64_t next)
{
    return zoo_word_mix(run * UINT64_C(0x9e3779b97f4a7c15) + next);
}
#endif
