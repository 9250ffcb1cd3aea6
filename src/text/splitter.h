/* splitter.h - a normalised text into the words that the model gets: the "pre_tokenizer" of a tokenizer.json as a list
 * of steps, each of which splits what the one before it left. Layer: text -> base. Threads: a splitter is immutable,
 * its work has one owner. */
#ifndef ZOO_TEXT_SPLITTER_H
#define ZOO_TEXT_SPLITTER_H
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/err.h"

enum { ZOO_SPLIT_STEPS_MAX = 8 };

enum zoo_split_kind { ZOO_SPLIT_SPACE, ZOO_SPLIT_WORDS, ZOO_SPLIT_BERT, ZOO_SPLIT_PUNCTUATION, ZOO_SPLIT_DIGITS,
                      ZOO_SPLIT_METASPACE };

/* What becomes of the characters that a PUNCTUATION step finds. */
enum zoo_split_behavior { ZOO_SPLIT_ISOLATED, ZOO_SPLIT_REMOVED, ZOO_SPLIT_CONTIGUOUS, ZOO_SPLIT_WITH_PREVIOUS,
                          ZOO_SPLIT_WITH_NEXT };
/* Which words of METASPACE get the space symbol put before them. */
enum zoo_split_prepend { ZOO_PREPEND_ALWAYS, ZOO_PREPEND_FIRST, ZOO_PREPEND_NEVER };

typedef struct zoo_split_step {
    enum zoo_split_kind kind;
    enum zoo_split_behavior behavior;           /* PUNCTUATION; DIGITS: ISOLATED or CONTIGUOUS */
    enum zoo_split_prepend prepend;             /* METASPACE, always the last step */
    int is_whole;                               /* METASPACE: "split" is false */
    char symbol[4];                             /* METASPACE: stands for a space; ZOO_SPACE_MARK in the words */
    size_t symbol_size;
} zoo_split_step;

typedef struct zoo_splitter {
    zoo_split_step steps[ZOO_SPLIT_STEPS_MAX];
    size_t count;
} zoo_splitter;

/* Gets one word; anything but ZOO_OK ends the splitting and is handed back. */
typedef int (*zoo_word_fn)(void *context, const char *word, size_t size, zoo_err *err);

/* Words of s[0..size), UTF-8, none of them empty. `at_start`: s begins where the user's text does. */
int zoo_splitter_run(const zoo_splitter *splitter, zoo_buf *work, const char *s, size_t size, int at_start,
                     zoo_word_fn fn, void *context, zoo_err *err);
#endif
