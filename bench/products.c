/* products - the weight products of mDeBERTa-base and MiniLM-L6 alone, ours and oneDNN's in turn, each product with weights of its own.
 *
 *     bench/products [THREADS [ROUNDS]]
 *
 * Prints one JSON object a line: milliseconds of all of a network's products for T tokens (medians; `ours_min`, `peer_min` beside them),
 * and what ours reach: GFLOP/s, and GB/s of weights. `ratio` is the peer's time by ours. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "compute/product.h"
#include "cli/stock.h"

enum { MOST_SHAPES = 4, MOST_PRODUCTS = 48, MOST_ROUNDS = 100 };
static const struct network { const char *name; zoo_shape shapes[MOST_SHAPES]; } networks[] = {
    { "mdeberta-base", { { 2304, 768, 12 }, { 768, 768, 12 }, { 3072, 768, 12 }, { 768, 3072, 12 } } },
    { "minilm-l6", { { 1152, 384, 6 }, { 384, 384, 6 }, { 1536, 384, 6 }, { 384, 1536, 6 } } },
};
static const size_t tokens[] = { 1, 16, 64, 128, 512 };

struct pass {
    zoo_pages *pages;
    zoo_product *products[MOST_PRODUCTS];
    const zoo_shape *shapes[MOST_PRODUCTS];
    zoo_input inputs[MOST_PRODUCTS];
    zoo_output outputs[MOST_PRODUCTS];
    size_t count, rows;
};

static void stop(const char *why)
{
    fprintf(stderr, "products: %s\n", why);
    exit(1);
}

static void *memory(size_t bytes)
{
    void *m = aligned_alloc(64, (bytes + 63) / 64 * 64);

    if (!m)
        stop("out of memory");
    memset(m, 0, bytes);
    return m;
}

/* Layer by layer, as a network runs them. */
static void pass_init(struct pass *p, const struct network *network, enum zoo_precision precision)
{
    float *w = memory(3072 * 768 * sizeof *w);
    zoo_err err;

    memset(p, 0, sizeof *p);
    for (size_t i = 0; i < 3072 * 768; i++)
        w[i] = (float)(i * 2654435761u % 2001) / 20000 - 0.05f;
    if (zoo_pages_new(&p->pages, &err))
        stop(err.message);
    for (size_t layer = 0; layer < network->shapes[0].times; layer++)
        for (size_t s = 0; s < MOST_SHAPES; s++, p->count++) {
            p->shapes[p->count] = &network->shapes[s];
            if (zoo_product_new_in(&p->products[p->count], p->pages, precision, network->shapes[s].outputs, network->shapes[s].inputs, w,
                                   NULL, &err))
                stop(err.message);
        }
    free(w);
}

static void pass_release(struct pass *p)
{
    for (size_t i = 0; i < p->count; i++)
        zoo_product_free(p->products[i]);
    zoo_pages_free(p->pages);
}

static void run(void *context, const zoo_member *me)
{
    const struct pass *p = context;

    for (size_t i = 0; i < p->count; i++) {
        zoo_product_run(p->products[i], &p->inputs[i], p->rows, &p->outputs[i], me);
        zoo_team_meet(me);
    }
}

/* Every product reads the same numbers and writes to the same place. x, y: memory, which the caller frees. */
static void pass_place(struct pass *p, enum zoo_precision precision, size_t rows, void *x[2], float **y)
{
    size_t widths[2] = { p->shapes[0]->inputs, p->shapes[3]->inputs };
    float *numbers = memory(rows * widths[1] * sizeof *numbers);
    zoo_input inputs[2];

    for (size_t i = 0; i < rows * widths[1]; i++)
        numbers[i] = (float)(i % 1000) / 500 - 1;
    for (int i = 0; i < 2; i++) {
        x[i] = memory(zoo_input_bytes(precision, rows, widths[i]));
        zoo_input_place(&inputs[i], precision, rows, widths[i], x[i]);
        zoo_input_fill(&inputs[i], 0, rows, numbers, widths[i]);
    }
    *y = memory(rows * widths[1] * sizeof **y);
    for (size_t i = 0; i < p->count; i++) {
        p->inputs[i] = inputs[p->shapes[i]->inputs == widths[1]];
        p->outputs[i] = (zoo_output){ .data = *y, .stride = p->shapes[i]->outputs, .then = p->products[(i + 1) % p->count] };
    }
    p->rows = rows;
    free(numbers);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void compare(struct pass *p, const struct network *network, enum zoo_precision precision, size_t rows, zoo_team *team, unsigned rounds)
{
    double ours[MOST_ROUNDS], peer[MOST_ROUNDS], macs = 0, weights = 0;
    zoo_stock *stock;
    void *x[2];
    float *y;
    zoo_err err;

    if (zoo_stock_new(&stock, precision, network->shapes, MOST_SHAPES, rows, zoo_team_size(team), &err))
        stop(err.message);
    pass_place(p, precision, rows, x, &y);
    for (unsigned i = 0; i <= rounds; i++) {            /* the first round warms up */
        size_t at = i ? i - 1 : 0;
        peer[at] = zoo_stock_run(stock);
        uint64_t start = zoo_clock_ns();
        zoo_team_run(team, run, p);
        ours[at] = (double)(zoo_clock_ns() - start) * 1e-6;
    }
    qsort(ours, rounds, sizeof *ours, by_size);
    qsort(peer, rounds, sizeof *peer, by_size);
    for (size_t i = 0; i < p->count; i++) {
        macs += (double)(p->shapes[i]->outputs * p->shapes[i]->inputs * rows);
        weights += (double)zoo_product_bytes(p->products[i]);
    }
    printf("{\"bench\": \"products\", \"case\": \"%s %s T=%zu\", \"ours\": %.3f, \"peer\": %.3f, \"ratio\": %.2f, \"unit\": \"ms\", "
           "\"ours_min\": %.3f, \"peer_min\": %.3f, \"gflops\": %.0f, \"gb_per_s\": %.1f}\n", network->name, zoo_precision_name(precision),
           rows, ours[rounds / 2], peer[rounds / 2], peer[rounds / 2] / ours[rounds / 2], ours[0], peer[0], 2e-6 * macs / ours[0],
           1e-6 * weights / ours[0]);
    fflush(stdout);
    zoo_stock_free(stock);
    free(x[0]);
    free(x[1]);
    free(y);
}

int main(int argc, char **argv)
{
    unsigned threads = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 0, rounds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 15;
    zoo_team *team;
    zoo_err err;

    if (!rounds || rounds > MOST_ROUNDS)
        stop("from 1 to 100 rounds");
    if (zoo_team_new(&team, threads, ZOO_UNPINNED, &err))
        stop(err.message);
    for (size_t n = 0; n < sizeof networks / sizeof *networks; n++)
        for (int precision = ZOO_PRECISION_F32; precision <= ZOO_PRECISION_INT8; precision++) {
            struct pass p;
            pass_init(&p, &networks[n], (enum zoo_precision)precision);
            for (size_t t = 0; t < sizeof tokens / sizeof *tokens; t++)
                compare(&p, &networks[n], (enum zoo_precision)precision, tokens[t], team, rounds);
            pass_release(&p);
        }
    zoo_team_free(team);
    return 0;
}
