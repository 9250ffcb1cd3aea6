/* experts.c - the `experts:` block of a settings file: which LLMs there are and how to reach them; see experts.h. */
#include "llm/experts.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/name.h"

enum { MAX_URL = 2000, MAX_MODEL = 500, MAX_KEY = 4000 };

/* ---- the schema ---- */

static const cyaml_schema_field_t price_fields[] = {
    CYAML_FIELD_FLOAT("input", CYAML_FLAG_OPTIONAL, struct zoo_expert_price, input),
    CYAML_FIELD_FLOAT("output", CYAML_FLAG_OPTIONAL, struct zoo_expert_price, output),
    CYAML_FIELD_END
};

static const cyaml_schema_field_t entry_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, zoo_expert_entry, name, 0, 1000),
    CYAML_FIELD_STRING_PTR("base_url", CYAML_FLAG_POINTER, zoo_expert_entry, base_url, 0, MAX_URL),
    CYAML_FIELD_STRING_PTR("model", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, zoo_expert_entry, model, 1, MAX_MODEL),
    CYAML_FIELD_STRING_PTR("api_key_env", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, zoo_expert_entry, api_key_env, 1,
                           200),
    CYAML_FIELD_MAPPING_PTR("price", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, zoo_expert_entry, price, price_fields),
    CYAML_FIELD_UINT("context", CYAML_FLAG_OPTIONAL, zoo_expert_entry, context),
    CYAML_FIELD_END
};

const cyaml_schema_value_t zoo_expert_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, zoo_expert_entry, entry_fields)
};

/* ---- checks ---- */

static int has_blank_or_control(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s <= ' ' || *s == 0x7f)
            return 1;
    return 0;
}

static int check_url(const char *url, const char *place, zoo_err *err)
{
    const char *host = !strncmp(url, "http://", 7) ? url + 7 : !strncmp(url, "https://", 8) ? url + 8 : NULL;
    size_t n = host ? strcspn(host, "/?#") : 0;

    if (!n || has_blank_or_control(url) || strpbrk(host, "?#"))
        return zoo_fail(err, ZOO_EFORMAT, "%s: base_url should be an address such as http://127.0.0.1:8000/v1", place);
    if (memchr(host, '@', n))
        return zoo_fail(err, ZOO_EFORMAT, "%s: base_url must not hold a name or password; use api_key_env for the key",
                        place);
    return ZOO_OK;
}

static int check_price(const struct zoo_expert_price *price, const char *place, zoo_err *err)
{
    if (!price || (isfinite(price->input) && price->input >= 0 && isfinite(price->output) && price->output >= 0))
        return ZOO_OK;
    return zoo_fail(err, ZOO_EFORMAT, "%s: prices are dollars per million tokens, 0 or more", place);
}

static int read_key(const char **key, zoo_arena *arena, const char *variable, const char *place, zoo_err *err)
{
    const char *value = variable ? getenv(variable) : NULL;

    *key = NULL;
    if (!variable)
        return ZOO_OK;
    if (!value || !*value)
        return zoo_fail(err, ZOO_EFORMAT, "%s: the environment variable %s, named by api_key_env, is not set", place,
                        variable);
    if (has_blank_or_control(value) || strlen(value) > MAX_KEY)
        return zoo_fail(err, ZOO_EFORMAT,
                        "%s: the environment variable %s holds blanks, control characters or more than %d bytes, "
                        "which a key may not", place, variable, MAX_KEY);
    *key = zoo_arena_copy(arena, value, strlen(value));
    return *key ? ZOO_OK : zoo_fail_nomem(err);
}

static int resolve_one(zoo_expert *e, zoo_arena *arena, const zoo_expert_entry *entry, const char *place, zoo_err *err)
{
    const char *model = entry->model ? entry->model : entry->name;
    size_t n = strlen(entry->base_url);
    int failed = zoo_name_check(entry->name, place, err);

    if (!failed)
        failed = check_url(entry->base_url, place, err);
    if (!failed)
        failed = check_price(entry->price, place, err);
    if (!failed)
        failed = read_key(&e->api_key, arena, entry->api_key_env, place, err);
    if (failed)
        return failed;
    while (n && entry->base_url[n - 1] == '/')
        n--;
    e->name = zoo_arena_copy(arena, entry->name, strlen(entry->name));
    e->base_url = zoo_arena_copy(arena, entry->base_url, n);
    e->model = zoo_arena_copy(arena, model, strlen(model));
    e->has_price = entry->price != NULL;
    e->price_input = entry->price ? entry->price->input : 0;
    e->price_output = entry->price ? entry->price->output : 0;
    e->context = entry->context;
    return e->name && e->base_url && e->model ? ZOO_OK : zoo_fail_nomem(err);
}

int zoo_experts_resolve(zoo_experts *out, const zoo_expert_entry *entries, size_t count, const char *path, zoo_err *err)
{
    char place[400];
    int failed = ZOO_OK;

    *out = (zoo_experts){ 0 };
    if (!count)
        return zoo_fail(err, ZOO_EFORMAT, "%s: no experts in it", path);
    out->items = zoo_arena_alloc(&out->arena, count * sizeof *out->items);
    if (!out->items)
        return zoo_fail_nomem(err);
    for (size_t i = 0; !failed && i < count; i++) {
        snprintf(place, sizeof place, "%.300s: expert %zu", path, i + 1);
        failed = resolve_one(&out->items[i], &out->arena, &entries[i], place, err);
        if (!failed && zoo_experts_find(out, entries[i].name))
            failed = zoo_fail(err, ZOO_EFORMAT, "%s: there are two experts called %s", path, entries[i].name);
        out->count = i + 1;
    }
    if (failed)
        zoo_experts_release(out);
    return failed;
}

/* serve's settings file, whose other keys are known by name so that a mistyped one is still refused. */
struct file { zoo_expert_entry *experts; unsigned experts_count; };

static const cyaml_schema_field_t file_fields[] = {
    CYAML_FIELD_SEQUENCE("experts", CYAML_FLAG_POINTER, struct file, experts, &zoo_expert_schema, 0,
                         ZOO_EXPERT_ENTRIES_MAX),
    CYAML_FIELD_IGNORE("listen", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_IGNORE("router", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_IGNORE("default_expert", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_IGNORE("allow_anonymous", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_IGNORE("timeouts", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_IGNORE("limits", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_IGNORE("route_threads", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_IGNORE("precision", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_IGNORE("log", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_END
};

static const cyaml_schema_value_t file_schema = { CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct file, file_fields) };

int zoo_experts_load(zoo_experts *out, const char *path, zoo_err *err)
{
    void *file;
    int rc = zoo_yaml_load(&file, path, &file_schema, err);

    *out = (zoo_experts){ 0 };
    if (!rc)
        rc = zoo_experts_resolve(out, ((struct file *)file)->experts, ((struct file *)file)->experts_count, path, err);
    zoo_yaml_free(file, &file_schema);
    return rc;
}

void zoo_experts_release(zoo_experts *experts)
{
    zoo_arena_release(&experts->arena);
    *experts = (zoo_experts){ 0 };
}

const zoo_expert *zoo_experts_find(const zoo_experts *experts, const char *name)
{
    for (size_t i = 0; i < experts->count; i++)
        if (!strcmp(experts->items[i].name, name))
            return &experts->items[i];
    return NULL;
}
