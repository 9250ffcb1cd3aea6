/* demo_table.c - the last table of zooter demo. Every figure is read from what zooter eval and zooter collect wrote. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/json.h"
#include "base/lines.h"
#include "cli/demo.h"

enum { MAX_FILE = 16 << 20 };

struct sheet { json_t *eval, *shuffled, *costs; };          /* costs: {expert: dollars an answer} */

/* NaN: not there. */
static double at(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* The method of that kind and name (NULL: any); NULL: none. */
static const json_t *method(const json_t *eval, const char *kind, const char *name)
{
    const json_t *m;
    size_t i;

    json_array_foreach(json_object_get(eval, "methods"), i, m) {
        const char *its_kind = json_string_value(json_object_get(m, "kind")),
                               *its_name = json_string_value(json_object_get(m, "name"));
        if (its_kind && its_name && !strcmp(its_kind, kind) && (!name || !strcmp(its_name, name)))
            return m;
    }
    return NULL;
}

/* router - best single, over queries. */
static const json_t *gain(const json_t *eval)
{
    const json_t *comparison;
    size_t i;

    json_array_foreach(json_object_get(eval, "router_against"), i, comparison) {
        const char *reference = json_string_value(json_object_get(comparison, "reference"));
        if (reference && !strcmp(reference, "best single"))
            return json_object_get(comparison, "over_rows");
    }
    return NULL;
}

/* ---- reading ---- */

static json_t *read_costs(const char *path, zoo_err *err)
{
    json_t *costs = json_object();
    zoo_lines in;
    size_t size;
    char *line;
    int rc = costs ? zoo_lines_open(&in, path, MAX_FILE, err) : zoo_fail_nomem(err);

    if (!rc) {
        while ((rc = zoo_lines_next(&in, &line, &size, err)) == 1) {
            json_t *row = zoo_json_parse(line, size, path, err);
            const char *expert = json_string_value(json_object_get(row, "expert"));
            double cost = at(row, "cost") / at(row, "answered");
            if (row && expert && isfinite(cost))
                json_object_set_new(costs, expert, json_real(cost));
            json_decref(row);
        }
        zoo_lines_close(&in);
    }
    if (!rc)
        return costs;
    json_decref(costs);
    return NULL;
}

static int read_sheet(struct sheet *sheet, const zoo_demo_figures *figures, zoo_err *err)
{
    memset(sheet, 0, sizeof *sheet);
    sheet->eval = zoo_json_read(figures->eval, MAX_FILE, err);
    sheet->shuffled = sheet->eval ? zoo_json_read(figures->eval_shuffled, MAX_FILE, err) : NULL;
    sheet->costs = sheet->shuffled ? read_costs(figures->collected, err) : NULL;
    if (!sheet->costs)
        return err->code;
    if (!method(sheet->eval, "router", NULL) || !method(sheet->shuffled, "router", NULL) || !gain(sheet->eval) ||
        !gain(sheet->shuffled))
        return zoo_fail(err, ZOO_EFORMAT, "%s and %s hold no router", figures->eval, figures->eval_shuffled);
    return ZOO_OK;
}

static void release_sheet(struct sheet *sheet)
{
    json_decref(sheet->eval);
    json_decref(sheet->shuffled);
    json_decref(sheet->costs);
}

/* ---- costs, in dollars a query ---- */

/* Each expert asked with its share: {expert: share}. */
static double cost_of_shares(const struct sheet *sheet, json_t *shares)
{
    const char *expert;
    json_t *share;
    double sum = 0;

    json_object_foreach(shares, expert, share)
        sum += json_number_value(share) > 0 ? json_number_value(share) * at(sheet->costs, expert) : 0;
    return sum;
}

static double cost_of_all(const struct sheet *sheet)
{
    const char *expert;
    json_t *cost;
    double sum = 0;

    json_object_foreach(sheet->costs, expert, cost)
        sum += json_number_value(cost);
    return sum;
}

/* ---- the table ---- */

static void put_row(FILE *to, const char *name, const json_t *m, size_t calls, double cost)
{
    const json_t *mean = json_object_get(m, "over_rows");

    fprintf(to, "%-42s %5.1f %%   %5.1f to %5.1f %12zu %15.4f\n", name, 100 * at(mean, "mean"), 100 * at(mean, "low"),
            100 * at(mean, "high"), calls, 1000 * cost);
}

static int beats(const json_t *difference)
{
    return at(difference, "low") > 0;
}

static void put_claim(FILE *to, const char *who, const json_t *difference)
{
    fprintf(to, "%s: %+.1f points against the best single expert, 95%% interval %+.1f to %+.1f: %s.\n", who,
            100 * at(difference, "mean"), 100 * at(difference, "low"), 100 * at(difference, "high"),
            beats(difference) ? "beats it" : "does not beat it");
}

static void put_table(FILE *to, const struct sheet *s)
{
    const char *best = json_string_value(json_object_get(json_object_get(s->eval, "best_single"), "over_rows"));
    const json_t *oracle = method(s->eval, "oracle", NULL), *router = method(s->eval, "router", NULL);
    size_t k = json_object_size(s->costs);
    double cost = cost_of_shares(s, json_object_get(s->eval, "chosen")), all = cost_of_all(s);
    char name[200];

    best = best ? best : "?";
    snprintf(name, sizeof name, "%lld held-out queries, simulated experts",
             (long long)json_integer_value(json_object_get(s->eval, "queries")));
    fprintf(to, "%-42s %7s %16s %12s %15s\n", name, "right", "95% interval", "calls/query", "$/1,000 queries");
    put_row(to, "an expert at random", method(s->eval, "random", NULL), 1, all / (double)k);
    snprintf(name, sizeof name, "best single expert (%s)", best);
    put_row(to, name, method(s->eval, "expert", best), 1, at(s->costs, best));
    put_row(to, "router", router, 1, cost);
    put_row(to, "router trained on shuffled rewards", method(s->shuffled, "router", NULL), 1,
            cost_of_shares(s, json_object_get(s->shuffled, "chosen")));
    snprintf(name, sizeof name, "oracle: ask all %zu, keep a right answer", k);
    put_row(to, name, oracle, k, all);
    fprintf(to, "\nAgainst asking all %zu experts the router saves %.1f %% of the calls and %.1f %% of the cost "
                "(prices are made up),\n"
            "and closes %.1f %% of the gap between the best single expert and the oracle.\n", k,
            100 * (1 - 1 / (double)k), 100 * (1 - cost / all), 100 *
            at(json_object_get(gain(s->eval), "gap_closed"), "mean"));
}

int zoo_demo_table(FILE *to, const zoo_demo_figures *figures, int *as_claimed, zoo_err *err)
{
    struct sheet sheet;
    int rc = read_sheet(&sheet, figures, err);

    if (!rc) {
        const json_t *routed = json_object_get(gain(sheet.eval), "difference");
        const json_t *shuffled = json_object_get(gain(sheet.shuffled), "difference");
        put_table(to, &sheet);
        put_claim(to, "Router", routed);
        put_claim(to, "Router trained on shuffled rewards", shuffled);
        *as_claimed = beats(routed) && !beats(shuffled);
    }
    release_sheet(&sheet);
    return rc;
}
