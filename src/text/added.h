/* added.h - tokens that stand in the text as they are ("[SEP]", "<|user|>"): found before the model sees what is
 * between them. Those that are not normalised are looked for in the user's text,
 * the others in what normalisation made of it.
 * Layer: text -> base. Threads: immutable once built. */
#ifndef ZOO_TEXT_ADDED_H
#define ZOO_TEXT_ADDED_H
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "text/trie.h"

enum { ZOO_ADDED_MAX = 1 << 14 };

typedef struct zoo_added_token {
    char *content;                  /* owned */
    uint32_t size, id;
    uint8_t single_word, lstrip, rstrip, normalized, special;
} zoo_added_token;

/* One set of patterns, all looked for at once. */
typedef struct zoo_added_set {
    zoo_trie trie;                  /* pattern to zoo_added_rank() of its token */
    uint8_t begins[256];            /* some pattern begins with this byte */
    size_t count;
} zoo_added_set;

typedef struct zoo_added {
    zoo_added_token *tokens;
    size_t count, capacity;
    zoo_added_set raw, normalized;
    int has_space;                  /* some pattern contains one */
    int has_letter_first;           /* some pattern begins with an ASCII letter or digit, or beyond ASCII */
} zoo_added;

/* A token in the text: [start, end) with the space that it takes along. */
typedef struct zoo_added_match { size_t start, end, next; uint32_t id; } zoo_added_match;

void zoo_added_release(zoo_added *added);
/* Copies the content; a token of the same content is replaced. ZOO_ENOMEM, ZOO_EFORMAT: too many or too long. */
int zoo_added_put(zoo_added *added, const zoo_added_token *token, zoo_err *err);
const zoo_added_token *zoo_added_find(const zoo_added *added, const char *content, size_t size);
/* Of equal patterns the first token's counts, and a trie keeps the highest value: its own inverse. */
static inline uint32_t zoo_added_rank(size_t index)
{
    return (uint32_t)(ZOO_ADDED_MAX - index);
}

/* The first token in text[from..size); what lies before `from` is seen where a token wants to know its neighbours, but
 * belongs to nobody. match->next is where to look on. 0: none. */
int zoo_added_next(const zoo_added *added, const zoo_added_set *set, const char *text, size_t size, size_t from,
                   size_t taken, zoo_added_match *match);
#endif
