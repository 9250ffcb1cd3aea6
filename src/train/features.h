/* features.h - the n-grams of every query, extracted once and kept for all epochs and folds as far as memory allows.
 * Beyond the limit they are extracted again whenever a row is asked for: slower, with the same result.
 * Layer: train -> text, model, base. Threads: read-only once built; share freely, one zoo_features_scratch a thread. */
#ifndef ZOO_TRAIN_FEATURES_H
#define ZOO_TRAIN_FEATURES_H
#include <stddef.h>
#include <stdint.h>
#include "base/dataset.h"
#include "base/err.h"
#include "base/parallel.h"
#include "model/ngram.h"

typedef struct zoo_features zoo_features;

/* Memory of a thread for rows that are not kept; what it gives stays valid until the next zoo_features_begin(). */
typedef struct zoo_features_scratch {
    zoo_words words;
    uint32_t *rows;
    float *weights;
    size_t used, capacity;
} zoo_features_scratch;

/* Extracts the n-grams of all queries of `data`, which must outlive the features;
 * keeps about `memory` bytes of them. */
int zoo_features_new(zoo_features **out, const zoo_dataset *data, const zoo_ngrams *spec, size_t memory,
                     zoo_parallel *parallel, zoo_err *err);
void zoo_features_free(zoo_features *features);         /* NULL is fine */

/* Room for the n-grams of `batch` rows at a time; none is taken where all rows are kept. */
int zoo_features_scratch_init(zoo_features_scratch *scratch, const zoo_features *features, size_t batch, zoo_err *err);
void zoo_features_scratch_release(zoo_features_scratch *scratch);
void zoo_features_begin(zoo_features_scratch *scratch);
/* The n-grams of a row of the data; at most `batch` calls after each begin. */
zoo_bag zoo_features_bag(const zoo_features *features, size_t row, zoo_features_scratch *scratch);

/* No row has more n-grams than this. */
size_t zoo_features_longest(const zoo_features *features);
#endif
