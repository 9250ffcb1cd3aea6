/* vocabulary.h - texts as sparse vectors of unit length: which of the known words they have, rare ones weighing more.
 *
 *     zoo_vocabulary_new(&v, &err);
 *     zoo_vocabulary_count(v, &words, &err);                      // for each text, scanned by text/words.h
 *     zoo_vocabulary_close(v, 32768, &err);
 *     n = zoo_vocabulary_vector(v, &words, columns, values);      // both (2 * words.limit)
 *
 * Features are words, as the n-gram encoder cuts them, and pairs of neighbouring CJK characters, which are words more
 * often than one character is. A feature must occur in two texts; of those the most frequent are kept. Weights are (1 +
 * ln tf) * idf. Memory while counting: at most 100 MiB; where there are more than 1.5 million features, those seen in
 * the fewest texts so far are forgotten. Layer: label -> text. Threads: counting has one owner;
 * vectors may be made by many threads. */
#ifndef ZOO_LABEL_VOCABULARY_H
#define ZOO_LABEL_VOCABULARY_H
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "text/words.h"

typedef struct zoo_vocabulary zoo_vocabulary;

int zoo_vocabulary_new(zoo_vocabulary **out, zoo_err *err);
void zoo_vocabulary_free(zoo_vocabulary *v);
int zoo_vocabulary_count(zoo_vocabulary *v, const zoo_words *words, zoo_err *err);
/* Keeps at most `most` features; nothing can be counted afterwards. */
int zoo_vocabulary_close(zoo_vocabulary *v, size_t most, zoo_err *err);
size_t zoo_vocabulary_size(const zoo_vocabulary *v);
/* The text's features, ascending, with values whose squares sum to 1; returns how many,
 * 0 where it has no known word. */
size_t zoo_vocabulary_vector(const zoo_vocabulary *v, const zoo_words *words, uint32_t *columns, float *values);
/* 1 where every text has it, more the rarer it is */
float zoo_vocabulary_idf(const zoo_vocabulary *v, size_t column);
/* The word of a column, where a person can read something out of it; NULL for marks, numbers and single letters.
 * Long ones are cut. */
const char *zoo_vocabulary_word(const zoo_vocabulary *v, size_t column);
#endif
