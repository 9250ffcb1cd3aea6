/* The tests of the products in training once more, on the AMX kernels by emulation. */
#include "unit/cm.h"

#if defined __x86_64__
#include "unit/compute/amx.h"

static const zoo_backend *choose(enum zoo_precision precision)
{
    return precision == ZOO_PRECISION_BF16 ? &emulated_bf16 : zoo_backend_choose(precision);
}
#define zoo_backend_choose choose
#define zoo_train_product_scratch emulated_scratch
#define zoo_train_product_fwd emulated_fwd
#define zoo_train_product_bwd_x emulated_bwd_x
#define zoo_train_product_bwd_w emulated_bwd_w
#include "compute/train_product.c"
#include "unit/compute/test_train_product.c"
#else
static void not_here(void **state) { (void)state; skip(); }
int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(not_here) };
    return cmocka_run_group_tests_name("compute/train_product_amx", tests, NULL, NULL);
}
#endif
