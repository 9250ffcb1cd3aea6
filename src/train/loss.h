/* loss.h - what training makes small, with its gradient: the distance of the router's distribution from the target.
 * Dimensions: B rows of a batch, k experts, V values of one kind of tag.
 * Every loss is a weighted sum over rows; divide by the weights' sum for a mean. Gradients are written, not added.
 * Layer: train -> base. Threads: pure functions over the caller's memory. */
#ifndef ZOO_TRAIN_LOSS_H
#define ZOO_TRAIN_LOSS_H
#include <stddef.h>
#include <stdint.h>

enum zoo_loss {
    ZOO_KL_FORWARD,         /* KL(target || router): the router covers every expert that the target finds good */
    ZOO_KL_REVERSE,         /* KL(router || target): the router settles on one of them */
    ZOO_HARD_LABEL,         /* cross-entropy against the target's best expert (equally good ones share) */
    /* what the router loses against the best expert, asking experts as often as it believes in them: the target's
     * log-probabilities are rewards in units of the temperature */
    ZOO_EXPECTED_REWARD
};

/* sum_b weights[b] loss_b with p = softmax(logits (B,k)) and targets (B,k), whose rows sum to 1;
 * dlogits (B,k), unless NULL: its gradient. A target of 0 counts as 1e-30 where its logarithm is taken. */
double zoo_router_loss(enum zoo_loss loss, const float *logits, const float *targets, const float *weights, size_t B,
                       size_t k, float *dlogits);

/* "forward", "reverse", "hard", "reward". */
const char *zoo_loss_name(enum zoo_loss loss);
/* 0: no such word. */
int zoo_loss_parse(const char *word, enum zoo_loss *out);

/* weight * cross-entropy of softmax(logits (V)) against the uniform distribution over tags[0..count); dlogits (V): its
 * gradient. Without tags: 0 and no gradient. */
double zoo_tag_loss(const float *logits, size_t V, const uint32_t *tags, size_t count, double weight, float *dlogits);
#endif
