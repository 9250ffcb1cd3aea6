#include "unit/cm.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "llm/experts.h"

struct settings { zoo_expert_entry *experts; unsigned experts_count; };

static const cyaml_schema_field_t fields[] = {
    CYAML_FIELD_SEQUENCE("experts", CYAML_FLAG_POINTER, struct settings, experts, &zoo_expert_schema, 0,
                         ZOO_EXPERT_ENTRIES_MAX),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t schema = { CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct settings, fields) };

static int load(zoo_experts *out, const char *yaml, zoo_err *err)
{
    char path[] = "/tmp/zooter-experts-XXXXXX";
    struct settings *settings;
    int fd = mkstemp(path), failed;
    size_t n = strlen(yaml);

    assert_true(fd >= 0 && write(fd, yaml, n) == (ssize_t)n && !close(fd));
    memset(out, 0, sizeof *out);
    failed = zoo_yaml_load((void **)&settings, path, &schema, err);
    if (!failed)
        failed = zoo_experts_resolve(out, settings->experts, settings->experts_count, "zoo.yaml", err);
    zoo_yaml_free(settings, &schema);
    unlink(path);
    return failed;
}

static void every_field_is_read_and_defaults_are_filled_in(void **state)
{
    zoo_experts e;
    zoo_err err;

    (void)state;
    setenv("ZOO_TEST_KEY", "sk-secret", 1);
    assert_int_equal(load(&e, "experts:\n"
                          "  - {name: a/b, base_url: 'http://h:1/v1//', model: m, api_key_env: ZOO_TEST_KEY,"
                          " price: {input: 0.5, output: 1.5}, context: 4096}\n"
                          "  - {name: plain, base_url: 'https://x'}\n", &err), ZOO_OK);
    assert_int_equal(e.count, 2);
    assert_string_equal(e.items[0].base_url, "http://h:1/v1");
    assert_string_equal(e.items[0].model, "m");
    assert_string_equal(e.items[0].api_key, "sk-secret");
    assert_true(e.items[0].price_input == 0.5 && e.items[0].price_output == 1.5 && e.items[0].context == 4096);
    assert_string_equal(e.items[1].model, "plain");
    assert_null(e.items[1].api_key);
    assert_true(e.items[1].price_input == 0 && e.items[1].context == 0);
    assert_ptr_equal(zoo_experts_find(&e, "plain"), &e.items[1]);
    assert_null(zoo_experts_find(&e, "other"));
    zoo_experts_release(&e);
}

static void what_is_wrong_is_named(void **state)
{
    static const struct { const char *entry, *words; } cases[] = {
        { "{name: 'a b', base_url: 'http://h'}", "expert 1" },
        { "{name: '', base_url: 'http://h'}", "expert 1" },
        { "{name: a, base_url: 'ftp://h'}", "base_url" },
        { "{name: a, base_url: 'http://'}", "base_url" },
        { "{name: a, base_url: 'http://h/?q=1'}", "base_url" },
        { "{name: a, base_url: \"http://h/\\r\\nX: y\"}", "base_url" },
        { "{name: a, base_url: 'http://me:pw@h/v1'}", "api_key_env" },
        { "{name: a}", "base_url" },
        { "{base_url: 'http://h'}", "name" },
        { "{name: a, base_url: 'http://h', api_key_env: ZOO_TEST_ABSENT}", "ZOO_TEST_ABSENT" },
        { "{name: a, base_url: 'http://h', api_key_env: ZOO_TEST_BROKEN}", "ZOO_TEST_BROKEN" },
        { "{name: a, base_url: 'http://h', price: {input: -1}}", "price" },
        { "{name: a, base_url: 'http://h', price: {input: .nan}}", "input" },
        { "{name: a, base_url: 'http://h', context: -5}", "context" },
        { "{name: a, base_url: 'http://h', colour: red}", "colour" },
        { "{name: a, base_url: 'http://h'}\n  - {name: a, base_url: 'http://g'}", "two experts called a" } };
    char yaml[500];

    (void)state;
    unsetenv("ZOO_TEST_ABSENT");
    setenv("ZOO_TEST_BROKEN", "sk-hidden\r\nX: y", 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        zoo_experts e;
        zoo_err err;
        snprintf(yaml, sizeof yaml, "experts:\n  - %s\n", cases[i].entry);
        if (load(&e, yaml, &err) == ZOO_OK)
            fail_msg("accepted: %s", cases[i].entry);
        if (!strstr(err.message, cases[i].words))
            fail_msg("%s: %s", cases[i].entry, err.message);
        assert_null(strstr(err.message, "sk-hidden"));
        assert_null(strstr(err.message, "pw@"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_is_read_and_defaults_are_filled_in),
        cmocka_unit_test(what_is_wrong_is_named),
    };
    return cmocka_run_group_tests_name("llm/experts", tests, NULL, NULL);
}
