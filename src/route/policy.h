/* policy.h - decisions over a router's distribution, as pure functions: which experts to try, in which order.
 * Dimension: k experts. Layer: route -> base. Thread-safe. Refuses I/O and memory of its own. */
#ifndef ZOO_ROUTE_POLICY_H
#define ZOO_ROUTE_POLICY_H
#include <stddef.h>

/* Writes the allowed experts to order[0..k), the most probable first, the lower index first where two are equal;
 * returns how many. probabilities (k), NaN counts as less than any; allowed (k), 0: leave it out, or NULL: all. */
size_t zoo_policy_order(const float *probabilities, const unsigned char *allowed, size_t k, size_t *order);
#endif
