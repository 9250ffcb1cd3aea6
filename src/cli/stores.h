/* stores.h - what commands share about stores: opening one with advice in terms of options,
 * and the options that choose rows.
 *
 *     struct settings { const char *store; struct zoo_choice choice; };
 *     ... ZOO_OPTION_STORE(struct settings, store, "the store"),        // in the table
 *     ... ZOO_OPTION_SPLIT(struct settings, choice)
 *     zoo_cli_store_open(&store, s->store, ZOO_STORE_READ, &err);
 *     filter = zoo_choice_filter(&s->choice);
 *
 * Layer: cli. */
#ifndef ZOO_CLI_STORES_H
#define ZOO_CLI_STORES_H
#include "base/json.h"
#include "cli/command.h"
#include "store/store.h"

struct zoo_choice {
    zoo_list split, where, experts, without, reward_model;
    uint64_t sample;                     /* 0: all */
};

#define ZOO_OPTION_STORE(settings, member, help) \
    { "store", "STORE", OPTION_TEXT | OPTION_REQUIRED, offsetof(settings, member), help, 0, 0 }
#define ZOO_OPTION_SPLIT(settings, member) \
    { "split", "NAME,...", OPTION_NAMES, offsetof(settings, member.split), \
      "only queries of these splits (default: all)", 0, 0 }
#define ZOO_OPTION_WHERE(settings, member) \
    { "where", "KIND=TAG", OPTION_LIST, offsetof(settings, member.where), \
      "only queries with this tag, as subset=mmlu; given again: one of the tags named of each kind", 0, 0 }
#define ZOO_OPTION_EXPERTS(settings, member) \
    { "experts", "NAME,...", OPTION_NAMES, offsetof(settings, member.experts), "only these experts (default: all)", 0, \
      0 }
#define ZOO_OPTION_WITHOUT(settings, member) \
    { "without", "NAME,...", OPTION_NAMES, offsetof(settings, member.without), "not these experts", 0, 0 }
#define ZOO_OPTION_SAMPLE(settings, member) \
    { "sample", "N", OPTION_COUNT, offsetof(settings, member.sample), \
      "count only rewards of each expert's Nth answer to a query (default: the mean over its answers)", 1, \
      ZOO_STORE_SAMPLES_MAX }

/* zoo_store_open() with advice that names options and commands. */
int zoo_cli_store_open(zoo_store **out, const char *where, enum zoo_store_mode mode, zoo_err *err);
/* Borrows the choice's names. */
zoo_store_filter zoo_choice_filter(const struct zoo_choice *choice);
/* "split": "a,b" and so on for a run's record, where they are given; ZOO_ENOMEM. */
int zoo_choice_describe(const struct zoo_choice *choice, json_t *object);
/* Sentence for a selection without queries: ZOO_EUSAGE. */
int zoo_choice_fail_empty(const zoo_store *store, const struct zoo_choice *choice, zoo_err *err);
/* Sentence for `queries` of which none has a reward, with what was chosen that might be why; reward_model NULL: none is
 * named. Returns `code`. */
int zoo_choice_fail_unrewarded(const zoo_store *store, const struct zoo_choice *choice, const char *reward_model,
                               size_t queries, int code, zoo_err *err);
#endif
