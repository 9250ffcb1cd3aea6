/* tokenizer.h - text to the ids an encoder was trained with: SentencePiece Unigram and WordPiece,
 * as the checkpoint's folder says.
 *
 *     zoo_tokenizer *t;
 *     zoo_tokenization *work;
 *     zoo_tokenizer_open(&t, "my-router", &err);    // tokenizer.json decides; else spm.model; else vocab.txt
 *     zoo_tokenization_new(&work, t, &err);
 *     zoo_tokenizer_encode(t, work, text, size, NULL, 0, 512, &ids, &err);
 *
 * Ids are exactly those of `transformers` on the same folder. Bytes that are not UTF-8 are read as U+FFFD.
 * Layer: text -> base. Threads: a tokenizer is immutable once open; a tokenization has one owner. Nothing is allocated
 * per call once a tokenization has grown to the longest text it has seen. */
#ifndef ZOO_TEXT_TOKENIZER_H
#define ZOO_TEXT_TOKENIZER_H
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

enum { ZOO_TOKENS_MAX = 1 << 20 };              /* of one text, special tokens included */
#define ZOO_UNTRUNCATED SIZE_MAX

typedef struct zoo_tokenizer zoo_tokenizer;
typedef struct zoo_tokenization zoo_tokenization;

/* Borrowed from the tokenization until its next use. */
typedef struct zoo_ids {
    const uint32_t *ids;                        /* (count) */
    const uint8_t *types;                       /* (count): 0, or 1 for the second text of a pair */
    size_t count;
    int was_cut;
} zoo_ids;

/* Is there a tokenizer in `dir`? 0: none of the three files. */
int zoo_tokenizer_exists(const char *dir);
int zoo_tokenizer_open(zoo_tokenizer **out, const char *dir, zoo_err *err);
void zoo_tokenizer_close(zoo_tokenizer *tokenizer);
size_t zoo_tokenizer_size(const zoo_tokenizer *tokenizer);          /* highest id + 1, added tokens included */
/* Id of a token by its exact content, special ones included; -1: there is none. */
int64_t zoo_tokenizer_find(const zoo_tokenizer *tokenizer, const char *content);
/* The piece of an id; NULL: there is none. Borrowed. */
const char *zoo_tokenizer_piece(const zoo_tokenizer *tokenizer, uint32_t id, size_t *size);

int zoo_tokenization_new(zoo_tokenization **out, const zoo_tokenizer *tokenizer, zoo_err *err);
void zoo_tokenization_free(zoo_tokenization *work);

/* `pair` may be NULL; an empty one is none, as in transformers. At most max_length ids, special tokens included; a pair
 * is cut longest first. With a max_length no more of a text is read than can matter. ZOO_EFORMAT: more than
 * ZOO_TOKENS_MAX; ZOO_EUSAGE: max_length leaves no room. */
int zoo_tokenizer_encode(const zoo_tokenizer *tokenizer, zoo_tokenization *work, const char *text, size_t size,
                         const char *pair, size_t pair_size, size_t max_length, zoo_ids *out, zoo_err *err);
/* The same without special tokens around it; tokens inside the text that are special are recognised all the same. */
int zoo_tokenizer_encode_plain(const zoo_tokenizer *tokenizer, zoo_tokenization *work, const char *text, size_t size,
                               size_t max_length, zoo_ids *out, zoo_err *err);
#endif
