#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "label/draw.h"

enum { QUERIES = 100, TAGS = 5 };

/* Query q has the tags that divide it; tag 0 is on every one. */
static int has_tag(size_t q, size_t tag) { return tag == 0 || q % (tag + 1) == 0; }

static size_t draw(size_t per_tag, uint64_t seed, int backwards, int64_t **rows)
{
    zoo_draw *d;
    size_t count;

    assert_int_equal(zoo_draw_new(&d, per_tag, seed, NULL), ZOO_OK);
    for (size_t i = 0; i < QUERIES; i++)
        for (size_t tag = 0; tag < TAGS; tag++) {
            size_t q = backwards ? QUERIES - 1 - i : i;
            char id[32], name[32];
            snprintf(id, sizeof id, "q%zu", q);
            snprintf(name, sizeof name, "tag%zu", tag);
            if (has_tag(q, tag))
                assert_int_equal(zoo_draw_offer(d, tag, zoo_draw_hash(name), zoo_draw_hash(id), (int64_t)q, NULL),
                                 ZOO_OK);
        }
    assert_int_equal(zoo_draw_tags(d), per_tag ? TAGS : 0);
    assert_int_equal(zoo_draw_take(d, rows, &count, NULL), ZOO_OK);
    zoo_draw_free(d);
    return count;
}

static void each_tag_gets_its_number_or_all_it_has(void **state)
{
    int64_t *rows;
    size_t count = draw(10, 1, 0, &rows);

    (void)state;
    assert_in_range(count, 10, 50);
    for (size_t tag = 0; tag < TAGS; tag++) {
        size_t with = 0;
        for (size_t i = 0; i < count; i++)
            with += has_tag((size_t)rows[i], tag);
        assert_true(with >= 10);
    }
    for (size_t i = 1; i < count; i++)
        assert_true(rows[i - 1] < rows[i]);
    free(rows);
    count = draw(1000, 1, 0, &rows);
    assert_int_equal(count, QUERIES);
    free(rows);
    assert_int_equal(draw(0, 1, 0, &rows), 0);
    free(rows);
}

static void the_seed_decides_and_the_order_does_not(void **state)
{
    int64_t *a, *b, *c;
    size_t n = draw(7, 1, 0, &a), m = draw(7, 1, 1, &b), k = draw(7, 2, 0, &c);

    (void)state;
    assert_int_equal(n, m);
    assert_memory_equal(a, b, n * sizeof *a);
    assert_true(k != n || memcmp(a, c, n * sizeof *a) != 0);
    free(a);
    free(b);
    free(c);
}

/* 7 of the 100 that tag 0 is on: over many seeds every query comes up alike. */
static void every_query_has_the_same_chance(void **state)
{
    enum { SEEDS = 2000 };
    size_t drawn[QUERIES] = { 0 };

    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        zoo_draw *d;
        int64_t *rows;
        size_t count;
        assert_int_equal(zoo_draw_new(&d, 7, seed, NULL), ZOO_OK);
        for (size_t q = 0; q < QUERIES; q++) {
            char id[32];
            snprintf(id, sizeof id, "q%zu", q);
            assert_int_equal(zoo_draw_offer(d, 0, 5, zoo_draw_hash(id), (int64_t)q, NULL), ZOO_OK);
        }
        assert_int_equal(zoo_draw_take(d, &rows, &count, NULL), ZOO_OK);
        assert_int_equal(count, 7);
        for (size_t i = 0; i < count; i++)
            drawn[rows[i]]++;
        free(rows);
        zoo_draw_free(d);
    }
    for (size_t q = 0; q < QUERIES; q++)
        assert_in_range(drawn[q], 140 - 60, 140 + 60);           /* sd 11.4 */
}

static void a_tag_past_the_limit_is_refused(void **state)
{
    zoo_draw *d;
    zoo_err err;

    (void)state;
    assert_int_equal(zoo_draw_new(&d, 7, 1, &err), ZOO_OK);
    assert_int_equal(zoo_draw_offer(d, (size_t)1 << 24, 1, 1, 1, &err), ZOO_EUSAGE);
    zoo_draw_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_tag_gets_its_number_or_all_it_has),
        cmocka_unit_test(the_seed_decides_and_the_order_does_not),
        cmocka_unit_test(every_query_has_the_same_chance),
        cmocka_unit_test(a_tag_past_the_limit_is_refused),
    };
    return cmocka_run_group_tests_name("label/draw", tests, NULL, NULL);
}
