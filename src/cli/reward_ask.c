/* reward_ask.c - rewards by a reward model behind HTTP: each is committed as it arrives,
 * before the next request goes out. */
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
    zoo_address after;
    zoo_arena arena;                     /* the page's strings */
    zoo_asking asking;
};

static int turn_page(struct asker *a, zoo_err *err)
{
    const zoo_rewarder *r = a->rewarder;
    int rc;

    zoo_arena_release(&a->arena);
    a->used = 0;
    rc = zoo_store_claim_answers(r->store, &r->selection, r->reward_model, &a->after, PAGE, a->page, &a->count,
                                 &a->arena, err);
    if (!rc && a->count)
        a->after = a->page[a->count - 1].at;
    return rc;
}

static int next(void *context, size_t lane, zoo_buf *body, zoo_job *job, zoo_err *err)
{
    struct asker *a = context;
    const zoo_store_answer *answer;
    int rc = ZOO_OK;

    (void)lane;
    /* others may be at the rest of the page: the next round looks for it again */
    if (zoo_store_lost_lease(a->rewarder->store))
        a->used = a->count;
    if (a->used == a->count) {
        rc = turn_page(a, err);
        zoo_store_lost_lease(a->rewarder->store);        /* this page came after it */
    }
    if (rc || !a->count)
        return rc;
    answer = &a->page[a->used++];
    *job = (zoo_job){ answer->at.query, answer->at.expert, answer->at.sample, answer->at.turn };
    if (zoo_reward_write(body, &a->request, answer->query.text, answer->query.text_size, answer->text,
                         answer->text_size))
        return zoo_fail_nomem(err);
    /* The tally learns the name while the page is there. */
    rc = zoo_rewarder_name(a->rewarder, answer->at.expert, answer->expert_name, err);
    return rc ? rc : 1;
}

static int take(void *context, size_t lane, const zoo_job *job, const char *reply, size_t size, double seconds,
                zoo_err *err)
{
    struct asker *a = context;
    const zoo_rewarder *r = a->rewarder;
    const zoo_address at = { job->query, job->expert, job->sample, job->turn };
    double reward;
    int rc = zoo_reward_read(&reward, &a->request, reply, size, err);

    (void)lane;
    (void)seconds;
    if (rc)
        return rc;
    rc = zoo_asking_write(&a->asking, err);
    if (!rc)
        rc = zoo_store_put_reward(r->store, r->reward_model, &at, reward, err);
    if (!rc)
        rc = zoo_store_drop_claim(r->store, r->reward_model, &at, NULL, err);
    if (rc)
        return rc == ZOO_EFORMAT || rc == ZOO_ECONFLICT ? ZOO_EIO : rc;
    zoo_rewarder_count(a->rewarder, job->expert, reward);
    zoo_asking_count(&a->asking, 1);
    return ZOO_OK;
}

static int lose(void *context, size_t lane, const zoo_job *job, int is_final, zoo_err *err)
{
    struct asker *a = context;
    const zoo_address at = { job->query, job->expert, job->sample, job->turn };
    int rc = zoo_asking_write(&a->asking, err);

    (void)lane, (void)is_final;
    zoo_asking_count(&a->asking, 0);
    return rc ? rc : zoo_store_give_up_claim(a->rewarder->store, a->rewarder->reward_model, &at, err);
}

static int settle(void *context, zoo_err *err)
{
    struct asker *a = context;

    return zoo_asking_commit(&a->asking, err);
}

/* What was claimed and is not asked any more is free for others, who would wait for it. */
static int give_back(struct asker *a, zoo_err *err)
{
    const zoo_rewarder *r = a->rewarder;
    int rc = zoo_asking_write(&a->asking, err);

    for (; !rc && a->used < a->count; a->used++)
        rc = zoo_store_drop_claim(r->store, r->reward_model, &a->page[a->used].at, NULL, err);
    return rc ? rc : zoo_asking_commit(&a->asking, err);
}

static int again(void *context, zoo_err *err)
{
    struct asker *a = context;
    int found = a->after.query > 0, rc = give_back(a, err);

    a->after = (zoo_address){ 0 };
    return rc ? rc : zoo_asking_again(a->rewarder->store, a->rewarder->reward_model, found, &a->rewarder->has_company,
                                      err);
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
    zoo_asking_plan plan = { &zoo_command_reward, a->rewarder->store, lane, 1, &limits, &hooks, again };
    int rc = zoo_asking_init(&a->asking, &plan, err);

    if (!rc)
        rc = zoo_asking_run(&a->asking, "reward", a->rewarder->total, err);
    zoo_asking_release(&a->asking);
    return rc;
}

int zoo_reward_by_endpoint(zoo_rewarder *r, zoo_err *err)
{
    const struct zoo_reward_settings *s = r->settings;
    struct asker a = { .rewarder = r, .request = { .model = s->model, .template_ = s->template_,
                                                   .column = (long)s->column - 1 } };
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
        rc = zoo_store_count_unrewarded(r->store, &r->selection, r->reward_model, &r->failed, err);
    snprintf(r->why_failed, sizeof r->why_failed, "%s%s", lane.gave_up ? "given up after too many failures in a row: " :
             "", lane.last_failure);
    zoo_arena_release(&a.arena);
    free(url);
    return rc;
}
