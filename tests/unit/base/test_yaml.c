#include "unit/cm.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/fs.h"
#include "base/yaml.h"

struct item { char *name; double price; };
struct settings { char *listen; struct item *items; unsigned items_count; };

static const cyaml_schema_field_t item_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct item, name, 1, 100),
    CYAML_FIELD_FLOAT("price", CYAML_FLAG_OPTIONAL, struct item, price), CYAML_FIELD_END };
static const cyaml_schema_value_t item_schema = { CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct item, item_fields) };
static const cyaml_schema_field_t fields[] = {
    CYAML_FIELD_STRING_PTR("listen", CYAML_FLAG_POINTER, struct settings, listen, 1, 100),
    CYAML_FIELD_SEQUENCE("items", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct settings, items, &item_schema, 0,
                         10),
    CYAML_FIELD_END };
static const cyaml_schema_value_t schema = { CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct settings, fields) };

static char path[] = "/tmp/zooter-yaml-XXXXXX";

static int load(const char *text, struct settings **out, zoo_err *err)
{
    void *data;
    int rc;

    assert_int_equal(zoo_fs_write(path, text, strlen(text), NULL), ZOO_OK);
    rc = zoo_yaml_load(&data, path, &schema, err);
    *out = data;
    return rc;
}

static void settings_become_a_struct(void **state)
{
    struct settings *s;

    (void)state;
    assert_int_equal(load("listen: here\nitems:\n  - name: a\n    price: 2.5\n  - name: b\n", &s, NULL), ZOO_OK);
    assert_string_equal(s->listen, "here");
    assert_int_equal(s->items_count, 2);
    assert_string_equal(s->items[1].name, "b");
    zoo_yaml_free(s, &schema);
}

static void a_mistake_is_named_with_its_line(void **state)
{
    static const struct { const char *text, *what, *where; } cases[] = {
        { "listen: here\nlitsen: x\n", "Unexpected key: litsen", "line: 2" },
        { "items:\n  - name: a\n", "Missing required mapping field: listen", "line: " },
        { "listen: here\nitems:\n  - name: a\n    price: dear\n", "dear", "line: 4" },
        { "listen: [\n", "", "" },
        { "", "", "" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct settings *s;
        zoo_err err;
        assert_int_equal(load(cases[i].text, &s, &err), ZOO_EFORMAT);
        assert_null(s);
        assert_non_null(strstr(err.message, path));
        if (!strstr(err.message, cases[i].what) || !strstr(err.message, cases[i].where))
            fail_msg("'%s' lacks '%s' or '%s'", err.message, cases[i].what, cases[i].where);
    }
}

static int make_file(void **state)
{
    int fd = mkstemp(path);

    (void)state;
    return fd < 0 || close(fd);
}

static int drop_file(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_become_a_struct),
        cmocka_unit_test(a_mistake_is_named_with_its_line),
    };
    return cmocka_run_group_tests_name("base/yaml", tests, make_file, drop_file);
}
