/* tiny.h - a small router with random weights, for tests: three experts, two kinds of tag. */
#ifndef ZOO_TESTS_TINY_H
#define ZOO_TESTS_TINY_H
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/fs.h"
#include "base/rng.h"
#include "model/ngram_encoder.h"

static const char *const tiny_experts[] = { "alpha", "org/beta-7b", "gamma" };
static const char *const tiny_subsets[] = { "math", "code" }, *const tiny_subjects[] = { "a", "b", "c" };
static const zoo_tag_names tiny_tags[] = { { "subset", 2, tiny_subsets }, { "subject", 3, tiny_subjects } };
static const double tiny_means[] = { 0.25, 0.5, 0.125 };
static const zoo_router_facts tiny_facts = { 3, tiny_experts, tiny_means, 0.1, 2, tiny_tags };

static inline zoo_ngram_config tiny_config(void)
{
    zoo_ngram_config c = { .features = ZOO_NGRAMS_DEFAULT, .dim = 8, .hidden = 4, .experts = 3, .kinds = 2,
                           .kind_values = { 2, 3 } };

    c.features.buckets = 512;
    return c;
}

static inline float *tiny_params(const zoo_ngram_net *net, uint64_t seed)
{
    float *params = zoo_ngram_params_new(net, NULL);
    zoo_rng rng;

    zoo_rng_init(&rng, seed);
    for (size_t i = 0; params && i < net->size; i++)
        params[i] = (float)zoo_rng_normal(&rng);
    return params;
}

/* Saves one to `dir`; 0 where that went well. */
static inline int tiny_save(const char *dir, int force, uint64_t seed, zoo_err *err)
{
    zoo_ngram_net net;
    zoo_ngram_config config = tiny_config();
    float *params;
    int rc = zoo_ngram_net_init(&net, &config, "tiny", err);

    if (rc)
        return rc;
    params = tiny_params(&net, seed);
    rc = params ? zoo_ngram_save(dir, force, &net, params, &tiny_facts, NULL, err) : ZOO_ENOMEM;
    free(params);
    return rc;
}
#endif
