#include "unit/cm.h"
#include "cli/stock.h"

/* ThreadSanitizer does not see how OpenMP's threads wait for one another. */
#if defined __SANITIZE_THREAD__
enum { THREADS = 1 };
#elif defined __has_feature
#if __has_feature(thread_sanitizer)
enum { THREADS = 1 };
#else
enum { THREADS = 2 };
#endif
#else
enum { THREADS = 2 };
#endif

static void products_of_every_precision_take_time(void **state)
{
    static const zoo_shape shapes[] = { { 96, 32, 2 }, { 32, 96, 1 } };

    (void)state;
    for (int precision = ZOO_PRECISION_F32; precision <= ZOO_PRECISION_INT8; precision++) {
        zoo_stock *stock;
        zoo_err err;
        int code = zoo_stock_new(&stock, (enum zoo_precision)precision, shapes, 2, 5, THREADS, &err);
        if (code == ZOO_EUSAGE && precision != ZOO_PRECISION_F32)
            continue;                               /* no such product on this processor */
        assert_int_equal(code, ZOO_OK);
        for (int i = 0; i < 3; i++) {
            double ms = zoo_stock_run(stock);
            assert_true(ms > 0 && ms < 60000);
        }
        zoo_stock_free(stock);
    }
    zoo_stock_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(products_of_every_precision_take_time) };
    return cmocka_run_group_tests_name("compute/stock", tests, NULL, NULL);
}
