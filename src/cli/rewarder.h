/* rewarder.h - the two ways in which `reward` comes to its rewards, and what they share. Layer: cli. */
#ifndef ZOO_CLI_REWARDER_H
#define ZOO_CLI_REWARDER_H
#include <stdint.h>
#include "cli/stores.h"

struct zoo_reward_settings {
    const char *store, *grader, *name;
    struct zoo_choice choice;
    uint64_t threads;
    const char *endpoint, *api, *model, *api_key_env, *template_;
    uint64_t column, concurrency, retries, timeout;
};

/* One expert's rewards of this run. */
struct zoo_tally { zoo_key expert; char *name; uint64_t count; double sum; };

typedef struct zoo_rewarder {
    const struct zoo_reward_settings *settings;
    zoo_store *store;
    zoo_key reward_model;
    zoo_selection selection;
    int has_company;                   /* other processes were at work on it at the last look */
    uint64_t total;                    /* answers without a reward of this model when the run began */
    struct zoo_tally *tallies;
    size_t tally_count;
    /* Answers that got no reward, and why the first of them did not. */
    uint64_t no_reference, no_sandbox, failed;
    char why_no_sandbox[400], why_failed[400];
} zoo_rewarder;

extern const zoo_command zoo_command_reward;

/* Makes the expert's tally where there is none. */
int zoo_rewarder_name(zoo_rewarder *r, zoo_key expert, const char *name, zoo_err *err);
/* Notes that an answer of this expert, whose tally is there, was rewarded. */
void zoo_rewarder_count(zoo_rewarder *r, zoo_key expert, double reward);

/* By exact graders, on settings->threads threads; a page of answers is committed together. */
int zoo_reward_by_grader(zoo_rewarder *r, zoo_err *err);
/* By the reward model at settings->endpoint; ZOO_ECANCELED: a signal came. */
int zoo_reward_by_endpoint(zoo_rewarder *r, zoo_err *err);
#endif
