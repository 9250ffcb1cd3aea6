/* reward_ask.c - rewards by a reward model behind HTTP: each is committed as it arrives, before the next request goes out. */
#include <stdlib.h>
#include <string.h>
#include "cli/asking.h"
#include "cli/rewarder.h"
#include "llm/reward_api.h"

enum { PAGE = 64 };

struct asker {
    zoo_rewarder *rewarder;
    zoo_reward_request request;
    zoo_store_answer page[PAGE];
    size_t count, used;
    zoo_key after_query, after_expert;
    zoo_arena arena;                     /* the page's strings */
    zoo_asking asking;
};

static int turn_page(struct asker *a, zoo_err *err)
{
    const zoo_rewarder *r = a->rewarder;
    int rc;

    zoo_arena_release(&a->arena);
    a->used = 0;
    rc = zoo_store_unrewarded(r->store, r->settings->split, r->reward_model, a->after_query, a->after_expert, PAGE, a->page, &a->count,
                              &a->arena, err);
    if (!rc && a->count) {
        a->after_query = a->page[a->count - 1].query.key;
        a->after_expert = a->page[a->count - 1].expert;
    }
    return rc;
}

static int next(void *context, size_t lane, zoo_buf *body, zoo_job *job, zoo_err *err)
{
    struct asker *a = context;
    const zoo_store_answer *answer;
    int rc = a->used < a->count ? ZOO_OK : turn_page(a, err);

    (void)lane;
    if (rc || !a->count)
        return rc;
    answer = &a->page[a->used++];
    job->query = answer->query.key;
    job->expert = answer->expert;
    if (zoo_reward_write(body, &a->request, answer->query.text, answer->query.text_size, answer->text, answer->text_size))
        return zoo_fail_nomem(err);
    /* The tally learns the name while the page is there. */
    rc = zoo_rewarder_name(a->rewarder, answer->expert, answer->expert_name, err);
    return rc ? rc : 1;
}

static int take(void *context, size_t lane, const zoo_job *job, const char *reply, size_t size, double seconds, zoo_err *err)
{
    struct asker *a = context;
    double reward;
    int rc = zoo_reward_read(&reward, &a->request, reply, size, err);

    (void)lane;
    (void)seconds;
    if (rc)
        return rc;
    rc = zoo_asking_write(&a->asking, err);
    if (!rc)
        rc = zoo_store_put_reward(a->rewarder->store, a->rewarder->reward_model, job->query, job->expert, reward, err);
    if (rc)
        return rc == ZOO_EFORMAT ? ZOO_EIO : rc;
    zoo_rewarder_count(a->rewarder, job->expert, reward);
    zoo_asking_count(&a->asking, 1);
    return ZOO_OK;
}

static void lose(void *context, size_t lane, const zoo_job *job)
{
    struct asker *a = context;

    (void)lane;
    (void)job;
    zoo_asking_count(&a->asking, 0);
}

static int settle(void *context, zoo_err *err)
{
    struct asker *a = context;

    return zoo_asking_commit(&a->asking, err);
}

static int read_key(const char **key, const char *variable, zoo_err *err)
{
    *key = variable ? getenv(variable) : NULL;
    if (variable && (!*key || !**key))
        return zoo_fail(err, ZOO_EUSAGE, "the environment variable %s, named by --api-key-env, is not set", variable);
    return ZOO_OK;
}

static int ask(struct asker *a, zoo_lane *lane, zoo_err *err)
{
    const struct zoo_reward_settings *s = a->rewarder->settings;
    zoo_dispatch_limits limits = { .in_flight = (unsigned)s->concurrency, .per_lane = (unsigned)s->concurrency,
                                   .retries = (unsigned)s->retries, .timeout_ms = (unsigned)s->timeout * 1000,
                                   .max_reply = (size_t)64 << 20 };
    zoo_dispatch_hooks hooks = { next, take, lose, settle, a };
    int rc = zoo_asking_init(&a->asking, &zoo_command_reward, a->rewarder->store, lane, 1, &limits, &hooks, err);

    if (!rc)
        rc = zoo_asking_run(&a->asking, "reward", a->rewarder->total, err);
    zoo_asking_release(&a->asking);
    return rc;
}

int zoo_reward_by_endpoint(zoo_rewarder *r, zoo_err *err)
{
    const struct zoo_reward_settings *s = r->settings;
    struct asker a = { .rewarder = r, .request = { .model = s->model, .template_ = s->template_, .column = (long)s->column - 1 } };
    zoo_lane lane = { .name = r->settings->name };
    char *url = NULL;
    size_t n = strlen(s->endpoint);
    int rc = zoo_reward_api_find(s->api, &a.request.api, err);

    while (n && s->endpoint[n - 1] == '/')
        n--;
    if (!rc)
        rc = read_key(&lane.api_key, s->api_key_env, err);
    if (!rc && asprintf(&url, "%.*s%s", (int)n, s->endpoint, zoo_reward_api_path(a.request.api)) < 0) {
        url = NULL;
        rc = zoo_fail_nomem(err);
    }
    lane.url = url;
    if (!rc)
        rc = ask(&a, &lane, err);
    if (!rc && lane.lost)
        rc = zoo_store_count_unrewarded(r->store, s->split, r->reward_model, &r->failed, err);
    snprintf(r->why_failed, sizeof r->why_failed, "%s%s", lane.gave_up ? "given up after too many failures in a row: " : "", lane.last_failure);
    zoo_arena_release(&a.arena);
    free(url);
    return rc;
}
