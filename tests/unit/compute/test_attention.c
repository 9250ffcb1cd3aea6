#include "unit/cm.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/json.h"
#include "base/rng.h"
#include "compute/attention.h"
#include "compute/product_kernel.h"

static void buckets_are_those_of_the_reference(void **state)
{
    zoo_err err;
    json_t *golden = zoo_json_read("tests/golden/buckets.json", 1 << 20, &err), *buckets;
    int from, size, most;

    (void)state;
    assert_non_null(golden);
    buckets = json_object_get(golden, "bucket");
    from = (int)json_integer_value(json_object_get(golden, "from"));
    size = (int)json_integer_value(json_object_get(golden, "bucket_size"));
    most = (int)json_integer_value(json_object_get(golden, "max_position"));
    assert_int_equal(json_array_size(buckets), 1023);
    for (size_t i = 0; i < json_array_size(buckets); i++)
        assert_int_equal(zoo_position_bucket(from + (int)i, size, most),
                         json_integer_value(json_array_get(buckets, i)));
    json_decref(golden);
}

static void without_buckets_a_position_is_its_distance(void **state)
{
    (void)state;
    assert_int_equal(zoo_position_bucket(-1000, 0, 512), -1000);
    assert_int_equal(zoo_position_bucket(77, 0, 512), 77);
}

static void columns_ascend_and_stay_in_the_table(void **state)
{
    int32_t columns[2 * 700 + 1];

    (void)state;
    zoo_position_columns(columns, 700, 256, 256, 512);
    assert_int_equal(columns[700], 256);
    assert_int_equal(columns[0], 0);
    assert_int_equal(columns[1400], 511);
    for (size_t i = 1; i < 1401; i++)
        assert_in_range(columns[i], columns[i - 1], columns[i - 1] + 1);
}

/* ---- what results must not depend on ---- */

enum { T = 45, D = 24, HEADS = 2, A = 16, H = HEADS * D };

struct fixture {
    float qkv[3 * T * H], key[2 * A * H], query[2 * A * H], whole[T * H], parts[T * H];
    int32_t columns[2 * T - 1];
    zoo_attention_positions *positions;
    zoo_attention a;
    void *scratch;
};

static void set_up(struct fixture *f, enum zoo_precision precision)
{
    zoo_rng rng;
    size_t bytes = zoo_attention_scratch(T, D, A);

    zoo_rng_init(&rng, 3);
    for (size_t i = 0; i < 3 * T * H; i++)
        f->qkv[i] = (float)zoo_rng_normal(&rng);
    for (size_t i = 0; i < 2 * A * H; i++) {
        f->key[i] = (float)zoo_rng_normal(&rng);
        f->query[i] = (float)zoo_rng_normal(&rng);
    }
    zoo_position_columns(f->columns, T - 1, A, A, 2 * A);
    assert_int_equal(zoo_attention_positions_new(&f->positions, precision, A, HEADS, D, f->key, f->query, NULL), 0);
    f->scratch = aligned_alloc(64, (bytes + 63) / 64 * 64);
    f->a = (zoo_attention){ .T = T, .d = D, .scale = 0.1f, .columns = f->columns, .max_distance = T - 1,
                            .positions = f->positions, .stride = 3 * H, .queries = T, .out_stride = H };
}

static void tear_down(struct fixture *f)
{
    zoo_attention_positions_free(f->positions);
    free(f->scratch);
}

/* Queries first.. of a head into out (T,H). */
static void attend(struct fixture *f, enum zoo_precision precision, size_t head, size_t first, size_t queries,
                   float *out)
{
    zoo_attention a = f->a;

    a.head = head;
    a.q = f->qkv + head*D;
    a.k = a.q + H;
    a.v = a.k + H;
    a.first_query = first;
    a.queries = queries;
    a.out = out + first*H + head*D;
    zoo_attention_run(&a, precision, f->scratch);
}

static void no_partition_of_the_work_changes_a_bit(void **state)
{
    static const enum zoo_precision precisions[] = { ZOO_PRECISION_F32, ZOO_PRECISION_BF16 };
    static struct fixture f;

    (void)state;
    for (size_t p = 0; p < 2; p++)
        for (size_t part = 1; part <= 34; part += 3) {
            set_up(&f, precisions[p]);
            for (size_t head = 0; head < HEADS; head++) {
                attend(&f, precisions[p], head, 0, T, f.whole);
                for (size_t first = 0; first < T; first += part)
                    attend(&f, precisions[p], head, first, T - first < part ? T - first : part, f.parts);
            }
            assert_memory_equal(f.whole, f.parts, sizeof f.whole);
            tear_down(&f);
        }
}

static void results_go_into_the_input_of_a_product(void **state)
{
    static struct fixture f;
    static uint16_t rows[(T + 2) * 64];
    zoo_input next = { .precision = ZOO_PRECISION_BF16, .width = H, .stride = 64, .data = rows };
    zoo_attention a;

    (void)state;
    set_up(&f, ZOO_PRECISION_BF16);
    attend(&f, ZOO_PRECISION_BF16, 1, 0, T, f.whole);
    a = f.a;
    a.head = 1;
    a.q = f.qkv + D, a.k = a.q + H, a.v = a.k + H;
    a.next = &next;
    a.first_row = 1;
    a.first_column = D;
    zoo_attention_run(&a, ZOO_PRECISION_BF16, f.scratch);
    for (size_t i = 0; i < T; i++)
        for (size_t c = 0; c < D; c++)
            assert_int_equal(rows[(i + 1)*64 + D + c], zoo_float_bf16(f.whole[i*H + D + c]));
    for (size_t c = 0; c < 64; c++)                     /* and nowhere else */
        assert_int_equal(rows[c] | rows[(T + 1)*64 + c] | rows[64 + c % D] | rows[64 + H + c % (64 - H)], 0);
    tear_down(&f);
}

static void what_is_not_a_number_is_not_hidden(void **state)
{
    static struct fixture f;

    (void)state;
    set_up(&f, ZOO_PRECISION_F32);
    f.qkv[7*3*H + H] = NAN;                             /* in a key: every query sees it */
    attend(&f, ZOO_PRECISION_F32, 0, 0, T, f.whole);
    for (size_t i = 0; i < T; i++)
        assert_true(isnan(f.whole[i*H]));
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_are_those_of_the_reference),
        cmocka_unit_test(without_buckets_a_position_is_its_distance),
        cmocka_unit_test(columns_ascend_and_stay_in_the_table),
        cmocka_unit_test(no_partition_of_the_work_changes_a_bit),
        cmocka_unit_test(results_go_into_the_input_of_a_product),
        cmocka_unit_test(what_is_not_a_number_is_not_hidden),
    };
    return cmocka_run_group_tests_name("compute/attention", tests, NULL, NULL);
}
