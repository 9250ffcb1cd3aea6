/* ranks.c - several processes that train one model: what they say to each other, over whatever carries it; see
 * ranks.h. */
#include "train/ranks.h"
#include <stdlib.h>
#include <string.h>

static int is_alone(const zoo_ranks *ranks)
{
    return zoo_ranks_count(ranks) == 1;
}

void zoo_ranks_part(const zoo_ranks *ranks, size_t n, unsigned r, size_t *first, size_t *count)
{
    size_t R = zoo_ranks_count(ranks), each = n / R, more = n % R;

    *first = r * each + (r < more ? r : more);
    *count = each + (r < more);
}

/* ---- sums ---- */

size_t zoo_ranks_sum_room(const zoo_ranks *ranks, size_t n)
{
    return is_alone(ranks) ? 0 : (n / ranks->count + 1) * ranks->count;
}

static void add(float *restrict to, const float *restrict x, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        to[i] += x[i];
}

/* Rank r's part of x to rank r; others' versions of the own part into `room`, a row a rank. */
static int scatter(zoo_ranks *ranks, float *x, size_t n, float *room, zoo_err *err)
{
    zoo_block *out = ranks->blocks, *in = out + ranks->count;
    size_t own, own_count, first, count;

    zoo_ranks_part(ranks, n, ranks->rank, &own, &own_count);
    for (unsigned r = 0; r < ranks->count; r++) {
        zoo_ranks_part(ranks, n, r, &first, &count);
        out[r] = (zoo_block){ x + first, r == ranks->rank ? 0 : count * sizeof *x };
        in[r] = (zoo_block){ room + r * own_count, r == ranks->rank ? 0 : own_count * sizeof *x };
    }
    return ranks->class->swap(ranks, out, in, err);
}

/* The own part of x becomes the sum over all, in the order of the ranks. */
static void reduce(const zoo_ranks *ranks, float *x, size_t n, float *room)
{
    size_t own, count;

    zoo_ranks_part(ranks, n, ranks->rank, &own, &count);
    memcpy(room + ranks->rank * count, x + own, count * sizeof *x);
    memcpy(x + own, room, count * sizeof *x);
    for (unsigned r = 1; r < ranks->count; r++)
        add(x + own, room + r * count, count);
}

int zoo_ranks_spread(zoo_ranks *ranks, float *x, size_t n, size_t width, zoo_err *err)
{
    zoo_block *out, *in;
    size_t own, own_count, first, count;

    if (is_alone(ranks))
        return ZOO_OK;
    out = ranks->blocks;
    in = out + ranks->count;
    zoo_ranks_part(ranks, n, ranks->rank, &own, &own_count);
    for (unsigned r = 0; r < ranks->count; r++) {
        zoo_ranks_part(ranks, n, r, &first, &count);
        out[r] = (zoo_block){ x + own * width, r == ranks->rank ? 0 : own_count * width * sizeof *x };
        in[r] = (zoo_block){ x + first * width, r == ranks->rank ? 0 : count * width * sizeof *x };
    }
    return ranks->class->swap(ranks, out, in, err);
}

int zoo_ranks_sum(zoo_ranks *ranks, float *x, size_t n, float *room, zoo_err *err)
{
    int rc;

    if (is_alone(ranks) || !n)
        return ZOO_OK;
    rc = scatter(ranks, x, n, room, err);
    if (rc)
        return rc;
    reduce(ranks, x, n, room);
    return zoo_ranks_spread(ranks, x, n, 1, err);
}

/* ---- words ---- */

int zoo_ranks_gather(zoo_ranks *ranks, const void *own, size_t size, void *all, zoo_err *err)
{
    char *at = all;

    memcpy(at + zoo_ranks_number(ranks) * size, own, size);
    if (is_alone(ranks))
        return ZOO_OK;
    for (unsigned r = 0; r < ranks->count; r++) {
        ranks->blocks[r] = (zoo_block){ at + ranks->rank * size, r == ranks->rank ? 0 : size };
        ranks->blocks[ranks->count + r] = (zoo_block){ at + r * size, r == ranks->rank ? 0 : size };
    }
    return ranks->class->swap(ranks, ranks->blocks, ranks->blocks + ranks->count, err);
}

int zoo_ranks_sum_number(zoo_ranks *ranks, double *x, zoo_err *err)
{
    double *all, sum = 0;
    int rc;

    if (is_alone(ranks))
        return ZOO_OK;
    all = malloc(ranks->count * sizeof *all);
    rc = all ? zoo_ranks_gather(ranks, x, sizeof *x, all, err) : zoo_fail_nomem(err);
    for (unsigned r = 0; !rc && r < ranks->count; r++)
        sum += all[r];
    *x = rc ? *x : sum;
    free(all);
    return rc;
}

int zoo_ranks_tell(zoo_ranks *ranks, void *data, size_t size, zoo_err *err)
{
    if (is_alone(ranks))
        return ZOO_OK;
    for (unsigned r = 0; r < ranks->count; r++) {
        ranks->blocks[r] = (zoo_block){ data, ranks->rank || !r ? 0 : size };
        ranks->blocks[ranks->count + r] = (zoo_block){ data, ranks->rank && !r ? size : 0 };
    }
    return ranks->class->swap(ranks, ranks->blocks, ranks->blocks + ranks->count, err);
}

/* ---- the same run ---- */

int zoo_ranks_follow(zoo_ranks *ranks, int rc, zoo_err *err)
{
    int told = rc, failed = zoo_ranks_tell(ranks, &told, sizeof told, zoo_ranks_number(ranks) ? err : NULL);

    if (!zoo_ranks_number(ranks))
        return rc ? rc : failed ? zoo_fail(err, failed, "the other ranks cannot be told how rank 0 is") : ZOO_OK;
    if (failed)
        return failed;
    return told ? zoo_fail(err, told, "rank 0 could not go on") : rc;
}

static int find_difference(const zoo_ranks *ranks, const uint64_t *all, const zoo_common *things, size_t count,
                           zoo_err *err)
{
    for (unsigned r = 1; r < ranks->count; r++)
        for (size_t i = 0; i < count; i++)
            if (all[r * count + i] != all[i])
                return zoo_fail(err, ZOO_EUSAGE, "rank %u has %s than rank 0; %s", r, things[i].what, things[i].remedy);
    return ZOO_OK;
}

int zoo_ranks_compare(zoo_ranks *ranks, const zoo_common *things, size_t count, zoo_err *err)
{
    uint64_t *all;
    int rc;

    if (is_alone(ranks))
        return ZOO_OK;
    all = calloc((ranks->count + 1) * count, sizeof *all);
    if (!all)
        return zoo_fail_nomem(err);
    for (size_t i = 0; i < count; i++)
        all[ranks->count * count + i] = things[i].mark;
    rc = zoo_ranks_gather(ranks, all + ranks->count * count, count * sizeof *all, all, err);
    if (!rc)
        rc = find_difference(ranks, all, things, count, err);
    free(all);
    return rc;
}

static int falling(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x < y) - (x > y);
}

void zoo_ranks_deal(const zoo_ranks *ranks, const size_t *lengths, size_t n, unsigned *owner, uint64_t *order,
                    size_t *loads)
{
    unsigned R = zoo_ranks_count(ranks);

    for (size_t i = 0; i < n; i++)                      /* of equals, the earlier first */
        order[i] = (uint64_t)lengths[i] << 32 | (UINT32_MAX - (uint32_t)i);
    qsort(order, n, sizeof *order, falling);
    memset(loads, 0, R * sizeof *loads);
    for (size_t i = 0; i < n; i++) {
        size_t row = UINT32_MAX - (uint32_t)order[i];
        unsigned least = 0;
        for (unsigned r = 1; r < R; r++)
            least = loads[r] < loads[least] ? r : least;
        owner[row] = least;
        loads[least] += lengths[row];
    }
}
