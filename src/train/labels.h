/* labels.h - training targets: rewards, calmed by what the tags say, as a distribution over experts.
 *
 *     zoo_tag_rewards tags;
 *     zoo_tag_rewards_fit(&tags, data, kinds, kind_count, rows, count, weights, 1, &err);       // training rows only
 *     zoo_labels_fill(&tags, rows, count, 0.1, 0.03, targets);              // targets of rows, by row of data
 *     zoo_tag_rewards_release(&tags);
 *
 * What a tag says is learnt from the rows given to fit() and from no others: validation rows never leak into a label.
 * Dimensions: n queries, k experts; r_ij the reward of expert j for query i; c_ij = r_ij - mean_j r_ij.
 * Layer: train -> base. Threads: read-only once fitted. Refuses rows with a reward missing: leave them out before.
 * Rewards are squared: those whose squares are no doubles come in another unit (units.h), and variances, scale and
 * temperatures are in that unit then. */
#ifndef ZOO_TRAIN_LABELS_H
#define ZOO_TRAIN_LABELS_H
#include <stddef.h>
#include <stdint.h>
#include "base/dataset.h"
#include "base/err.h"

/* What one kind of tag says of the experts. */
typedef struct zoo_kind_rewards {
    const zoo_tag_kind *kind;
    size_t used;                    /* values that occur in the training rows */
    double within, between;         /* variances s2 and tau; shrunk fits only. between 0: the kind says nothing */
    double *effects;        /* (values,k): r_t, or where shrunk what t adds to the coarser kinds; 0 for unseen values */
    unsigned char *seen;            /* (values) */
} zoo_kind_rewards;

typedef struct zoo_tag_rewards {
    const zoo_dataset *data;
    int is_shrunk;
    size_t kind_count;
    zoo_kind_rewards *kinds;        /* coarse to fine */
    double *overall;                /* (k): weighted mean of c over the training rows */
    double scale;                   /* root of the weighted mean square of c: the size of a reward difference */
} zoo_tag_rewards;

/* Kinds of `data` with at least two values, by number of values (ties: as they stand): kinds[0..returned), room for
 * data->kind_count. */
size_t zoo_kinds_order(const zoo_dataset *data, size_t *kinds);

/* Learns from rows[0..count) what each of `kinds` (indices into data->kinds, coarse to fine) says.
 *
 * Plain (is_shrunk 0, the paper's): r_t = mean of r_i over the rows with tag t.
 *
 * Shrunk (is_shrunk 1), by empirical Bayes: how far a tag is believed depends on how much tags of its kind differ and
 * how noisy its rows are. Kind after kind, coarse to fine, on what is left of c by the coarser ones, e_i = c_i - g_i
 * (g: `overall`, then plus the effects so far), so that a finer tag is drawn towards what its coarser tags say, whether
 * kinds are nested or crossed:
 *     m_t      = weighted mean of e_i over the rows with t, W_t the sum of their weights, n_t = W_t^2 / sum of squares
 *     within   s2  = sum_t sum_{i in t} w_i |e_i - m_t|^2 / (k sum_t W_t (1 - 1/n_t))
 *     between  tau = max(0, (sum_t W_t |m_t|^2 / k - s2 sum_t W_t / n_t) / sum_t W_t)
 *     effect of t  = n_t tau / (n_t tau + s2) m_t
 * With weights of 1 that is s2 = sum / (k (n - tags)) and tau = sum_t n_t |m_t|^2 / (k n) - s2 tags / n. A kind that
 * carries nothing gets tau = 0 and thereby switches itself off; so does one where no tag occurs twice.
 *
 * weights: (data->n) by row of data, or NULL for 1 each; the plain means are not weighted. *out is empty on failure. */
int zoo_tag_rewards_fit(zoo_tag_rewards *out, const zoo_dataset *data, const size_t *kinds, size_t kind_count,
                        const size_t *rows, size_t count, const float *weights, int is_shrunk, zoo_err *err);
void zoo_tag_rewards_release(zoo_tag_rewards *tags);

/* The enhanced reward r* (k) of a row of data; `own` (the paper's beta) is the share of the row's own reward.
 * Plain:  r* = own r + (1 - own) mean over the row's tags of r_t;                r* = r where it has none.
 * Shrunk: r* = own c + (1 - own) (overall + sum over kinds of the mean effect of the row's tags of that kind). */
void zoo_tag_rewards_enhance(const zoo_tag_rewards *tags, size_t row, double own, double *enhanced);

/* targets[row] (k) = softmax(r* / temperature) for each of rows[0..count); targets is (data->n,k). */
void zoo_labels_fill(const zoo_tag_rewards *tags, const size_t *rows, size_t count, double own, double temperature,
                     float *targets);
#endif
