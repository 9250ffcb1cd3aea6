/* holes.c - which queries have a reward of every expert, and which experts, or mixture of data sets, cost many of
 * them; see holes.h. */
#include "base/holes.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMED = 3 };                 /* experts that an advice names one by one */
enum { TAGS_MAX = 1000, TAG_SIZE = 128 };       /* of a kind of data sets; bytes of a tag that an advice names */

static int has(const zoo_dataset *data, const size_t *columns, size_t row, size_t j)
{
    return isfinite(data->rewards[row * data->k + (columns ? columns[j] : j)]) != 0;
}

static size_t count_known(const zoo_dataset *data, const size_t *columns, size_t k, size_t row)
{
    size_t known = 0;

    for (size_t j = 0; j < k; j++)
        known += (size_t)has(data, columns, row, j);
    return known;
}

static void count_lacks(zoo_holes *h, const zoo_dataset *data, const size_t *columns, const unsigned char *keep)
{
    for (size_t i = 0; i < data->n; i++) {
        size_t known = keep && !keep[i] ? 0 : count_known(data, columns, h->k, i);
        h->rewarded += known > 0;
        h->complete += known > 0 && known == h->k;
        for (size_t j = 0; known && known < h->k && j < h->k; j++)
            h->lacks[j] += !has(data, columns, i, j);
    }
}

static void order_by_lacks(zoo_holes *h)
{
    for (size_t j = 0; j < h->k; j++) {
        size_t at = j;
        for (; at > 0 && h->lacks[h->order[at - 1]] < h->lacks[j]; at--)
            h->order[at] = h->order[at - 1];
        h->order[at] = j;
    }
}

/* first[d] (k + 1): incomplete queries that become complete once order[0..d) are left out, and not before. */
static void count_gains(const zoo_holes *h, const zoo_dataset *data, const size_t *columns, const unsigned char *keep,
                        size_t *first)
{
    for (size_t i = 0; i < data->n; i++) {
        size_t known = keep && !keep[i] ? 0 : count_known(data, columns, h->k, i), d = h->k;
        if (!known || known == h->k)
            continue;
        while (has(data, columns, i, h->order[d - 1]))
            d--;
        first[d]++;
    }
}

static void choose_without(zoo_holes *h, const size_t *first)
{
    double most = (double)h->complete * (double)h->k;
    size_t complete = h->complete;

    for (size_t d = 1; d + 2 <= h->k; d++) {
        complete += first[d];
        if ((double)complete * (double)(h->k - d) > most) {
            most = (double)complete * (double)(h->k - d);
            h->without = d;
            h->would_be = complete;
        }
    }
}

/* ---- data sets with other experts each ---- */

/* Rewards by tag of a kind. */
struct census {
    const zoo_tag_kind *kind;
    size_t *rewards;                /* (kind->values, k) */
    size_t *experts, *complete;     /* (kind->values): experts with rewards there; queries that have all of those */
};

static void count_rewards(struct census *c, const zoo_holes *h, const zoo_dataset *data, const size_t *columns,
                          const unsigned char *keep)
{
    for (size_t i = 0; i < data->n; i++)
        for (size_t at = c->kind->offsets[i]; (!keep || keep[i]) && at < c->kind->offsets[i + 1]; at++)
            for (size_t j = 0; j < h->k; j++)
                c->rewards[c->kind->tags[at] * h->k + j] += (size_t)has(data, columns, i, j);
    for (size_t tag = 0; tag < c->kind->values; tag++)
        for (size_t j = 0; j < h->k; j++)
            c->experts[tag] += c->rewards[tag * h->k + j] > 0;
    for (size_t i = 0; i < data->n; i++)
        for (size_t at = c->kind->offsets[i]; (!keep || keep[i]) && at < c->kind->offsets[i + 1]; at++) {
            size_t known = count_known(data, columns, h->k, i);
            c->complete[c->kind->tags[at]] += known > 0 && known == c->experts[c->kind->tags[at]];
        }
}

static int experts_differ(const struct census *c, size_t k)
{
    size_t first = 0;

    while (first < c->kind->values && !c->experts[first])
        first++;
    for (size_t tag = first + 1; tag < c->kind->values; tag++)
        for (size_t j = 0; c->experts[tag] && j < k; j++)
            if (!c->rewards[tag * k + j] != !c->rewards[first * k + j])
                return 1;
    return 0;
}

/* The tag with most rewards to use, where those are as many as `without` leaves and more than there are as it is. */
static void choose_tag(zoo_holes *h, const struct census *c)
{
    double now = (double)h->complete * (double)h->k;
    double most = h->without ? (double)h->would_be * (double)(h->k - h->without) : now;

    for (size_t tag = 0; tag < c->kind->values; tag++) {
        double used = (double)c->complete[tag] * (double)c->experts[tag];
        if (c->experts[tag] < 2 || used <= now || used < most || (h->kind && used == most) ||
            strlen(c->kind->value_names[tag]) > TAG_SIZE)
            continue;
        most = used;
        h->kind = c->kind;
        h->tag = (uint32_t)tag;
        h->tag_experts = c->experts[tag];
        h->tag_complete = c->complete[tag];
    }
}

static int look_at_kind(zoo_holes *h, const zoo_dataset *data, const size_t *columns, const unsigned char *keep,
                        const char *name)
{
    struct census c = { .kind = zoo_dataset_kind(data, name) };
    size_t values = c.kind ? c.kind->values : 0;
    int rc = ZOO_OK;

    if (h->kind || values < 2 || values > TAGS_MAX || h->complete == h->rewarded)
        return ZOO_OK;
    c.rewards = calloc(values * h->k + 1, sizeof *c.rewards);
    c.experts = calloc(values, sizeof *c.experts);
    c.complete = calloc(values, sizeof *c.complete);
    if (c.rewards && c.experts && c.complete) {
        count_rewards(&c, h, data, columns, keep);
        if (experts_differ(&c, h->k))
            choose_tag(h, &c);
    } else {
        rc = ZOO_ENOMEM;
    }
    free(c.rewards);
    free(c.experts);
    free(c.complete);
    return rc;
}

int zoo_holes_count(zoo_holes *out, const zoo_dataset *data, const size_t *columns, size_t k, const unsigned char *keep,
                    zoo_err *err)
{
    size_t *first = calloc(k + 1, sizeof *first);

    *out = (zoo_holes){ .k = k, .lacks = calloc(k + 1, sizeof *out->lacks),
                        .order = calloc(k + 1, sizeof *out->order) };
    if (!first || !out->lacks || !out->order) {
        free(first);
        return zoo_fail_nomem(err);
    }
    count_lacks(out, data, columns, keep);
    order_by_lacks(out);
    out->would_be = out->complete;
    count_gains(out, data, columns, keep, first);
    choose_without(out, first);
    free(first);
    if (look_at_kind(out, data, columns, keep, "dataset") || look_at_kind(out, data, columns, keep, "subset"))
        return zoo_fail_nomem(err);
    return ZOO_OK;
}

void zoo_holes_release(zoo_holes *holes)
{
    free(holes->lacks);
    free(holes->order);
    *holes = (zoo_holes){ 0 };
}

/* "a,b,c" of the first `count` that are better left out, as an option takes them; "..." for those that do not fit. */
static void list_names(const zoo_holes *h, const zoo_dataset *data, const size_t *columns, char *list, size_t size)
{
    size_t used = 0;

    *list = '\0';
    for (size_t i = 0; i < h->without; i++) {
        const char *name = data->experts[columns ? columns[h->order[i]] : h->order[i]];
        if (used + strlen(name) + sizeof ",..." >= size || i == NAMED) {
            snprintf(list + used, size - used, i ? ",..." : "NAME");
            return;
        }
        used += (size_t)snprintf(list + used, size - used, "%s%s", i ? "," : "", name);
    }
}

const char *zoo_holes_advise(const zoo_holes *h, const zoo_dataset *data, const size_t *columns,
                             char text[ZOO_HOLES_ADVICE])
{
    char names[ZOO_HOLES_ADVICE / 2];

    *text = '\0';
    list_names(h, data, columns, names, sizeof names);
    if (h->kind)
        snprintf(text, ZOO_HOLES_ADVICE,
                 "each %s has other experts, so take one alone: --where '%s=%s' has most, %zu complete queries "
                 "of %zu experts; or name the experts that count (--experts A,B)", h->kind->name, h->kind->name,
                 h->kind->value_names[h->tag], h->tag_complete, h->tag_experts);
    else if (h->without == 1)
        snprintf(text, ZOO_HOLES_ADVICE, "without '%.128s', %zu would be complete (--without %s)",
                 data->experts[columns ? columns[h->order[0]] : h->order[0]], h->would_be, names);
    else if (h->without)
        snprintf(text, ZOO_HOLES_ADVICE, "without the %zu experts that lack most, %zu would be complete (--without %s)",
                 h->without, h->would_be, names);
    return text;
}
