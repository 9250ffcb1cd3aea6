/* Pickles by hand: what torch.save writes for a tensor, and what it does not. */
#include "unit/cm.h"
#include <stdio.h>
#include <string.h>
#include "model/pickle.h"

#define TEXT(n, s) "X" n "\0\0\0" s
#define GLOBAL(m, s) "c" m "\n" s "\n"
#define STORAGE(type, key) "(" TEXT("\7", "storage") GLOBAL("torch", type) TEXT("\1", key) TEXT("\3", "cpu") "K\x0a" \
    "tQ"
#define V2 GLOBAL("torch._utils", "_rebuild_tensor_v2")
#define HOOKS "\x89" GLOBAL("collections", "OrderedDict") ")R"
#define TENSOR(type, key, rest) V2 "(" STORAGE(type, key) rest HOOKS "tR"
#define ONE(tensor) "\x80\2}(" TEXT("\1", "a") tensor "u."

struct seen { size_t count; zoo_pickled last; };

static int see(void *context, const zoo_pickled *tensor, zoo_err *err)
{
    struct seen *seen = context;

    (void)err;
    seen->count++;
    seen->last = *tensor;
    return ZOO_OK;
}

static zoo_err err;
static struct seen seen;

static int read_bytes(const char *bytes, size_t size)
{
    seen.count = 0;
    err.message[0] = '\0';
    return zoo_pickle_read(bytes, size, "m.bin", see, &seen, &err);
}
#define READ(literal) read_bytes(literal, sizeof literal - 1)

static void refused(int rc, const char *sentence)
{
    if (rc != ZOO_EFORMAT || !strstr(err.message, sentence) || strncmp(err.message, "m.bin: ", 7))
        fail_msg("%d '%s', expected '%s'", rc, err.message, sentence);
}

static void a_tensor_says_where_it_lies(void **state)
{
    (void)state;
    assert_int_equal(READ(ONE(TENSOR("HalfStorage", "7", "K\4" "K\2K\3\x86" "K\3K\1\x86"))), ZOO_OK);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.last.dims, 2);
    assert_int_equal(seen.last.shape[0], 2);
    assert_int_equal(seen.last.shape[1], 3);
    assert_int_equal(seen.last.offset, 4);
    assert_int_equal(seen.last.elements, 6);
    assert_string_equal(seen.last.dtype_name, "F16");
    assert_memory_equal(seen.last.name, "a", seen.last.name_size);
    assert_memory_equal(seen.last.storage, "7", seen.last.storage_size);
}

static void the_forms_that_torch_writes_are_read(void **state)
{
    (void)state;
    /* a scalar; a parameter; an OrderedDict with the versions of modules; protocol 4; a tensor of a storage that has
     * no type */
    assert_int_equal(READ(ONE(TENSOR("LongStorage", "0", "K\0" "))"))), ZOO_OK);
    assert_int_equal(seen.last.elements, 1);
    assert_int_equal(READ(ONE(GLOBAL("torch._utils", "_rebuild_parameter")
                              TENSOR("FloatStorage", "0", "K\0" "K\5\x85K\1\x85")
                              "\x88}\x87R")), ZOO_OK);
    assert_int_equal(seen.last.elements, 5);
    assert_int_equal(READ("\x80\2" GLOBAL("collections", "OrderedDict") ")Rq\0(" TEXT("\1", "a")
                          TENSOR("BFloat16Storage", "0", "K\0" "K\5\x85K\1\x85") "u}" TEXT("\1", "_") "}sb."), ZOO_OK);
    assert_int_equal(seen.count, 1);
    assert_int_equal(READ("\x80\4\x95\0\0\0\0\0\0\0\0}\x94(\x8c\1a\x94\x8c\14torch._utils\x94\x8c\22_rebuild_tensor_v2"
                          "\x94\x93\x94("
                          "(\x8c\7storage\x94\x8c\5torch\x94\x8c\14FloatStorage\x94\x93\x94\x8c\1"
                          "0\x94\x8c\3cpu\x94K\5t\x94QK\0K\5\x85\x94K\1\x85\x94\x89}t\x94R\x94u."), ZOO_OK);
    assert_int_equal(seen.last.elements, 5);
    assert_int_equal(READ(ONE(GLOBAL("torch._utils", "_rebuild_tensor_v3") "((" TEXT("\7", "storage")
                              GLOBAL("torch.storage", "UntypedStorage") TEXT("\1", "0") TEXT("\3", "cpu") "K\x0atQ"
                              "K\0K\5\x85K\1\x85\x89}" GLOBAL("torch", "float8_e4m3fn") "tR")), ZOO_OK);
    assert_string_equal(seen.last.dtype_name, "F8_E4M3");
    assert_int_equal(READ("\x80\2}(" TEXT("\1", "e") "K\3"
                          TEXT("\1", "a") TENSOR("FloatStorage", "0", "K\0" "K\5\x85K\1\x85")
                          TEXT("\1", "n") "NG\0\0\0\0\0\0\0\0K\1u."), ZOO_OK);
    assert_int_equal(seen.count, 1);
    /* a stride of size 1 */
    assert_int_equal(READ(ONE(TENSOR("FloatStorage", "0", "K\0" "K\1K\5\x86K\x63K\1\x86"))), ZOO_OK);
}

static void nothing_is_called(void **state)
{
    (void)state;
    refused(READ("\x80\2cposix\nsystem\nX\4\0\0\0true\x85R."), "asks for 'posix.system'");
    refused(READ("\x80\4\x8c\10builtins\x8c\4exec\x93."), "asks for 'builtins.exec'");
    refused(READ("\x80\2}(" TEXT("\1", "a") "ctorch.storage\n_load_from_bytes\n"),
            "asks for 'torch.storage._load_from_bytes'");
    refused(READ("\x80\2ctorch\nload\n."), "asks for 'torch.load'");
    refused(READ("(S'true'\nios\nsystem\n."), "opcode 0x53");
    refused(READ("(ios\nsystem\n."), "opcode 0x69");
    refused(READ("\x80\2\x82\1."), "opcode 0x82");                           /* an extension's code */
    refused(READ("\x80\2cposix\n"), "cut short");
}

static void what_is_no_tensor_is_refused(void **state)
{
    (void)state;
    refused(READ(ONE(TENSOR("FloatStorage", "0", "K\0" "K\2K\3\x86K\1K\2\x86"))), "'a' does not lie row by row");
    refused(READ(ONE(TENSOR("FloatStorage", "0", "J\xff\xff\xff\xff" "K\2\x85K\1\x85"))), "without a storage");
    refused(READ(ONE(TENSOR("FloatStorage", "0", "K\0" "J\xff\xff\xff\xff\x85K\1\x85"))), "without a shape");
    refused(READ(ONE(TENSOR("FloatStorage", "0", "K\0" "K\2\x85K\1K\1\x86"))), "without a shape");
    refused(READ(ONE(TENSOR("FloatStorage", "0", "\x8a\10\0\0\0\0\0\0\0\x7f" "\x8a\10\0\0\0\0\0\0\0\x7f\x85K\1\x85"))),
            "impossible shape");
    refused(READ(ONE(V2 "(K\0K\0))" HOOKS "tR")), "without a storage");
    refused(READ(ONE("K\1)R")), "no function");
    refused(READ("\x80\2)."), "no dictionary");
    refused(READ("\x80\2}."), "no tensor");
    refused(READ("\x80\2."), "no dictionary");
    refused(READ("\x80\2}(" TEXT("\1", "a") "}u."), "no tensor");
    refused(READ("\x80\2u."), "no mark");
    refused(READ("\x80\2(K\1K\2u."), "without a dictionary");
    refused(READ("\x80\2}(K\1u."), "without a dictionary");
    refused(READ("\x80\2h\5."), "unknown reference");
    refused(READ("\x80\2r\xff\xff\xff\x7f."), "nothing to remember");
    refused(READ("\x80\2Nr\xff\xff\xff\x7f."), "remembers more than");
    refused(READ("\x80\2X\xff\xff\xff\xff" "a."), "cut short");
    refused(READ("\x80\2" "K"), "cut short");
    refused(READ(""), "cut short");
    refused(READ("\x80\2NQ."), "names no storage");
}

static void a_pickle_of_values_alone_ends(void **state)
{
    static char many[5 << 20];

    (void)state;
    memset(many, 'N', sizeof many);
    refused(read_bytes(many, sizeof many), "more than 4194304 values");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tensor_says_where_it_lies),
        cmocka_unit_test(the_forms_that_torch_writes_are_read),
        cmocka_unit_test(nothing_is_called),
        cmocka_unit_test(what_is_no_tensor_is_refused),
        cmocka_unit_test(a_pickle_of_values_alone_ends),
    };
    return cmocka_run_group_tests_name("model/pickle", tests, NULL, NULL);
}
