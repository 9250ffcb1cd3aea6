/* wordpiece.h - BERT's WordPiece: the longest piece that begins a word, then the longest continuing pieces.
 * Layer: text -> base. Threads: immutable. */
#ifndef ZOO_TEXT_WORDPIECE_H
#define ZOO_TEXT_WORDPIECE_H
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "text/id_list.h"
#include "text/trie.h"

typedef struct zoo_wordpiece {
    zoo_trie trie;                      /* every piece, continuing ones with their prefix */
    uint32_t continuing;                /* node behind the prefix; ZOO_TRIE_NONE: no piece has it */
    uint32_t unknown;                   /* id; ZOO_TRIE_NONE: none, text it would be needed for is an error */
    size_t chars_max;                   /* a longer word is unknown */
} zoo_wordpiece;

/* Once the trie is built. */
void zoo_wordpiece_begin(zoo_wordpiece *model, const char *prefix, size_t size);
void zoo_wordpiece_release(zoo_wordpiece *model);
/* Adds the ids of word[0..size), which is UTF-8, to `list`. ZOO_ENOMEM; ZOO_EFORMAT: an unknown word,
 * and no id for it. */
int zoo_wordpiece_encode(const zoo_wordpiece *model, const char *word, size_t size, zoo_id_list *list, zoo_err *err);
#endif
