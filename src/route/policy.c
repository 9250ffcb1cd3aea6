/* policy.c - decisions over a router's distribution, as pure functions: which experts to try, in which order; see
 * policy.h. */
#include "route/policy.h"

/* Whether p stands before q; equal ones keep their order. */
static int before(float p, float q)
{
    return p > q || (p == p && q != q);
}

size_t zoo_policy_order(const float *probabilities, const unsigned char *allowed, size_t k, size_t *order)
{
    size_t n = 0;

    for (size_t i = 0; i < k; i++) {            /* insertion: k is small, and a sort would need a context */
        size_t at;
        if (allowed && !allowed[i])
            continue;
        for (at = n++; at > 0 && before(probabilities[i], probabilities[order[at - 1]]); at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    return n;
}
