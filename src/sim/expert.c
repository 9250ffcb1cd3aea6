/* expert.c - simulated experts: which there are, how good at what, how fast, how reliable; see expert.h. */
#include "sim/expert.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int zoo_sim_config_uniform(zoo_sim_config *out, size_t k, zoo_err *err)
{
    memset(out, 0, sizeof *out);
    if (k < 1 || k > ZOO_SIM_EXPERTS_MAX)
        return zoo_fail(err, ZOO_EUSAGE, "%zu simulated experts: give 1 to %d", k, ZOO_SIM_EXPERTS_MAX);
    out->experts = calloc(k, sizeof *out->experts);
    if (!out->experts)
        return zoo_fail_nomem(err);
    out->count = k;
    for (size_t i = 0; i < k; i++) {
        zoo_sim_expert *e = &out->experts[i];
        snprintf(e->name, sizeof e->name, "expert-%zu", i + 1);
        e->failure_status = 500;
        for (size_t kind = 0; kind < zoo_sim_kind_count(); kind++)
            e->strengths[kind] = kind % k == i ? 0.9 : 0.4;
    }
    return ZOO_OK;
}

void zoo_sim_config_release(zoo_sim_config *config)
{
    free(config->experts);
    memset(config, 0, sizeof *config);
}

const zoo_sim_expert *zoo_sim_expert_find(const zoo_sim_config *config, const char *name)
{
    for (size_t i = 0; i < config->count; i++)
        if (!strcmp(config->experts[i].name, name))
            return &config->experts[i];
    return NULL;
}

static size_t kind_index(const zoo_sim_kind *kind)
{
    size_t i = 0;

    while (zoo_sim_kinds[i] != kind)
        i++;
    return i;
}

size_t zoo_sim_answer(const zoo_sim_config *config, const zoo_sim_expert *expert, const char *query, size_t size,
                      char out[ZOO_SIM_TEXT_SIZE])
{
    char value[ZOO_SIM_TEXT_SIZE];
    zoo_sim_task task;
    zoo_rng rng;
    int is_right, failed = 1;

    if (zoo_sim_match(query, size, &task)) {
        zoo_rng_init(&rng, zoo_hash64(query, size, zoo_hash64(expert->name, strlen(expert->name), config->seed)));
        is_right = zoo_rng_uniform(&rng) < expert->strengths[kind_index(task.kind)];
        failed = (is_right ? zoo_sim_solve(&task, value, sizeof value) :
                  zoo_sim_mistake(&task, &rng, value, sizeof value)) ||
                      zoo_sim_phrase(&task, value, &rng, out, ZOO_SIM_TEXT_SIZE);
    }
    if (failed)
        snprintf(out, ZOO_SIM_TEXT_SIZE,
                 "I am %s, a simulated expert. I can answer only the kinds of question in the sample "
                 "of `zooter sim --write-sample`, so to this one I have nothing to say.", expert->name);
    return strlen(out);
}

static int is_word_byte(char c)
{
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

int zoo_sim_is_right(const char *query, size_t query_size, const char *answer)
{
    char right[ZOO_SIM_TEXT_SIZE];
    zoo_sim_task task;
    size_t n;

    if (!zoo_sim_match(query, query_size, &task) || zoo_sim_solve(&task, right, sizeof right))
        return 0;
    n = strlen(right);
    for (const char *p = answer; (p = strstr(p, right)); p++)          /* not as a part of a longer word or number */
        if ((p == answer || !is_word_byte(p[-1]) || !is_word_byte(right[0])) &&
            (!is_word_byte(p[n]) || !is_word_byte(right[n - 1])))
            return 1;
    return 0;
}
