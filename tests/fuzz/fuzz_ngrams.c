/* A query of any bytes: never more n-grams than promised, rows ascending and inside the table, weights that are positive. */
#include "fuzz.h"
#include <math.h>
#include "text/ngrams.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    zoo_ngrams spec = ZOO_NGRAMS_DEFAULT;
    zoo_words words;
    size_t most, n;
    uint32_t *rows;
    float *weights;

    spec.text_limit = 300;
    most = zoo_ngrams_max(&spec);
    rows = malloc(most * sizeof *rows);
    weights = malloc(most * sizeof *weights);
    MUST(rows && weights && zoo_words_init(&words, spec.text_limit, NULL) == ZOO_OK);
    n = zoo_ngrams_extract(&spec, &words, (const char *)data, size, rows, weights);
    MUST(n <= most && words.read <= spec.text_limit && words.read <= size);
    for (size_t i = 0; i < n; i++)
        MUST(rows[i] < spec.buckets && (i == 0 || rows[i - 1] < rows[i]) && weights[i] > 0 && isfinite(weights[i]));
    zoo_words_release(&words);
    free(weights);
    free(rows);
    return 0;
}
