/* rewrite.h - a checkpoint folder made anew from another: in another precision, or its weights in 8 bits. What is in
 * `out` appears at once when it is complete; memory does not grow with the weights.
 * Layer: model -> base. Threads: one call, one thread. */
#ifndef ZOO_MODEL_REWRITE_H
#define ZOO_MODEL_REWRITE_H
#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "base/progress.h"
#include "model/tensor.h"

typedef struct zoo_rewrite {
    const char *in, *out;                       /* folders; out may be in where it is replaced */
    bool replaces;                              /* out may hold something */
    uint64_t max_shard;                         /* bytes, or ZOO_ONE_FILE */
    zoo_progress *progress;                     /* of bytes written; NULL: silent */
} zoo_rewrite;

typedef struct zoo_rewritten { size_t tensors, quantised, left_out; uint64_t bytes_before, bytes_after; } zoo_rewritten;

/* Every tensor of floats as `dtype` (F32, F16, BF16); 8-bit weights become floats. Integers, which no network here
 * computes with, are left out and counted. */
int zoo_rewrite_convert(const zoo_rewrite *job, enum zoo_dtype dtype, zoo_rewritten *done, zoo_err *err);

/* The weights of the products in the layers become 8 bits with a factor per output, max |w| / 127, in the layout that
 * the compressed-tensors library calls int-quantized (8-bit weights, activations quantised as they come); word
 * embeddings become BF16; the rest is F32. */
int zoo_rewrite_quantise(const zoo_rewrite *job, zoo_rewritten *done, zoo_err *err);
#endif
