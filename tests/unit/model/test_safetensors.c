#include "unit/cm.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/fs.h"
#include "model/safetensors.h"
#include "model/weights.h"

static char path[] = "/tmp/zooter-safetensors-XXXXXX";

static int make_path(void **state)
{
    int fd = mkstemp(path);

    (void)state;
    if (fd < 0)
        return -1;
    close(fd);
    return 0;
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

/* Writes a file of that header and `size` bytes of data. */
static void put(const char *header, const void *data, size_t size)
{
    char bytes[4096];
    uint64_t length = strlen(header);

    for (size_t i = 0; i < 8; i++)
        bytes[i] = (char)(length >> (8 * i));
    memcpy(bytes + 8, header, length);
    if (size)
        memcpy(bytes + 8 + length, data, size);
    assert_int_equal(zoo_fs_write(path, bytes, 8 + length + size, NULL), ZOO_OK);
}

static void what_is_written_is_read(void **state)
{
    const float a[] = { 1, -2.5f, 3e-40f, 4, 5, 6 }, b[] = { 7 };
    const zoo_tensor_out tensors[] = { { "a \"quoted\"", 2, { 2, 3 }, a }, { "b", 1, { 1 }, b } };
    zoo_weights *file;
    float out[6];

    (void)state;
    assert_int_equal(zoo_safetensors_write(path, tensors, 2, NULL), ZOO_OK);
    assert_int_equal(zoo_weights_open_file(&file, path, NULL), ZOO_OK);
    assert_int_equal(zoo_weights_count(file), 2);
    assert_int_equal(zoo_weights_read(file, "a \"quoted\"", (size_t[]){ 2, 3 }, 2, out, NULL), ZOO_OK);
    assert_memory_equal(out, a, sizeof a);
    assert_int_equal(zoo_weights_read(file, "b", (size_t[]){ 1 }, 1, out, NULL), ZOO_OK);
    assert_memory_equal(out, b, sizeof b);
    assert_int_equal(zoo_weights_check_unchanged(file, NULL), ZOO_OK);
    zoo_weights_close(file);
}

static void a_file_may_hold_no_tensor(void **state)
{
    zoo_weights *file;

    (void)state;
    put("{\"__metadata__\":{\"format\":\"pt\"}}", NULL, 0);
    assert_int_equal(zoo_weights_open_file(&file, path, NULL), ZOO_OK);
    assert_int_equal(zoo_weights_count(file), 0);
    assert_null(zoo_weights_find(file, "a"));
    zoo_weights_close(file);
}

static void sixteen_bit_floats_are_widened(void **state)
{
    /* 1, -2, the least subnormal, the most, 0.1 rounded to 11 bits */
    static const uint16_t half[] = { 0x3c00, 0xc000, 0x0001, 0x7bff, 0x2e66 };
    static const float want[] = { 1, -2, 0x1p-24f, 65504, 0.0999755859375f };
    static const uint16_t brain[] = { 0x3f80, 0xc000, 0x0001, 0x7f7f, 0x3dcd };
    static const float brain_want[] = { 1, -2, 0x1p-133f, 0x1.fep127f, 0.10009765625f };
    uint16_t data[10];
    zoo_weights *file;
    float out[5];

    (void)state;
    memcpy(data, half, 10);
    memcpy(data + 5, brain, 10);
    put("{\"h\":{\"dtype\":\"F16\",\"shape\":[5],\"data_offsets\":[0,10]},\"b\":{\"dtype\":\"BF16\",\"shape\":[5],"
        "\"data_offsets\":[10,20]}}", data, sizeof data);
    assert_int_equal(zoo_weights_open_file(&file, path, NULL), ZOO_OK);
    assert_int_equal(zoo_weights_read(file, "h", (size_t[]){ 5 }, 1, out, NULL), ZOO_OK);
    assert_memory_equal(out, want, sizeof want);
    assert_int_equal(zoo_weights_read(file, "b", (size_t[]){ 5 }, 1, out, NULL), ZOO_OK);
    assert_memory_equal(out, brain_want, sizeof brain_want);
    zoo_weights_close(file);
}

static void bad_headers_are_named(void **state)
{
    static const struct { const char *header; size_t data; const char *sentence; } cases[] = {
        { "", 0, "expected JSON" },
        { "[]", 0, "should be an object" },
        { "{\"a\":", 0, "not JSON" },
        { "{\"a\":5}", 0, "unknown dtype ''" },
        { "{\"a\":{\"dtype\":\"F33\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "unknown dtype 'F33'" },
        { "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "shape" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, "impossible shape" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}}", 4, "impossible shape" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", 0,
          "impossible shape" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904],\"data_offsets\":[0,0]}}", 0, "do not fit" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4, "shape" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "two data_offsets" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,-4]}}", 4, "two data_offsets" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, "do not fit" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, "do not fit" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 4, "cut short" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 8, "4 bytes behind" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "begins at byte 4" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
          "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "tensor 'b' begins at byte 4" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
          "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "duplicate" },
    };
    static const char data[8];
    zoo_weights *file;
    zoo_err err;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put(cases[i].header, data, cases[i].data);
        err.message[0] = '\0';
        if (zoo_weights_open_file(&file, path, &err) != ZOO_EFORMAT || !strstr(err.message, cases[i].sentence) ||
            !strstr(err.message, path))
            fail_msg("%s: '%s'", cases[i].header, err.message);
        assert_null(file);
    }
    assert_int_equal(zoo_fs_write(path, "\xff\xff\xff\xff\xff\xff\xff\xff{}", 10, NULL), ZOO_OK);
    assert_int_equal(zoo_weights_open_file(&file, path, &err), ZOO_EFORMAT);
    assert_int_equal(zoo_weights_open_file(&file, "/tmp", &err), ZOO_EIO);
}

static void the_wrong_tensor_is_named(void **state)
{
    static const float nan_value[] = { 1, NAN };
    static const float infinite[] = { INFINITY, 1 };
    const zoo_tensor_out tensors[] = { { "n", 1, { 2 }, nan_value }, { "i", 1, { 2 }, infinite } };
    zoo_weights *file;
    zoo_err err;
    float out[2];

    (void)state;
    assert_int_equal(zoo_safetensors_write(path, tensors, 2, NULL), ZOO_OK);
    assert_int_equal(zoo_weights_open_file(&file, path, NULL), ZOO_OK);
    assert_int_equal(zoo_weights_read(file, "x", (size_t[]){ 2 }, 1, out, &err), ZOO_EFORMAT);
    assert_non_null(strstr(err.message, "'x' is missing"));
    assert_int_equal(zoo_weights_read(file, "n", (size_t[]){ 2, 1 }, 2, out, &err), ZOO_EFORMAT);
    assert_int_equal(zoo_weights_read(file, "n", (size_t[]){ 3 }, 1, out, &err), ZOO_EFORMAT);
    assert_int_equal(zoo_weights_read(file, "n", (size_t[]){ 2 }, 1, out, &err), ZOO_EFORMAT);
    assert_non_null(strstr(err.message, "not a finite number"));
    assert_int_equal(zoo_weights_read(file, "i", (size_t[]){ 2 }, 1, out, &err), ZOO_EFORMAT);
    zoo_weights_close(file);
}

/* Cut while it is open: an error, where a mapping would raise SIGBUS. */
static void a_file_cut_while_it_is_read_is_an_error(void **state)
{
    static float big[100000];
    const zoo_tensor_out tensor = { "big", 1, { 100000 }, big };
    static float out[100000];
    zoo_weights *file;
    zoo_err err;

    (void)state;
    assert_int_equal(zoo_safetensors_write(path, &tensor, 1, NULL), ZOO_OK);
    assert_int_equal(zoo_weights_open_file(&file, path, NULL), ZOO_OK);
    assert_int_equal(truncate(path, 5000), 0);
    assert_int_equal(zoo_weights_read(file, "big", (size_t[]){ 100000 }, 1, out, &err), ZOO_EFORMAT);
    assert_non_null(strstr(err.message, "cut short at byte 5000"));
    assert_int_equal(zoo_weights_check_unchanged(file, &err), ZOO_EIO);
    zoo_weights_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_file_may_hold_no_tensor),
        cmocka_unit_test(sixteen_bit_floats_are_widened),
        cmocka_unit_test(bad_headers_are_named),
        cmocka_unit_test(the_wrong_tensor_is_named),
        cmocka_unit_test(a_file_cut_while_it_is_read_is_an_error),
    };
    return cmocka_run_group_tests_name("model/safetensors", tests, make_path, remove_path);
}
