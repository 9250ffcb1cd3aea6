/* loss.c - what training makes small, with its gradient: the distance of the router's distribution from the target;
 * see loss.h. */
#include "train/loss.h"
#include <math.h>
#include <string.h>

/* log of the sum of exp(logits) */
static double log_sum(const float *logits, size_t n)
{
    double most = -INFINITY, sum = 0;

    for (size_t j = 0; j < n; j++)
        most = logits[j] > most ? logits[j] : most;
    for (size_t j = 0; j < n; j++)
        sum += exp(logits[j] - most);
    return n ? most + log(sum) : 0;
}

/* d KL(t || p) / d logit_j = p_j - t_j */
static double forward_row(const float *logits, const float *target, double weight, size_t k, float *dlogits)
{
    double norm = log_sum(logits, k), kl = 0;

    for (size_t j = 0; j < k; j++) {
        double log_p = logits[j] - norm, t = target[j];
        if (t > 0)
            kl += t * (log(t) - log_p);
        if (dlogits)
            dlogits[j] = (float)(weight * (exp(log_p) - t));
    }
    return weight * kl;
}

/* d KL(p || t) / d logit_j = p_j (log p_j - log t_j - KL) */
static double reverse_row(const float *logits, const float *target, double weight, size_t k, float *dlogits)
{
    double norm = log_sum(logits, k), kl = 0;

    for (size_t j = 0; j < k; j++)
        kl += exp(logits[j] - norm) * (logits[j] - norm - log(fmax(target[j], 1e-30)));
    for (size_t j = 0; dlogits && j < k; j++) {
        double log_p = logits[j] - norm;
        dlogits[j] = (float)(weight * exp(log_p) * (log_p - log(fmax(target[j], 1e-30)) - kl));
    }
    return weight * kl;
}

/* As forward_row() with all of the target on its highest values. */
static double hard_row(const float *logits, const float *target, double weight, size_t k, float *dlogits)
{
    double norm = log_sum(logits, k), sum = 0;
    float most = target[0];
    size_t best = 0;

    for (size_t j = 1; j < k; j++)
        most = target[j] > most ? target[j] : most;
    for (size_t j = 0; j < k; j++)
        best += target[j] == most;
    for (size_t j = 0; j < k; j++) {
        double share = target[j] == most ? 1 / (double)best : 0;
        sum -= share * (logits[j] - norm);
        if (dlogits)
            dlogits[j] = (float)(weight * (exp(logits[j] - norm) - share));
    }
    return weight * sum;
}

/* d sum_j p_j lost_j / d logit_j = p_j (lost_j - the sum) */
static double reward_row(const float *logits, const float *target, double weight, size_t k, float *dlogits)
{
    double norm = log_sum(logits, k), most = -INFINITY, sum = 0;

    for (size_t j = 0; j < k; j++)
        most = fmax(most, log(fmax(target[j], 1e-30)));
    for (size_t j = 0; j < k; j++)
        sum += exp(logits[j] - norm) * (most - log(fmax(target[j], 1e-30)));
    for (size_t j = 0; dlogits && j < k; j++)
        dlogits[j] = (float)(weight * exp(logits[j] - norm) * (most - log(fmax(target[j], 1e-30)) - sum));
    return weight * sum;
}

static const struct {
    const char *name;
    double (*row)(const float *logits, const float *target, double weight, size_t k, float *dlogits);
} losses[] = {
    [ZOO_KL_FORWARD] = { "forward", forward_row },
    [ZOO_KL_REVERSE] = { "reverse", reverse_row },
    [ZOO_HARD_LABEL] = { "hard", hard_row },
    [ZOO_EXPECTED_REWARD] = { "reward", reward_row }
};

const char *zoo_loss_name(enum zoo_loss loss)
{
    return losses[loss].name;
}

int zoo_loss_parse(const char *word, enum zoo_loss *out)
{
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++)
        if (!strcmp(word, losses[i].name)) {
            *out = (enum zoo_loss)i;
            return 1;
        }
    return 0;
}

double zoo_router_loss(enum zoo_loss loss, const float *logits, const float *targets, const float *weights, size_t B,
                       size_t k, float *dlogits)
{
    double sum = 0;

    for (size_t b = 0; b < B; b++)
        sum += losses[loss].row(logits + b * k, targets + b * k, weights[b], k, dlogits ? dlogits + b * k : NULL);
    return sum;
}

double zoo_tag_loss(const float *logits, size_t V, const uint32_t *tags, size_t count, double weight, float *dlogits)
{
    double norm, sum = 0;

    memset(dlogits, 0, V * sizeof *dlogits);
    if (!count)
        return 0;
    norm = log_sum(logits, V);
    for (size_t v = 0; v < V; v++)
        dlogits[v] = (float)(weight * exp(logits[v] - norm));
    for (size_t i = 0; i < count; i++) {
        sum -= (logits[tags[i]] - norm) / (double)count;
        dlogits[tags[i]] -= (float)(weight / (double)count);
    }
    return weight * sum;
}
