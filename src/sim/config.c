/* config.c - the settings file of simulated experts: a cyaml table made at run time,
 * as its keys are the kinds of task. */
#include <stdlib.h>
#include <string.h>
#include "base/yaml.h"
#include "sim/expert.h"

/* As written; NULL: not given. */
struct written_strengths { double *of[ZOO_SIM_KINDS_MAX]; };
struct written_expert {
    char *name;
    double *strength, *latency_ms, *tokens_per_s, *failure_rate, *stall_rate, *cut_rate;
    unsigned *failure_status;
    struct written_strengths *strengths;
};
struct written {
    uint64_t *seed;
    struct written_expert *experts;
    unsigned experts_count;
};

struct tables {
    cyaml_schema_field_t strengths[ZOO_SIM_KINDS_MAX + 1], expert[10], top[3];
    cyaml_schema_value_t entry, settings;
};

#define OPTIONAL (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)

static void make_tables(struct tables *t)
{
    const cyaml_schema_field_t expert[] = {
        CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct written_expert, name, 1, ZOO_NAME_MAX),
        CYAML_FIELD_FLOAT_PTR("strength", OPTIONAL, struct written_expert, strength),
        CYAML_FIELD_MAPPING_PTR("strengths", OPTIONAL, struct written_expert, strengths, t->strengths),
        CYAML_FIELD_FLOAT_PTR("latency_ms", OPTIONAL, struct written_expert, latency_ms),
        CYAML_FIELD_FLOAT_PTR("tokens_per_s", OPTIONAL, struct written_expert, tokens_per_s),
        CYAML_FIELD_FLOAT_PTR("failure_rate", OPTIONAL, struct written_expert, failure_rate),
        CYAML_FIELD_UINT_PTR("failure_status", OPTIONAL, struct written_expert, failure_status),
        CYAML_FIELD_FLOAT_PTR("stall_rate", OPTIONAL, struct written_expert, stall_rate),
        CYAML_FIELD_FLOAT_PTR("cut_rate", OPTIONAL, struct written_expert, cut_rate),
        CYAML_FIELD_END
    };
    const cyaml_schema_field_t top[] = {
        CYAML_FIELD_UINT_PTR("seed", OPTIONAL, struct written, seed),
        CYAML_FIELD_SEQUENCE("experts", CYAML_FLAG_POINTER, struct written, experts, &t->entry, 1, ZOO_SIM_EXPERTS_MAX),
        CYAML_FIELD_END
    };
    const cyaml_schema_value_t entry = { CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct written_expert, t->expert) };
    const cyaml_schema_value_t settings = { CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct written, t->top) };

    memset(t->strengths, 0, sizeof t->strengths);
    for (size_t i = 0; zoo_sim_kinds[i]; i++) {
        const cyaml_schema_field_t field =
            CYAML_FIELD_FLOAT_PTR(zoo_sim_kinds[i]->name, OPTIONAL, struct written_strengths, of[i]);
        memcpy(&t->strengths[i], &field, sizeof field);
    }
    memcpy(t->expert, expert, sizeof expert);
    memcpy(t->top, top, sizeof top);
    memcpy(&t->entry, &entry, sizeof entry);
    memcpy(&t->settings, &settings, sizeof settings);
}

/* *out = what is written, or the default; refused outside least..most. */
static int take(double *out, const double *written, double fallback, double least, double most, const char *key,
                const char *expert, const char *path, zoo_err *err)
{
    *out = written ? *written : fallback;
    if (*out >= least && *out <= most)
        return ZOO_OK;
    return zoo_fail(err, ZOO_EFORMAT, "%s: expert '%s': %s is %g and should be %g to %g", path, expert, key, *out,
                    least, most);
}

static int resolve_expert(zoo_sim_expert *out, const struct written_expert *w, const char *path, zoo_err *err)
{
    double strength, status = w->failure_status ? *w->failure_status : 500;
    int rc = zoo_name_check(w->name, path, err);

    if (rc)
        return rc;
    memcpy(out->name, w->name, strlen(w->name) + 1);
    if ((rc = take(&strength, w->strength, 0.5, 0, 1, "strength", w->name, path, err)) ||
        (rc = take(&out->latency_ms, w->latency_ms, 0, 0, 600000, "latency_ms", w->name, path, err)) ||
        (rc = take(&out->tokens_per_s, w->tokens_per_s, 0, 0, 1e6, "tokens_per_s", w->name, path, err)) ||
        (rc = take(&out->failure_rate, w->failure_rate, 0, 0, 1, "failure_rate", w->name, path, err)) ||
        (rc = take(&out->stall_rate, w->stall_rate, 0, 0, 1, "stall_rate", w->name, path, err)) ||
        (rc = take(&out->cut_rate, w->cut_rate, 0, 0, 1, "cut_rate", w->name, path, err)) ||
        (rc = take(&status, &status, 500, 400, 599, "failure_status", w->name, path, err)))
        return rc;
    if (!(out->failure_rate + out->stall_rate + out->cut_rate <= 1))
        return zoo_fail(err, ZOO_EFORMAT,
                        "%s: expert '%s': failure_rate, stall_rate and cut_rate add up to more than 1", path, w->name);
    out->failure_status = (unsigned)status;
    for (size_t i = 0; zoo_sim_kinds[i] && !rc; i++)
        rc = take(&out->strengths[i], w->strengths ? w->strengths->of[i] : NULL, strength, 0, 1, zoo_sim_kinds[i]->name,
                  w->name, path, err);
    return rc;
}

static int resolve(zoo_sim_config *out, const struct written *w, const char *path, zoo_err *err)
{
    int rc = ZOO_OK;

    out->seed = w->seed ? *w->seed : 1;
    out->experts = calloc(w->experts_count, sizeof *out->experts);
    if (!out->experts)
        return zoo_fail_nomem(err);
    for (; out->count < w->experts_count && !rc; out->count++) {
        const char *name = w->experts[out->count].name;
        if (zoo_sim_expert_find(out, name))
            return zoo_fail(err, ZOO_EFORMAT, "%s: two experts are called '%.128s'; names must differ", path, name);
        rc = resolve_expert(&out->experts[out->count], &w->experts[out->count], path, err);
    }
    return rc;
}

int zoo_sim_config_load(zoo_sim_config *out, const char *path, zoo_err *err)
{
    struct tables *tables = calloc(1, sizeof *tables);
    void *written = NULL;
    int rc;

    memset(out, 0, sizeof *out);
    if (!tables)
        return zoo_fail_nomem(err);
    make_tables(tables);
    rc = zoo_yaml_load(&written, path, &tables->settings, err);
    if (!rc)
        rc = resolve(out, written, path, err);
    if (rc)
        zoo_sim_config_release(out);
    zoo_yaml_free(written, &tables->settings);
    free(tables);
    return rc;
}
