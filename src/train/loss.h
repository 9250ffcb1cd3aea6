/* loss.h - what training makes small, with its gradient: the distance of the router's distribution from the target.
 * Dimensions: B rows of a batch, k experts, V values of one kind of tag.
 * Every loss is a weighted sum over rows; divide by the weights' sum for a mean. Gradients are written, not added.
 * Layer: train -> base. Threads: pure functions over the caller's memory. */
#ifndef ZOO_TRAIN_LOSS_H
#define ZOO_TRAIN_LOSS_H
#include <stddef.h>
#include <stdint.h>

enum zoo_kl {
    ZOO_KL_FORWARD,         /* KL(target || router): the router covers every expert that the target finds good */
    ZOO_KL_REVERSE          /* KL(router || target): the router settles on one of them */
};

/* sum_b weights[b] KL_b with p = softmax(logits (B,k)) and targets (B,k), whose rows sum to 1;
 * dlogits (B,k), unless NULL: its gradient. A target of 0 counts as 1e-30 in the reverse direction. */
double zoo_kl_loss(enum zoo_kl direction, const float *logits, const float *targets, const float *weights, size_t B, size_t k,
                   float *dlogits);

/* weight * cross-entropy of softmax(logits (V)) against the uniform distribution over tags[0..count); dlogits (V): its gradient.
 * Without tags: 0 and no gradient. */
double zoo_tag_loss(const float *logits, size_t V, const uint32_t *tags, size_t count, double weight, float *dlogits);
#endif
