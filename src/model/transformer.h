/* transformer.h - a DeBERTa-v2/v3 or BERT checkpoint as something that computes: ids in, hidden states, [CLS] vectors
 * or logits out. No padding: queries of a batch lie back to back; the last layer is computed only where it is read;
 * position projections are folded when the checkpoint is opened; rows of a large embedding are read from the file as
 * they are asked for.
 * Dimensions: n queries, N tokens of all of them, T of one, H hidden size, K labels.
 * Layer: model -> compute, base. Threads: a transformer is immutable once open; a pass has one owner. */
#ifndef ZOO_MODEL_TRANSFORMER_H
#define ZOO_MODEL_TRANSFORMER_H
#include <stddef.h>
#include <stdint.h>
#include "compute/product.h"
#include "model/transformer_config.h"
#include "model/weights.h"

typedef struct zoo_transformer zoo_transformer;
typedef struct zoo_pass zoo_pass;                   /* one thread's memory and team */

int zoo_transformer_open(zoo_transformer **out, const char *dir, enum zoo_precision precision, zoo_err *err);
void zoo_transformer_close(zoo_transformer *transformer);
const zoo_transformer_config *zoo_transformer_config_of(const zoo_transformer *transformer);
enum zoo_precision zoo_transformer_precision(const zoo_transformer *transformer);

/* threads, first_cpu: as zoo_team_new(). max_tokens: N of the largest pass; all memory is taken here. */
int zoo_pass_new(zoo_pass **out, const zoo_transformer *transformer, size_t max_tokens, unsigned threads, int first_cpu,
                 zoo_err *err);
void zoo_pass_free(zoo_pass *pass);

/* n queries back to back: ids, types (N; types NULL: all 0), lengths (n). */
typedef struct zoo_packed { const uint32_t *ids; const uint8_t *types; const size_t *lengths; size_t n, N; } zoo_packed;
/* What is wanted; NULL: not wanted. */
typedef struct zoo_results {
    float *logits;              /* (n, K): a classifier's; (n) PairRM's */
    float *cls;                 /* (n, H) last hidden state of token 0 */
    float *mean;                /* (n, H) mean of the last hidden states of a query */
    float *hidden;              /* (layers + 1, N, H) every hidden state: for tests and debugging */
} zoo_results;
/* ZOO_EUSAGE: more tokens than max_tokens, an id outside the vocabulary, more positions than the model has. ZOO_EIO:
 * the file of a large embedding was changed. ZOO_EFORMAT: a result that is not finite. Allocates nothing. */
int zoo_transformer_run(const zoo_transformer *transformer, zoo_pass *pass, const zoo_packed *batch,
                        const zoo_results *results, zoo_err *err);
#endif
