/* words.h - a text as lower-cased words: runs of letters, runs of digits, and every punctuation mark, symbol and CJK
 * character by itself. Space parts words and is none.
 *
 *     zoo_words words;
 *     zoo_words_init(&words, ZOO_TEXT_LIMIT, &err);
 *     zoo_words_scan(&words, query, size);
 *     for (size_t i = 0; i < words.count; i++) ... words.text + words.items[i].start, words.items[i].size
 *     zoo_words_release(&words);
 *
 * Bytes that are not UTF-8 are read as U+FFFD, a mark; full-width forms of ASCII are read as ASCII. The hash of a word
 * is part of the format of trained routers: it must never change.
 * Layer: text -> base. Threads: one owner. Scanning allocates nothing. */
#ifndef ZOO_TEXT_WORDS_H
#define ZOO_TEXT_WORDS_H
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

#define ZOO_WORD_SIZE_MAX 64        /* bytes; a longer run of letters or digits becomes several words */

enum zoo_word_kind { ZOO_WORD_LETTERS, ZOO_WORD_NUMBER, ZOO_WORD_MARK, ZOO_WORD_CJK };

typedef struct zoo_word {
    uint64_t hash;                  /* of the lower-cased bytes and the kind */
    uint32_t start;                 /* byte in zoo_words.text */
    uint16_t size;                  /* bytes, 1..ZOO_WORD_SIZE_MAX */
    uint16_t kind;                  /* enum zoo_word_kind */
} zoo_word;

typedef struct zoo_words {
    char *text;                     /* lower-cased, runs of space as one ' '; 8 readable bytes follow every word */
    zoo_word *items;
    size_t count;
    size_t read;                    /* bytes of the query that were read, <= limit */
    size_t limit;
} zoo_words;

/* Memory for texts of up to `limit` bytes (1 to 2^30); of longer ones only the beginning is read. */
int zoo_words_init(zoo_words *words, size_t limit, zoo_err *err);
void zoo_words_release(zoo_words *words);
/* Replaces text and items by those of s[0..size). */
void zoo_words_scan(zoo_words *words, const char *s, size_t size);

/* The first `size` (0..8) bytes at `s` as a little-endian number; 8 bytes must be readable. */
static inline uint64_t zoo_word_load(const char *s, size_t size)
{
    uint64_t x = 0;

    __builtin_memcpy(&x, s, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = __builtin_bswap64(x);
#endif
    return size >= 8 ? x : x & ((UINT64_C(1) << 8 * size) - 1);
}

/* Scrambles x: every bit of it reaches every bit of the result. */
static inline uint64_t zoo_word_mix(uint64_t x)
{
    x = (x ^ x >> 32) * UINT64_C(0xd6e8feb86659fd93);
    x = (x ^ x >> 32) * UINT64_C(0xd6e8feb86659fd93);
    return x ^ x >> 32;
}

/* Hash of s[0..size), 8 bytes behind it readable; `seed` keeps families of n-grams apart. */
static inline uint64_t zoo_word_hash(const char *s, size_t size, uint64_t seed)
{
    uint64_t h = seed * UINT64_C(0x9e3779b97f4a7c15) + size;

    for (; size > 8; s += 8, size -= 8)
        h = zoo_word_mix(h ^ zoo_word_load(s, 8)) + seed;
    return zoo_word_mix(h ^ zoo_word_load(s, size));
}
#endif
