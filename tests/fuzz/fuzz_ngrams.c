/* A query of any bytes: never more n-grams than promised, rows ascending and inside the table, weights that are
 * positive; and the reader, with whatever it kept of the queries before, gives the sum that a fresh one gives. */
#include "fuzz.h"
#include <math.h>
#include "model/ngram_reader.h"

enum { DIM = 64 };

static void pool_twice(const zoo_ngrams *spec, const char *data, size_t size)
{
    static zoo_ngram_net net;
    static zoo_ngram_reader used, fresh;
    static float *params;
    float a[DIM], b[DIM];

    if (!params) {
        zoo_ngram_config config = { .features = *spec, .dim = DIM, .experts = 1 };
        MUST(zoo_ngram_net_init(&net, &config, "", NULL) == ZOO_OK && (params = zoo_ngram_params_new(&net, NULL)));
        for (size_t i = 0; i < net.size; i++)
            params[i] = (float)((i * 2654435761u) % 1000) - 500;
        MUST(zoo_ngram_reader_init(&used, &net, params, NULL) == ZOO_OK);
        MUST(zoo_ngram_reader_init(&fresh, &net, params, NULL) == ZOO_OK);
    }
    memset(fresh.counts, 0, fresh.slots * sizeof *fresh.counts);        /* as if it had read nothing */
    MUST(zoo_ngram_reader_pool(&used, data, size, a) == zoo_ngram_reader_pool(&fresh, data, size, b));
    MUST(!memcmp(a, b, sizeof a));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    zoo_ngrams spec = ZOO_NGRAMS_DEFAULT;
    zoo_words words;
    size_t most, n;
    uint32_t *rows;
    float *weights;

    spec.text_limit = 300;
    spec.buckets = 1 << 12;
    most = zoo_ngrams_max(&spec);
    rows = malloc(most * sizeof *rows);
    weights = malloc(most * sizeof *weights);
    MUST(rows && weights && zoo_words_init(&words, spec.text_limit, NULL) == ZOO_OK);
    n = zoo_ngrams_extract(&spec, &words, (const char *)data, size, rows, weights);
    MUST(n <= most && words.read <= spec.text_limit && words.read <= size);
    for (size_t i = 0; i < n; i++)
        MUST(rows[i] < spec.buckets && (i == 0 || rows[i - 1] < rows[i]) && weights[i] > 0 && isfinite(weights[i]));
    pool_twice(&spec, (const char *)data, size);
    zoo_words_release(&words);
    free(weights);
    free(rows);
    return 0;
}
