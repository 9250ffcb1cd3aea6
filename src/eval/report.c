/* report.c - an evaluation as a text table of at most 100 columns, and as JSON with every figure; see report.h. */
#include "eval/report.h"
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>
#include "base/utf8.h"

enum { PAGE = 100, NUMBER = 9, SUBSET_NAME = 19 };      /* columns */

/* A table while it is written; the first failure stays. */
struct page {
    zoo_buf *buf;
    const zoo_evaluation *e;
    int rc, digits;             /* digits behind the point, by the size of what is shown */
    double base, unit;       /* a mean is shown as (mean - base) / unit: 0 and 1 where columns hold means as they are */
    size_t *order;              /* (k): experts, the best mean over subsets first; shown as 1..k */
    size_t *number;             /* (k): where an expert stands in it, 1..k */
};

__attribute__((format(printf, 2, 3))) static void put(struct page *p, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (!p->rc)
        p->rc = zoo_buf_add_str(p->buf, text);
}

/* Ends the line; padding of a last column is taken back. */
static void end_line(struct page *p)
{
    zoo_buf *b = p->buf;

    while (!p->rc && b->size && b->data[b->size - 1] == ' ')
        b->data[--b->size] = '\0';
    put(p, "\n");
}

static size_t columns_of(uint32_t code)
{
    int width = code == ZOO_UTF8_BAD ? 1 : utf8proc_charwidth((utf8proc_int32_t)code);

    return width > 0 ? (size_t)width : 0;
}

static size_t count_columns(const char *s, size_t size)
{
    size_t columns = 0, used;

    for (size_t i = 0; i < size; i += used)
        columns += columns_of(zoo_utf8_next(s + i, size - i, &used));
    return columns;
}

/* Bytes at the start of s that fill at most `columns`. */
static size_t fit(const char *s, size_t size, size_t columns)
{
    size_t i = 0, used;

    while (i < size) {
        size_t width = columns_of(zoo_utf8_next(s + i, size - i, &used));
        if (width > columns)
            break;
        columns -= width;
        i += used;
    }
    return i;
}

int zoo_report_name(zoo_buf *out, const char *name, size_t width)
{
    size_t size = strlen(name), columns = count_columns(name, size), head, tail, used;
    int rc = ZOO_OK;

    if (columns <= width) {
        rc = zoo_buf_add(out, name, size);
    } else {
        head = fit(name, size, (width - 2) / 2);
        tail = head;
        columns = count_columns(name, head);
        while (tail < size && count_columns(name + tail, size - tail) > width - 2 - columns) {
            zoo_utf8_next(name + tail, size - tail, &used);
            tail += used;
        }
        columns += 2 + count_columns(name + tail, size - tail);
        rc = zoo_buf_add(out, name, head);
        if (!rc)
            rc = zoo_buf_add_str(out, "..");
        if (!rc)
            rc = zoo_buf_add_str(out, name + tail);
    }
    for (; !rc && columns < width; columns++)
        rc = zoo_buf_add_str(out, " ");
    return rc;
}

static void put_name(struct page *p, const char *name, size_t width)
{
    if (!p->rc)
        p->rc = zoo_report_name(p->buf, name, width);
}

static void put_value(struct page *p, double x, int width)
{
    if (isfinite(x))
        put(p, "%*.*f", width, p->digits, (x - p->base) / p->unit);
    else
        put(p, "%*s", width, "-");
}

static void put_signed(struct page *p, double x, int width)
{
    if (isfinite(x))
        put(p, "%+*.*f", width, p->digits, x / p->unit);
    else
        put(p, "%*s", width, "-");
}

static void put_percent(struct page *p, double x, int width)
{
    if (isfinite(x))
        put(p, "%*.1f%%", width - 1, 100 * x);
    else
        put(p, "%*s", width, "-");
}

/* "  low..high", 2 + 2 * NUMBER columns. */
static void put_interval(struct page *p, const zoo_estimate *x, int with_sign)
{
    char low[64], high[64];
    double base = with_sign ? 0 : p->base;               /* a difference has none */

    snprintf(low, sizeof low, with_sign ? "%+.*f" : "%.*f", p->digits, (x->low - base) / p->unit);
    snprintf(high, sizeof high, with_sign ? "%+.*f" : "%.*f", p->digits, (x->high - base) / p->unit);
    if (isfinite(x->low) && isfinite(x->high))
        put(p, "%*s..%-*s", NUMBER, low, NUMBER - 1, high);
    else
        put(p, "%*s", 2 * NUMBER + 1, "");
}

/* Digits such that a column of NUMBER holds every mean and four of them count. */
static int choose_digits(double largest)
{
    return largest < 10 ? 4 : largest < 100 ? 3 : largest < 1000 ? 2 : largest < 10000 ? 1 : 0;
}

/* How means are shown: as they are, unless a column of NUMBER does not hold them (1e300), or would show nothing of them
 * (1e-30) or of what they differ by (1e9 + {0, 1}). */
static void choose_scale(struct page *p)
{
    const zoo_evaluation *e = p->e;
    double low = INFINITY, high = -INFINITY, largest;

    for (size_t c = 0; c < e->m; c++)
        for (size_t j = 0; j < e->trial->s; j++) {
            low = fmin(low, e->methods[c].by_subset[j]);
            high = fmax(high, e->methods[c].by_subset[j]);
        }
    largest = fmax(fabs(low), fabs(high));
    p->unit = 1;
    if (largest >= 1e4 && high > low && high - low < largest / 1e3) {
        double step = pow(10, ceil(log10(high - low)));
        p->base = floor(low / step) * step;
        largest = fmax(fabs(low - p->base), fabs(high - p->base));
    }
    if (largest >= 1e7 || (largest > 0 && largest < 1e-2))
        p->unit = pow(10, floor(log10(largest)));
    p->digits = choose_digits(largest / p->unit);
}

static int order_experts(struct page *p)
{
    const zoo_evaluation *e = p->e;
    size_t k = e->trial->k;

    p->order = malloc(k * sizeof *p->order);
    p->number = malloc(k * sizeof *p->number);
    if (!p->order || !p->number)
        return ZOO_ENOMEM;
    for (size_t i = 0; i < k; i++) {                      /* insertion: k is small, and equals stay in order */
        size_t at = i;
        while (at && e->methods[p->order[at - 1]].over_subsets.mean < e->methods[i].over_subsets.mean) {
            p->order[at] = p->order[at - 1];
            at--;
        }
        p->order[at] = i;
    }
    for (size_t i = 0; i < k; i++)
        p->number[p->order[i]] = i + 1;
    return ZOO_OK;
}

/* ---- the head and the table of methods ---- */

static void put_head(struct page *p, const zoo_report_subject *subject)
{
    const zoo_trial *t = p->e->trial;

    put(p, "%s%s%s: %zu quer%s in %zu subset%s", subject->split ? "split '" : "all queries",
        subject->split ? subject->split : "", subject->split ? "'" : "", t->n, t->n == 1 ? "y" : "ies", t->s,
        t->s == 1 ? "" : "s");
    if (subject->kind)
        put(p, " (by %s)", subject->kind);
    put(p, ", %zu experts", t->k);
    if (subject->reward_model)
        put(p, ", scored by '%s'", subject->reward_model);
    put(p, "\n");
    if (p->base != 0 && p->unit != 1)
        put(p, "means are shown less %.17g, and all rewards in units of %g\n", p->base, p->unit);
    else if (p->base != 0)
        put(p, "means are shown less %.17g\n", p->base);
    else if (p->unit != 1)
        put(p, "rewards are shown in units of %g\n", p->unit);
    for (size_t i = 0; i < subject->note_count; i++)
        put(p, "%s\n", subject->notes[i]);
    put(p, "\nHeadline: the mean over subsets, where each subset counts alike.\n"
           "MTR and uplift: rank among the experts on the %zu subsets%s.\n", t->s,
        p->e->ranked_rows > t->s ? " and the averages of the groups" : ", without rows for the averages of groups");
    if (p->e->resamples)
        put(p, "Intervals: 95%%, paired bootstrap within subsets, %zu resamples, seed %llu.\n", p->e->resamples,
            (unsigned long long)subject->seed);
}

static void put_method(struct page *p, size_t at, const char *label, size_t width)
{
    const zoo_method *m = &p->e->methods[at];

    if (m->kind == ZOO_METHOD_EXPERT && !label)
        put(p, "%3zu ", p->number[at]);
    else
        put(p, "    ");
    put_name(p, label ? label : m->name, width);
    put_value(p, m->over_subsets.mean, NUMBER);
    if (p->e->resamples)
        put_interval(p, &m->over_subsets, 0);
    put_value(p, m->over_rows.mean, NUMBER);
    put(p, "%7.2f", m->mtr);
    put_percent(p, m->uplift, 8);
    put_percent(p, m->picks_best, 7);
    if (p->e->chosen && m->kind == ZOO_METHOD_EXPERT && !label)
        put_percent(p, p->e->chosen[at], 8);
    end_line(p);
}

static void put_methods(struct page *p)
{
    const zoo_evaluation *e = p->e;
    size_t k = e->trial->k, width = PAGE - 4 - 2 * NUMBER - 7 - 8 - 7 - (e->chosen ? 8 : 0)
                                    - (e->resamples ? 2 * NUMBER + 1 : 0);
    char label[64];

    put(p, "\n    ");
    put_name(p, "method", width);
    put(p, "%*s", NUMBER, "subsets");
    if (e->resamples)
        put(p, "   %-*s", 2 * NUMBER - 2, " 95% interval");
    put(p, "%*s%7s%8s%7s%s\n", NUMBER, "rows", "MTR", "uplift", "best", e->chosen ? "   asked" : "");
    for (size_t i = 0; i < k; i++)
        put_method(p, p->order[i], NULL, width);
    put(p, "\n");
    snprintf(label, sizeof label, "best single (%zu)", p->number[e->best_over_subsets]);
    put_method(p, e->best_over_subsets, label, width);
    if (e->best_on_training < k) {
        snprintf(label, sizeof label, "best on training data (%zu)", p->number[e->best_on_training]);
        put_method(p, e->best_on_training, label, width);
    }
    put_method(p, e->best_per_subset, NULL, width);
    put_method(p, e->random, NULL, width);
    put_method(p, e->oracle, NULL, width);
    for (size_t c = e->oracle + 1; c < e->m; c++)
        put_method(p, c, NULL, width);
    put(p, "best: share of queries on which no expert's answer has a higher reward\n%s",
        e->chosen ? "asked: share of queries that the router sends there\n" : "");
}

/* ---- the router against its references ---- */

static void put_comparison(struct page *p, const zoo_comparison *c, size_t width)
{
    size_t k = p->e->trial->k;
    char label[96];
    const zoo_estimate *gap = &c->over_subsets.gap_closed;

    if (c->method_over_subsets >= k)
        snprintf(label, sizeof label, "%s", c->reference);
    else if (c->method_over_rows == c->method_over_subsets)
        snprintf(label, sizeof label, "%s (%zu)", c->reference, p->number[c->method_over_subsets]);
    else
        snprintf(label, sizeof label, "%s (%zu; rows: %zu)", c->reference, p->number[c->method_over_subsets],
                 p->number[c->method_over_rows]);
    put(p, "    ");
    put_name(p, label, width);
    put_signed(p, c->over_subsets.difference.mean, NUMBER);
    if (p->e->resamples)
        put_interval(p, &c->over_subsets.difference, 1);
    put_percent(p, gap->mean, NUMBER);
    if (p->e->resamples && isfinite(gap->low) && isfinite(gap->high))
        put(p, "%7.1f..%-7.1f", 100 * gap->low, 100 * gap->high);
    else if (p->e->resamples)
        put(p, "%16s", "");
    put_signed(p, c->over_rows.difference.mean, NUMBER);
    put_percent(p, c->over_rows.gap_closed.mean, NUMBER - 1);
    put(p, "\n");
}

static void put_comparisons(struct page *p)
{
    const zoo_evaluation *e = p->e;
    size_t width = PAGE - 4 - 4 * NUMBER + 1 - (e->resamples ? 2 * NUMBER + 1 + 16 : 0);

    if (!e->comparison_count)
        return;
    put(p, "\n    ");
    put_name(p, "router less", width);
    put(p, "%*s", NUMBER, "subsets");
    if (e->resamples)
        put(p, "   %-*s", 2 * NUMBER - 2, " 95% interval");
    put(p, "%*s", NUMBER, "gap");
    if (e->resamples)
        put(p, "%16s", "95% interval  ");
    put(p, "%*s%*s\n", NUMBER, "rows", NUMBER - 1, "gap");
    for (size_t i = 0; i < e->comparison_count; i++)
        put_comparison(p, &e->comparisons[i], width);
    put(p, "gap: share of what lies between that line and the oracle that the router closes\n");
}

/* ---- subsets ---- */

static size_t best_expert_of(const zoo_evaluation *e, size_t subset)
{
    size_t best = 0;

    for (size_t j = 1; j < e->trial->k; j++)
        if (e->methods[j].by_subset[subset] > e->methods[best].by_subset[subset])
            best = j;
    return best;
}

static void put_subset(struct page *p, size_t j)
{
    const zoo_evaluation *e = p->e;
    const zoo_trial *t = e->trial;

    put_name(p, t->subsets[j].name, SUBSET_NAME);
    put(p, "%8zu%6zu", t->offsets[j + 1] - t->offsets[j], p->number[best_expert_of(e, j)]);
    put_value(p, e->methods[e->best_per_subset].by_subset[j], NUMBER - 1);
    put_value(p, e->methods[e->best_over_subsets].by_subset[j], NUMBER - 1);
    put_value(p, e->methods[e->random].by_subset[j], NUMBER - 1);
    put_value(p, e->methods[e->oracle].by_subset[j], NUMBER - 1);
    if (e->comparison_count) {
        put_value(p, e->methods[e->router].by_subset[j], NUMBER - 1);
        put_percent(p, e->comparisons[0].by_subset[j].gap_closed.mean, NUMBER - 1);
        if (e->resamples)
            put_interval(p, &e->comparisons[0].by_subset[j].difference, 1);
    }
    end_line(p);
}

static void put_subsets(struct page *p)
{
    const zoo_evaluation *e = p->e;
    char single[32];

    put(p, "\n");
    put_name(p, "subset", SUBSET_NAME);
    snprintf(single, sizeof single, "(%zu)", p->number[e->best_over_subsets]);
    put(p, "%8s%6s%8s%8s%8s%8s", "queries", "best", "its", single, "random", "oracle");
    if (e->comparison_count)
        put(p, "%8s%8s%s", "router", "gap", e->resamples ? "    router less" : "");
    if (e->comparison_count && e->resamples)
        put(p, " (%zu)", p->number[e->best_over_subsets]);
    end_line(p);
    for (size_t j = 0; j < e->trial->s; j++)
        put_subset(p, j);
}

/* Means of every expert and ranker by subset, as many columns as fit, then the next block. */
static void put_matrix(struct page *p)
{
    const zoo_evaluation *e = p->e;
    size_t k = e->trial->k, rankers = e->router - e->oracle - 1, all = k + rankers;
    size_t per_block = (PAGE - SUBSET_NAME) / NUMBER;

    for (size_t begin = 0; begin < all; begin += per_block) {
        size_t end = begin + per_block < all ? begin + per_block : all;
        put(p, "\n");
        put_name(p, "subset, by expert", SUBSET_NAME);
        for (size_t c = begin; c < end; c++)
            put(p, c < k ? "%*zu" : "%*zuR", c < k ? NUMBER : NUMBER - 1, c < k ? c + 1 : c - k + 1);
        put(p, "\n");
        for (size_t j = 0; j < e->trial->s; j++) {
            put_name(p, e->trial->subsets[j].name, SUBSET_NAME);
            for (size_t c = begin; c < end; c++)
                put_value(p, e->methods[c < k ? p->order[c] : e->oracle + 1 + c - k].by_subset[j], NUMBER);
            put(p, "\n");
        }
    }
    for (size_t i = 0; i < rankers; i++) {
        put(p, "%zuR: ", i + 1);
        put_name(p, e->methods[e->oracle + 1 + i].name, 60);
        end_line(p);
    }
}

int zoo_report_text(zoo_buf *out, const zoo_evaluation *e, const zoo_report_subject *subject)
{
    struct page p = { .buf = out, .e = e };

    choose_scale(&p);
    p.rc = order_experts(&p);
    if (!p.rc) {
        put_head(&p, subject);
        put_methods(&p);
        put_comparisons(&p);
        put_subsets(&p);
        put_matrix(&p);
    }
    free(p.order);
    free(p.number);
    return p.rc;
}

/* ---- JSON: NULL stands for "no memory" and passes upwards ---- */

/* A number, or null where it is none. */
static json_t *number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

static json_t *text(const char *s)
{
    return s ? json_string(s) : json_null();
}

static json_t *append(json_t *array, json_t *value)
{
    if (array && !json_array_append_new(array, value))
        return array;
    if (!array)
        json_decref(value);
    json_decref(array);
    return NULL;
}

static json_t *put_key(json_t *object, const char *key, json_t *value)
{
    if (object && !json_object_set_new(object, key, value))
        return object;
    if (!object)
        json_decref(value);
    json_decref(object);
    return NULL;
}

static json_t *estimate(const zoo_estimate *x)
{
    return json_pack("{s:o, s:o, s:o}", "mean", number(x->mean), "low", number(x->low), "high", number(x->high));
}

static json_t *gain(const zoo_gain *x)
{
    return json_pack("{s:o, s:o}", "difference", estimate(&x->difference), "gap_closed", estimate(&x->gap_closed));
}

static const char *const kind_names[] = {
    [ZOO_METHOD_EXPERT] = "expert", [ZOO_METHOD_RANDOM] = "random", [ZOO_METHOD_BEST_PER_SUBSET] = "best_per_subset",
    [ZOO_METHOD_ORACLE] = "oracle", [ZOO_METHOD_RANKER] = "ranker", [ZOO_METHOD_ROUTER] = "router"
};

static json_t *json_of_method(const zoo_evaluation *e, size_t at)
{
    const zoo_method *m = &e->methods[at];
    json_t *by_subset = json_array();

    for (size_t j = 0; j < e->trial->s; j++)
        by_subset = append(by_subset, number(m->by_subset[j]));
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "kind", kind_names[m->kind], "name", m->name,
                     "over_subsets", estimate(&m->over_subsets), "over_rows", estimate(&m->over_rows), "mtr",
                     number(m->mtr),
                     "uplift", number(m->uplift), "picks_best", number(m->picks_best),
                     "regret", number(e->methods[e->oracle].over_rows.mean - m->over_rows.mean), "by_subset",
                     by_subset);
}

static json_t *json_of_comparison(const zoo_evaluation *e, const zoo_comparison *c)
{
    json_t *out = json_pack("{s:s, s:s, s:s, s:o, s:o}", "reference", c->reference,
                            "method_over_subsets", e->methods[c->method_over_subsets].name,
                            "method_over_rows", e->methods[c->method_over_rows].name,
                            "over_subsets", gain(&c->over_subsets), "over_rows", gain(&c->over_rows));
    json_t *by_subset = json_array();

    for (size_t j = 0; c->by_subset && j < e->trial->s; j++)
        by_subset = append(by_subset, gain(&c->by_subset[j]));
    return put_key(out, "by_subset", by_subset);
}

static json_t *json_of_subsets(const zoo_trial *t)
{
    json_t *out = json_array();

    for (size_t j = 0; j < t->s; j++)
        out = append(out, json_pack("{s:s, s:s, s:I}", "name", t->subsets[j].name, "group",
                                    t->group_names[t->subsets[j].group],
                                    "queries", (json_int_t)(t->offsets[j + 1] - t->offsets[j])));
    return out;
}

static json_t *json_of_head(const zoo_evaluation *e, const zoo_report_subject *subject)
{
    const zoo_trial *t = e->trial;
    json_t *notes = json_array(), *out;

    for (size_t i = 0; i < subject->note_count; i++)
        notes = append(notes, text(subject->notes[i]));
    out = json_pack("{s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:o, s:o}", "split", text(subject->split),
                    "reward_model", text(subject->reward_model), "router", text(subject->router), "by",
                    text(subject->kind),
                    "queries", (json_int_t)t->n, "without_rewards", (json_int_t)t->without_rewards,
                    "with_missing_rewards", (json_int_t)t->with_holes, "notes", notes, "subsets", json_of_subsets(t));
    out = put_key(out, "ranked_over", json_string(e->ranked_rows > t->s ? "subsets and groups" : "subsets"));
    out = put_key(out, "bootstrap", json_pack("{s:I, s:I}", "resamples", (json_int_t)e->resamples,
                                              "seed", (json_int_t)subject->seed));
    return put_key(out, "best_single", json_pack("{s:s, s:s, s:o}", "over_subsets", t->experts[e->best_over_subsets],
                                                 "over_rows", t->experts[e->best_over_rows], "on_training_data",
                                                 text(e->best_on_training < t->k ? t->experts[e->best_on_training] :
                                                      NULL)));
}

json_t *zoo_report_json(const zoo_evaluation *e, const zoo_report_subject *subject)
{
    json_t *methods = json_array(), *comparisons = json_array(), *chosen = json_object(),
                      *out = json_of_head(e, subject);

    for (size_t c = 0; c < e->m; c++)
        methods = append(methods, json_of_method(e, c));
    for (size_t i = 0; i < e->comparison_count; i++)
        comparisons = append(comparisons, json_of_comparison(e, &e->comparisons[i]));
    for (size_t j = 0; e->chosen && j < e->trial->k; j++)
        chosen = put_key(chosen, e->trial->experts[j], number(e->chosen[j]));
    out = put_key(out, "methods", methods);
    out = put_key(out, "router_against", comparisons);
    return put_key(out, "chosen", chosen);
}
