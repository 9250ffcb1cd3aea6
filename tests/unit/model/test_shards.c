#include "unit/cm.h"
#include <stdio.h>
#include <string.h>
#include "model/shards.h"

static int parse(zoo_shards *s, const char *text, zoo_err *err)
{
    return zoo_shards_parse(s, text, strlen(text), ".safetensors", "i.json", err);
}

static void files_are_distinct_and_in_order(void **state)
{
    zoo_shards s;

    (void)state;
    assert_int_equal(parse(&s, "{\"metadata\":{\"total_size\":1},\"weight_map\":{\"a\":\"m-2.safetensors\","
                               "\"b\":\"m-1.safetensors\",\"c\":\"m-2.safetensors\"}}", NULL), ZOO_OK);
    assert_int_equal(s.count, 2);
    assert_string_equal(s.files[0], "m-2.safetensors");
    assert_string_equal(s.files[1], "m-1.safetensors");
    assert_int_equal(json_object_size(zoo_shards_map(&s)), 3);
    zoo_shards_release(&s);
}

static void names_cannot_leave_the_folder(void **state)
{
    static const char *const names[] = {
        "../m.safetensors", "/etc/m.safetensors", "a/m.safetensors", "..\\\\m.safetensors", "C:m.safetensors",
            ".safetensors",
        ".m.safetensors", "m.bin", "m", "", "m\\u0000.safetensors", "m\\n.safetensors", "\\u00e9.safetensors",
    };
    char text[200];
    zoo_shards s;
    zoo_err err;

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(text, sizeof text, "{\"weight_map\":{\"a\":\"%s\"}}", names[i]);
        if (parse(&s, text, &err) != ZOO_EFORMAT || !strstr(err.message, "the name of a file in this folder"))
            fail_msg("'%s': '%s'", names[i], err.message);
        zoo_shards_release(&s);
    }
}

static void what_is_no_index_is_refused(void **state)
{
    static const char *const texts[] = { "", "[]", "{}", "{\"weight_map\":[]}", "{\"weight_map\":{}}",
                                         "{\"weight_map\":{\"a\":1}}",
                                         "{\"weight_map\":{\"a\":\"m.safetensors\",\"a\":\"n.safetensors\"}}" };
    zoo_shards s;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(parse(&s, texts[i], NULL), ZOO_EFORMAT);
        zoo_shards_release(&s);
    }
}

static void there_is_a_most(void **state)
{
    static char text[32768] = "{\"weight_map\":{";
    zoo_shards s;
    zoo_err err;
    size_t n = strlen(text);

    (void)state;
    for (int i = 0; i <= ZOO_SHARDS_MAX; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s\"t%d\":\"m-%d.safetensors\"", i ? "," : "", i, i);
    snprintf(text + n, sizeof text - n, "}}");
    assert_int_equal(parse(&s, text, &err), ZOO_EFORMAT);
    assert_non_null(strstr(err.message, "more than 256 shards"));
    zoo_shards_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_distinct_and_in_order),
        cmocka_unit_test(names_cannot_leave_the_folder),
        cmocka_unit_test(what_is_no_index_is_refused),
        cmocka_unit_test(there_is_a_most),
    };
    return cmocka_run_group_tests_name("model/shards", tests, NULL, NULL);
}
