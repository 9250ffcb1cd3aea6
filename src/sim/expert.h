/* expert.h - simulated experts: which there are, how good at what, how fast, how reliable; and what one answers.
 *
 *     zoo_sim_config config;
 *     zoo_sim_config_load(&config, "sim.yaml", &err);            // or zoo_sim_config_uniform(&config, 6, &err)
 *     zoo_sim_answer(&config, &config.experts[0], query, size, answer, sizeof answer);
 *     zoo_sim_config_release(&config);
 *
 * An expert reads the text and nothing else. Whether it answers rightly is drawn with its strength at that kind of task
 * from the seed, its name and the text: the same question gets the same answer, today and tomorrow.
 * Layer: sim -> base. Threads: a config is immutable once loaded. */
#ifndef ZOO_SIM_EXPERT_H
#define ZOO_SIM_EXPERT_H
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/name.h"
#include "sim/tasks.h"

enum { ZOO_SIM_KINDS_MAX = 32, ZOO_SIM_EXPERTS_MAX = 256 };

typedef struct zoo_sim_expert {
    char name[ZOO_NAME_MAX + 1];
    double strengths[ZOO_SIM_KINDS_MAX];      /* probability of a right answer, by kind as in zoo_sim_kinds */
    double latency_ms;                        /* before the first token */
    double tokens_per_s;                      /* 0: all at once */
    /* Of requests: answered with failure_status; never ended; connection closed half-way. Together at most 1. */
    double failure_rate, stall_rate, cut_rate;
    unsigned failure_status;                  /* 400..599 */
} zoo_sim_expert;

typedef struct zoo_sim_config {
    uint64_t seed;
    zoo_sim_expert *experts;
    size_t count;
} zoo_sim_config;

/* Reads the settings file; docs in `zooter sim --help`. ZOO_EIO, ZOO_EFORMAT with *out empty. */
int zoo_sim_config_load(zoo_sim_config *out, const char *path, zoo_err *err);
/* expert-1..expert-K: answer at once, never fail; expert i is strong (0.9)
 * at every K-th kind from the i-th on, else 0.4. */
int zoo_sim_config_uniform(zoo_sim_config *out, size_t k, zoo_err *err);
void zoo_sim_config_release(zoo_sim_config *config);
const zoo_sim_expert *zoo_sim_expert_find(const zoo_sim_config *config, const char *name);       /* NULL: none */

/* Fills `out` with what the expert says, in at most ZOO_SIM_TEXT_SIZE bytes; returns its length. */
size_t zoo_sim_answer(const zoo_sim_config *config, const zoo_sim_expert *expert, const char *query, size_t size,
                      char out[ZOO_SIM_TEXT_SIZE]);
/* Whether `answer` holds the right value for `query`: 1 or 0; 0 also where the query is no task. What a simulated
 * reward model goes by; graders proper are elsewhere. */
int zoo_sim_is_right(const char *query, size_t query_size, const char *answer);
#endif
