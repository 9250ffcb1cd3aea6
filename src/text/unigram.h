/* unigram.h - SentencePiece's Unigram model: the split of a word into pieces with the highest sum of scores (Viterbi).
 *
 * Of equal sums the path found first stays, as in both references: at each end the longest last piece. The references
 * differ in their arithmetic, and so in which sums are equal: `tokenizers` sums doubles, word by word; sentencepiece
 * sums into floats over the whole text. In the text of a word the model's space symbol
 * stands as the one byte ZOO_SPACE_MARK.
 * Layer: text -> base. Threads: a model is immutable, a path has one owner. */
#ifndef ZOO_TEXT_UNIGRAM_H
#define ZOO_TEXT_UNIGRAM_H
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "text/id_list.h"
#include "text/pieces.h"

#define ZOO_SPACE_MARK 0xff             /* no byte of UTF-8 */

typedef struct zoo_unigram {
    zoo_trie trie;                      /* pieces that text may become */
    zoo_trie unmatched;                 /* pieces that it may not, but that have a name */
    const zoo_piece *pieces;            /* scores, by id; borrowed */
    double unknown_score;
    uint32_t unknown;                   /* id; ZOO_TRIE_NONE: none, text it would be needed for is an error */
    int is_single;                      /* sentencepiece's arithmetic */
    int has_bytes;                      /* unknown text becomes `bytes` */
    uint32_t bytes[256];                /* ids */
    char space[4];                      /* what the mark stands for */
    size_t space_size;
} zoo_unigram;

typedef struct zoo_unigram_node {
    union { double score; uint32_t next; } best;      /* next: once the path is known */
    uint32_t start, id;
} zoo_unigram_node;

typedef struct zoo_unigram_path {
    zoo_unigram_node *nodes;
    size_t capacity;
    double carried;          /* where is_single: the sum so far, of words that belong to one text; 0 begins a new one */
} zoo_unigram_path;

/* `s` with the space symbol as the mark, in place; returns its bytes. */
size_t zoo_unigram_mark_spaces(const zoo_unigram *model, char *s, size_t size);
void zoo_unigram_release(zoo_unigram *model);
void zoo_unigram_path_release(zoo_unigram_path *path);
/* Adds the ids of word[0..size) to `list`, until that is full. ZOO_ENOMEM; ZOO_EFORMAT: unknown text,
 * and no id for it. */
int zoo_unigram_encode(const zoo_unigram *model, zoo_unigram_path *path, const char *word, size_t size,
                       zoo_id_list *list, zoo_err *err);
#endif
