/* config.c - the settings of `zooter serve`, from YAML, checked, with defaults filled in; see config.h. */
#include "gateway/config.h"
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "net/http_server.h"

/* ---- the file ---- */

struct timeouts { double *connect, *first_token, *answer, *idle, *total; };
struct limits { double *in_flight, *connections, *body_mib, *answer_mib, *route_queue, *route_ms, *drain; };
struct file {
    char *listen, *router, *default_expert, *log, *precision;
    bool allow_anonymous;
    struct timeouts *timeouts;
    struct limits *limits;
    double *route_threads;
    zoo_expert_entry *experts;
    unsigned experts_count;
};

#define OPTIONAL (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)

static const cyaml_schema_field_t timeout_fields[] = {
    CYAML_FIELD_FLOAT_PTR("connect", OPTIONAL, struct timeouts, connect),
    CYAML_FIELD_FLOAT_PTR("first_token", OPTIONAL, struct timeouts, first_token),
    CYAML_FIELD_FLOAT_PTR("answer", OPTIONAL, struct timeouts, answer),
    CYAML_FIELD_FLOAT_PTR("idle", OPTIONAL, struct timeouts, idle),
    CYAML_FIELD_FLOAT_PTR("total", OPTIONAL, struct timeouts, total),
    CYAML_FIELD_END
};

static const cyaml_schema_field_t limit_fields[] = {
    CYAML_FIELD_FLOAT_PTR("in_flight", OPTIONAL, struct limits, in_flight),
    CYAML_FIELD_FLOAT_PTR("connections", OPTIONAL, struct limits, connections),
    CYAML_FIELD_FLOAT_PTR("body_mib", OPTIONAL, struct limits, body_mib),
    CYAML_FIELD_FLOAT_PTR("answer_mib", OPTIONAL, struct limits, answer_mib),
    CYAML_FIELD_FLOAT_PTR("route_queue", OPTIONAL, struct limits, route_queue),
    CYAML_FIELD_FLOAT_PTR("route_ms", OPTIONAL, struct limits, route_ms),
    CYAML_FIELD_FLOAT_PTR("drain", OPTIONAL, struct limits, drain),
    CYAML_FIELD_END
};

static const cyaml_schema_field_t file_fields[] = {
    CYAML_FIELD_STRING_PTR("listen", CYAML_FLAG_POINTER, struct file, listen, 1, 200),
    CYAML_FIELD_STRING_PTR("router", CYAML_FLAG_POINTER, struct file, router, 1, 4000),
    CYAML_FIELD_SEQUENCE("experts", CYAML_FLAG_POINTER, struct file, experts, &zoo_expert_schema, 0,
                         ZOO_EXPERT_ENTRIES_MAX),
    CYAML_FIELD_STRING_PTR("default_expert", OPTIONAL, struct file, default_expert, 1, 200),
    CYAML_FIELD_BOOL("allow_anonymous", CYAML_FLAG_OPTIONAL, struct file, allow_anonymous),
    CYAML_FIELD_MAPPING_PTR("timeouts", OPTIONAL, struct file, timeouts, timeout_fields),
    CYAML_FIELD_MAPPING_PTR("limits", OPTIONAL, struct file, limits, limit_fields),
    CYAML_FIELD_FLOAT_PTR("route_threads", OPTIONAL, struct file, route_threads),
    CYAML_FIELD_STRING_PTR("precision", OPTIONAL, struct file, precision, 1, 20),
    CYAML_FIELD_STRING_PTR("log", OPTIONAL, struct file, log, 1, 20),
    CYAML_FIELD_END
};

static const cyaml_schema_value_t file_schema = { CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct file, file_fields) };

/* ---- numbers ---- */

/* A row of the table of numbers: what the file gives, times `scale`, goes into an unsigned, or the default does. */
struct number { const char *key; const double *given; double standard, least, most,
                scale; int is_whole; unsigned *out; };

static int read_number(const struct number *n, const char *path, zoo_err *err)
{
    double value = n->given ? *n->given : n->standard;

    if (!(value >= n->least && value <= n->most))
        return zoo_fail(err, ZOO_EFORMAT, "%s: %s should be %g to %g", path, n->key, n->least, n->most);
    if (n->is_whole && floor(value) != value)
        return zoo_fail(err, ZOO_EFORMAT, "%s: %s should be a whole number", path, n->key);
    *n->out = (unsigned)(value * n->scale + 0.5);
    return ZOO_OK;
}

static int read_numbers(zoo_gateway_config *c, const struct file *file, zoo_err *err)
{
    static const struct timeouts no_timeouts;
    static const struct limits no_limits;
    const struct timeouts *t = file->timeouts ? file->timeouts : &no_timeouts;
    const struct limits *l = file->limits ? file->limits : &no_limits;
    unsigned body_mib = 0, answer_mib = 0;
    const struct number numbers[] = {
        { "timeouts.connect", t->connect, 5, 0.001, 3600, 1000, 0, &c->connect_ms },
        { "timeouts.first_token", t->first_token, 60, 0.001, 86400, 1000, 0, &c->first_token_ms },
        { "timeouts.answer", t->answer, 300, 0.001, 86400, 1000, 0, &c->answer_ms },
        { "timeouts.idle", t->idle, 60, 0.001, 86400, 1000, 0, &c->idle_ms },
        { "timeouts.total", t->total, 600, 0.001, 86400, 1000, 0, &c->total_ms },
        { "limits.in_flight", l->in_flight, 1024, 1, 1000000, 1, 1, &c->in_flight },
        { "limits.connections", l->connections, 4096, 1, 1000000, 1, 1, &c->connections },
        { "limits.body_mib", l->body_mib, 16, 1, 1024, 1, 1, &body_mib },
        { "limits.answer_mib", l->answer_mib, 64, 1, 1024, 1, 1, &answer_mib },
        { "limits.route_queue", l->route_queue, 256, 1, 100000, 1, 1, &c->route_queue },
        { "limits.route_ms", l->route_ms, 50, 1, 60000, 1, 0, &c->route_ms },
        { "limits.drain", l->drain, 30, 0, 86400, 1, 0, &c->drain_s },
        { "route_threads", file->route_threads, 1, 1, 1024, 1, 1, &c->route_threads } };

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        int failed = read_number(&numbers[i], c->path, err);
        if (failed)
            return failed;
    }
    if (!file->route_threads)
        c->route_threads = 0;
    c->max_body = (size_t)body_mib << 20;
    c->max_answer = (size_t)answer_mib << 20;
    return ZOO_OK;
}

/* ---- words ---- */

static int read_log_level(zoo_gateway_config *c, const char *word, zoo_err *err)
{
    static const char *const levels[] = { "error", "warn", "info", "debug" };

    c->log_level = ZOO_LOG_INFO;
    for (size_t i = 0; word && i < 4; i++)
        if (!strcmp(word, levels[i])) {
            c->log_level = (enum zoo_log_level)i;
            return ZOO_OK;
        }
    return word ? zoo_fail(err, ZOO_EFORMAT, "%s: log should be error, warn, info or debug", c->path) : ZOO_OK;
}

static int read_precision(zoo_gateway_config *c, const char *word, zoo_err *err)
{
    c->precision = ZOO_PRECISION_AUTO;
    if (!word || zoo_precision_parse(word, &c->precision))
        return ZOO_OK;
    return zoo_fail(err, ZOO_EFORMAT, "%s: precision should be auto, f32, bf16 or int8", c->path);
}

static int check_listen(const zoo_gateway_config *c, zoo_err *err)
{
    zoo_err why;

    if (zoo_http_listen_check(c->listen, &why))
        return zoo_fail(err, ZOO_EFORMAT, "%s: listen: %s", c->path, why.message);
    if (!zoo_http_listen_is_loopback(c->listen) && !c->allow_anonymous)
        return zoo_fail(err, ZOO_EFORMAT,
                        "%s: listen: %s is no loopback address, and without client keys anyone who reaches it may "
                        "ask your experts; listen on 127.0.0.1, or set allow_anonymous: true", c->path, c->listen);
    return ZOO_OK;
}

static int read_words(zoo_gateway_config *c, const struct file *file, zoo_err *err)
{
    int failed;

    c->listen = zoo_arena_copy(&c->arena, file->listen, strlen(file->listen));
    c->router = zoo_arena_copy(&c->arena, file->router, strlen(file->router));
    if (file->default_expert)
        c->default_expert = zoo_arena_copy(&c->arena, file->default_expert, strlen(file->default_expert));
    if (!c->listen || !c->router || (file->default_expert && !c->default_expert))
        return zoo_fail_nomem(err);
    c->allow_anonymous = file->allow_anonymous;
    failed = read_log_level(c, file->log, err);
    if (!failed)
        failed = read_precision(c, file->precision, err);
    if (!failed)
        failed = check_listen(c, err);
    return failed;
}

int zoo_gateway_config_load(zoo_gateway_config *c, const char *path, zoo_err *err)
{
    struct file *file;
    int failed = zoo_yaml_load((void **)&file, path, &file_schema, err);

    *c = (zoo_gateway_config){ .path = path };
    if (!failed)
        failed = zoo_experts_resolve(&c->experts, file->experts, file->experts_count, path, err);
    if (!failed)
        failed = read_words(c, file, err);
    if (!failed)
        failed = read_numbers(c, file, err);
    for (size_t i = 0; !failed && i < c->experts.count; i++)
        if (!strcmp(c->experts.items[i].name, "zooter"))
            failed = zoo_fail(err, ZOO_EFORMAT, "%s: no expert may be called zooter, which is the name of the router",
                              path);
    if (!failed && c->default_expert && !zoo_experts_find(&c->experts, c->default_expert))
        failed = zoo_fail(err, ZOO_EFORMAT, "%s: default_expert: there is no expert called %s here", path,
                          c->default_expert);
    zoo_yaml_free(file, &file_schema);
    return failed;
}

void zoo_gateway_config_release(zoo_gateway_config *c)
{
    zoo_experts_release(&c->experts);
    zoo_arena_release(&c->arena);
    *c = (zoo_gateway_config){ 0 };
}
