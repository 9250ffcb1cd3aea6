/* stores.c - see stores.h. Layer: cli. */
#include "cli/stores.h"
#include <string.h>
#include "base/buf.h"

static const zoo_store_advice advice = {
    .missing = "'zooter import --store {store} FILE' makes one",
    .old = "'zooter store upgrade --store {store}' does that",
    .unknown = "'zooter store info --store {store}' lists what there is",
    .several = "--reward-model names one",
    .conflict = "--update replaces it"
};

int zoo_cli_store_open(zoo_store **out, const char *where, enum zoo_store_mode mode, zoo_err *err)
{
    return zoo_store_open(out, where, mode, &advice, err);
}

static zoo_texts texts_of(const zoo_list *list)
{
    return (zoo_texts){ list->items, list->count };
}

zoo_store_filter zoo_choice_filter(const struct zoo_choice *c)
{
    return (zoo_store_filter){ .splits = texts_of(&c->split), .where = texts_of(&c->where),
                               .experts = texts_of(&c->experts), .without = texts_of(&c->without),
                               .reward_models = texts_of(&c->reward_model), .sample = (int64_t)c->sample };
}

static int add_names(json_t *object, const char *key, const zoo_list *list)
{
    zoo_buf names = ZOO_BUF_INIT(1 << 20);
    int failed = 0;

    for (size_t i = 0; !failed && i < list->count; i++)
        failed = zoo_buf_add_str(&names, i ? "," : "") || zoo_buf_add_str(&names, list->items[i]);
    if (list->count)
        failed = failed || json_object_set_new(object, key, json_string(names.data));
    zoo_buf_release(&names);
    return failed;
}

int zoo_choice_describe(const struct zoo_choice *c, json_t *object)
{
    int failed = add_names(object, "split", &c->split) || add_names(object, "where", &c->where) ||
                 add_names(object, "experts", &c->experts) || add_names(object, "without", &c->without) ||
                     add_names(object, "reward_model", &c->reward_model);

    if (c->sample)
        failed = failed || json_object_set_new(object, "sample", json_integer((json_int_t)c->sample));
    return failed ? ZOO_ENOMEM : ZOO_OK;
}

/* " --split a --split b --where x=y"; what does not fit is left out. Returns `text`. */
static const char *list_choice(const struct zoo_choice *c, char *text, size_t size)
{
    const struct { const char *option; const zoo_list *list; } given[] = {
        { "--split", &c->split }, { "--where", &c->where }
    };
    size_t used = 0;

    *text = '\0';
    for (size_t i = 0; i < sizeof given / sizeof *given; i++)
        for (size_t j = 0; j < given[i].list->count; j++)
            if (used + strlen(given[i].list->items[j]) + 16 < size)
                used += (size_t)snprintf(text + used, size - used, " %s %s", given[i].option, given[i].list->items[j]);
    return text;
}

int zoo_choice_fail_empty(const zoo_store *store, const struct zoo_choice *c, zoo_err *err)
{
    char text[400];

    if (!c->split.count && !c->where.count)
        return zoo_fail(err, ZOO_EUSAGE, "%s: the store holds no query; 'zooter import' reads some",
                        zoo_store_name(store));
    return zoo_fail(err, ZOO_EUSAGE, "%s: no query fits%s", zoo_store_name(store), list_choice(c, text, sizeof text));
}

int zoo_choice_fail_unrewarded(const zoo_store *store, const struct zoo_choice *c, const char *reward_model,
                               size_t queries, int code, zoo_err *err)
{
    const char *name = zoo_store_name(store), *of = reward_model ? " of the reward model " : "";
    const char *model = reward_model ? reward_model : "";

    if (c->experts.count || c->without.count)
        return zoo_fail(err, code, "%s: no expert is left that has a reward%s%.128s; look at %s%s%s%s", name, of, model,
                        c->experts.count ? "--experts" : "", c->experts.count && c->without.count ? " and " : "",
                        c->without.count ? "--without" : "", c->sample ? " and --sample" : "");
    if (c->sample)
        return zoo_fail(err, code,
                        "%s: none of the %zu queries has a reward%s%.128s for sample %llu; without --sample, all "
                        "samples count", name, queries, of, model, (unsigned long long)c->sample);
    return zoo_fail(err, code,
                    "%s: none of the %zu queries has a reward%s%.128s; 'zooter import' reads rewards, 'zooter collect' "
                    "asks the experts and 'zooter reward' scores their answers", name, queries, of, model);
}
