/* folds.c - rows dealt out at random by the text of their query, so that no text is on both sides of a split:
 * neither equal texts nor texts that differ in spaces or the case of ASCII letters; see folds.h. */
#include "train/folds.h"
#include <stdlib.h>
#include <string.h>
#include "base/rng.h"

struct dealt { uint64_t key; size_t at; };      /* at: index into rows */

/* Hash of a query, ASCII letters in lower case, runs of spaces as one, none at the ends. */
static uint64_t text_key(const char *s, size_t size, uint64_t seed)
{
    uint64_t h = zoo_mix64(seed ^ UINT64_C(0x7465787473));
    int gap = 0, begun = 0;

    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == ' ' || (c >= '\t' && c <= '\r')) {
            gap = begun;
            continue;
        }
        if (gap)
            h = zoo_mix64(h ^ ' ');
        gap = 0;
        begun = 1;
        h = zoo_mix64(h ^ (c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c));
    }
    return h;
}

static int by_key(const void *a, const void *b)
{
    const struct dealt *x = a, *y = b;

    return x->key != y->key ? (x->key < y->key ? -1 : 1) : x->at < y->at ? -1 : x->at > y->at;
}

/* The rows by text in random order; free() it. */
static struct dealt *deal(const zoo_dataset *data, const size_t *rows, size_t count, uint64_t seed, zoo_err *err)
{
    struct dealt *d = calloc(count + 1, sizeof *d);

    if (!d) {
        zoo_fail_nomem(err);
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        d[i] = (struct dealt){ text_key(data->queries[rows[i]], data->query_sizes[rows[i]], seed), i };
    qsort(d, count, sizeof *d, by_key);
    return d;
}

int zoo_folds_count_texts(const zoo_dataset *data, const size_t *rows, size_t count, size_t *texts, zoo_err *err)
{
    struct dealt *d = deal(data, rows, count, 0, err);

    *texts = 0;
    if (!d)
        return ZOO_ENOMEM;
    for (size_t i = 0; i < count; i++)
        *texts += i == 0 || d[i].key != d[i - 1].key;
    free(d);
    return ZOO_OK;
}

int zoo_folds_deal(const zoo_dataset *data, const size_t *rows, size_t count, size_t folds, uint64_t seed,
                   uint32_t *fold, zoo_err *err)
{
    struct dealt *d = deal(data, rows, count, seed, err);
    size_t text = 0;

    if (!d)
        return ZOO_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        text += i > 0 && d[i].key != d[i - 1].key;
        fold[d[i].at] = (uint32_t)(text % folds);
    }
    free(d);
    return ZOO_OK;
}

int zoo_folds_set_aside(const zoo_dataset *data, size_t *rows, size_t count, size_t aside, uint64_t seed, size_t *first,
                        zoo_err *err)
{
    struct dealt *d = deal(data, rows, count, seed, err);
    size_t *copy = malloc((count + 1) * sizeof *copy), taken = 0, kept = 0;
    unsigned char *is_aside = calloc(count + 1, 1);
    int rc = ZOO_OK;

    *first = count;
    if (!d || !copy || !is_aside) {
        rc = zoo_fail_nomem(err);
        goto out;
    }
    while (taken < count && (taken < aside || (taken > 0 && d[taken].key == d[taken - 1].key)))
        is_aside[d[taken++].at] = 1;
    if (taken == count)
        goto out;
    memcpy(copy, rows, count * sizeof *copy);
    *first = count - taken;
    taken = *first;
    for (size_t i = 0; i < count; i++)
        rows[is_aside[i] ? taken++ : kept++] = copy[i];
out:
    free(d);
    free(copy);
    free(is_aside);
    return rc;
}

int zoo_folds_drop_known(const zoo_dataset *data, size_t *rows, size_t *count, size_t aside, zoo_err *err)
{
    size_t first = *count - aside, kept = 0;
    struct dealt *d = deal(data, rows, *count, 0, err);
    unsigned char *is_known = calloc(*count + 1, 1);

    if (!d || !is_known) {
        free(d);
        free(is_known);
        return zoo_fail_nomem(err);
    }
    for (size_t i = 0, begins = 0; i < *count; i++) {               /* of equal texts the earliest row comes first */
        begins = i && d[i].key == d[i - 1].key ? begins : i;
        is_known[d[i].at] = d[i].at >= first && d[begins].at < first;
    }
    for (size_t i = 0; i < *count; i++)
        if (!is_known[i])
            rows[kept++] = rows[i];
    *count = kept;
    free(d);
    free(is_known);
    return ZOO_OK;
}
