/* sequences.h - the token ids of every query, made once for all epochs.
 * Layer: train -> text, base. Threads: immutable once built; share freely. */
#ifndef ZOO_TRAIN_SEQUENCES_H
#define ZOO_TRAIN_SEQUENCES_H
#include <stddef.h>
#include <stdint.h>
#include "base/dataset.h"
#include "base/err.h"
#include "base/parallel.h"
#include "text/tokenizer.h"

/* Row i has ids[starts[i]..starts[i + 1]): at least one, at most max_length, special tokens included. */
typedef struct zoo_sequences {
    size_t n;
    uint32_t *ids;
    size_t *starts;                  /* (n + 1) */
    size_t longest, cut;             /* cut: rows of which only the beginning is read */
} zoo_sequences;

int zoo_sequences_init(zoo_sequences *sequences, const zoo_dataset *data, const zoo_tokenizer *tokenizer,
                       size_t max_length, zoo_parallel *parallel, zoo_err *err);
void zoo_sequences_release(zoo_sequences *sequences);

static inline size_t zoo_sequences_length(const zoo_sequences *s, size_t row)
{
    return s->starts[row + 1] - s->starts[row];
}
#endif
