/* route_explain.c - why a router chose, for people, in 80 columns; see route_explain.h. */
#include "cli/route_explain.h"
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>
#include "base/utf8.h"
#include "model/router.h"
#include "route/policy.h"

enum { WIDTH = 80, BAR = 24, EXPERTS_SHOWN = 12, TAGS_SHOWN = 3, KIND_WIDTH = 12, REASONS_SHOWN = 6, REASON_WIDTH = 26,
       TAIL = 36 };

/* ---- text on a terminal ---- */
/* The character at s: what to write for it (*shown, *size bytes), how many bytes it takes, its columns. What would
 * steer the terminal becomes a dot. */
static size_t look(const char *s, size_t left, const char **shown, size_t *size, size_t *width)
{
    size_t used;
    uint32_t code = zoo_utf8_next(s, left, &used);

    *shown = s;
    *size = used;
    *width = 1;
    if (code == '\n' || code == '\t' || code == '\r') {
        *shown = " ";
        *size = 1;
    } else if (code == ZOO_UTF8_BAD || code < 0x20 || (code >= 0x7f && code < 0xa0) ||
               utf8proc_category((utf8proc_int32_t)code) == UTF8PROC_CATEGORY_CF) {
        *shown = ".";
        *size = 1;
    } else {
        int columns = utf8proc_charwidth((utf8proc_int32_t)code);
        *width = columns > 0 ? (size_t)columns : 0;
    }
    return used;
}

static size_t columns_of(const char *s, size_t size)
{
    const char *shown;
    size_t n, width, sum = 0;

    for (size_t i = 0; i < size;) {
        i += look(s + i, size - i, &shown, &n, &width);
        sum += width;
    }
    return sum;
}

/* Writes s in at most `most` columns, "..." at the end where it is longer; returns the columns. */
static size_t show(FILE *to, const char *s, size_t size, size_t most)
{
    const char *shown;
    size_t n, width, sum = 0;
    int fits = columns_of(s, size) <= most;

    for (size_t i = 0; i < size;) {
        i += look(s + i, size - i, &shown, &n, &width);
        if (!fits && sum + width > most - 3)
            break;
        fwrite(shown, 1, n, to);
        sum += width;
    }
    if (!fits)
        fputs("...", to);
    return fits ? sum : sum + 3;
}

static void pad(FILE *to, size_t from, size_t column)
{
    while (from++ < column)
        fputc(' ', to);
}

/* ---- the parts of an explanation ---- */
static void show_query(FILE *to, const zoo_router *router, const char *query, size_t size, int was_cut)
{
    size_t limit = zoo_utf8_cut(query, size, zoo_router_text_limit(router)), tail = limit > TAIL ? limit - TAIL : 0;

    show(to, query, size, WIDTH);
    fputc('\n', to);
    if (limit == size) {
        fputs(was_cut ? "(only its beginning was read)\n" : "", to);        /* an encoder counts tokens, not bytes */
        return;
    }
    while (tail < limit && ((unsigned char)query[tail] & 0xc0) == 0x80)
        tail++;
    fprintf(to, "(read: %zu of %zu bytes, up to \"", limit, size);
    show(to, query + tail, limit - tail, TAIL);
    fputs("\")\n", to);
}

static void show_distribution(FILE *to, const zoo_router *router, const float *p, const size_t *order, size_t k)
{
    for (size_t i = 0; i < k && i < EXPERTS_SHOWN; i++) {
        const char *name = zoo_router_expert(router, order[i]);
        size_t full = (size_t)((double)p[order[i]] / (double)p[order[0]] * BAR + 0.5);
        fprintf(to, "  %.4f ", (double)p[order[i]]);
        for (size_t j = 0; j < full && j < BAR; j++)
            fputs("\xe2\x96\x88", to);               /* a full block */
        pad(to, full, BAR + 1);
        show(to, name, strlen(name), WIDTH - BAR - 11);
        fputc('\n', to);
    }
    if (k > EXPERTS_SHOWN)
        fprintf(to, "  and %zu more\n", k - EXPERTS_SHOWN);
}

/* The likeliest values of one kind, as many as fit on one line. */
static void show_kind(FILE *to, const zoo_tag_names *tags, float *p)
{
    size_t at = 2 + show(to, tags->kind, strlen(tags->kind), KIND_WIDTH);

    pad(to, at, KIND_WIDTH + 2);
    at = KIND_WIDTH + 2;
    for (size_t shown = 0; shown < TAGS_SHOWN && shown < tags->count; shown++) {
        const char *value;
        size_t best = 0, left = at + 7 < WIDTH ? WIDTH - at - 7 : 0;
        for (size_t i = 1; i < tags->count; i++)
            if (p[i] > p[best])
                best = i;
        value = tags->values[best];
        if (shown && (p[best] < 0.05f || columns_of(value, strlen(value)) > left))
            break;
        at += (size_t)fprintf(to, "  %.2f ", (double)p[best]);
        at += show(to, value, strlen(value), left);
        p[best] = -1;
    }
    fputc('\n', to);
}

static int show_tags(FILE *to, const zoo_router *router, zoo_workspace *workspace, const char *query, size_t size,
                     zoo_err *err)
{
    const zoo_router_facts *facts = zoo_router_facts_of(router);
    float *p, *at;
    int rc;

    if (!facts->kinds)
        return ZOO_OK;
    at = p = malloc(zoo_router_tag_count(router) * sizeof *p);
    rc = p ? zoo_router_tags(router, workspace, query, size, p, err) : zoo_fail_nomem(err);
    if (!rc)
        fputs("\ntags that the router sees\n", to);
    for (size_t i = 0; i < facts->kinds && !rc; at += facts->tags[i++].count) {
        fputs("  ", to);
        show_kind(to, &facts->tags[i], at);
    }
    free(p);
    return rc;
}

/* The next reason at or behind *at that speaks for (sign 1) or against (sign -1); NULL: none. */
static const zoo_evidence *next_reason(const zoo_evidence *reasons, size_t count, size_t *at, int sign)
{
    while (*at < count) {
        const zoo_evidence *reason = &reasons[(*at)++];
        if (reason->share * sign > 0)
            return reason;
    }
    return NULL;
}

static void show_reasons(FILE *to, const zoo_evidence *reasons, size_t count)
{
    size_t for_at = 0, against_at = 0;

    fputs("  for it                               against it\n", to);
    for (size_t i = 0; i < REASONS_SHOWN; i++) {
        const zoo_evidence *pro = next_reason(reasons, count, &for_at, 1),
                                  *con = next_reason(reasons, count, &against_at, -1);
        size_t at = 0;
        if (!pro && !con)
            break;
        if (pro) {
            at = (size_t)fprintf(to, "  %+.3f ", pro->share);
            at += show(to, pro->text, pro->size, REASON_WIDTH);
        }
        if (con) {
            pad(to, at, 39);
            fprintf(to, "%+.3f ", con->share);
            show(to, con->text, con->size, REASON_WIDTH);
        }
        fputc('\n', to);
    }
}

static int show_why(FILE *to, const zoo_router *router, zoo_workspace *workspace, const char *query, size_t size,
                    size_t first, size_t second, zoo_err *err)
{
    zoo_evidence *reasons;
    size_t count;
    double rest, sum = 0;
    int rc = zoo_router_explain(router, workspace, query, size, first, second, &reasons, &count, &rest, err);
    const char *other = zoo_router_expert(router, second);

    if (rc)
        return rc;
    for (size_t i = 0; i < count; i++)
        sum += reasons[i].share;
    fputs("\nwhy rather than ", to);
    show(to, other, strlen(other), WIDTH - 16);
    fprintf(to, "\n  log-odds %+.3f: %+.3f from the text, %+.3f before any text\n", sum + rest, sum, rest);
    show_reasons(to, reasons, count);
    free(reasons);
    return ZOO_OK;
}

int zoo_route_explain(FILE *to, const zoo_router *router, zoo_workspace *workspace, const char *query, size_t size,
                      zoo_err *err)
{
    size_t k = zoo_router_expert_count(router), *order = malloc(k * sizeof *order);
    float *p = malloc(k * sizeof *p);
    zoo_decision decision;
    const char *chosen;
    int rc = order && p ? zoo_router_route(router, workspace, query, size, p, &decision, err) : zoo_fail_nomem(err);

    if (rc)
        goto done;
    zoo_policy_order(p, NULL, k, order);
    show_query(to, router, query, size, decision.was_cut);
    chosen = zoo_router_expert(router, decision.expert);
    fputs("-> ", to);
    show(to, chosen, strlen(chosen), WIDTH - 40);
    fprintf(to, ", probability %.4f, margin %.4f\n\n", (double)decision.probability, (double)decision.margin);
    show_distribution(to, router, p, order, k);
    rc = show_tags(to, router, workspace, query, size, err);
    if (!rc && !zoo_router_explains(router))
        fputs("\nan encoder does not say which words decided\n", to);
    else if (!rc && k > 1)
        rc = show_why(to, router, workspace, query, size, order[0], order[1], err);
done:
    free(order);
    free(p);
    return rc;
}
