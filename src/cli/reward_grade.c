/* reward_grade.c - rewards by exact graders: a page of answers is graded on all threads, then stored in one
 * transaction. A run that is killed grades its last page again, which gives the same rewards. */
#include <string.h>
#include <unistd.h>
#include "base/parallel.h"
#include "base/progress.h"
#include "cli/asking.h"
#include "cli/rewarder.h"
#include "eval/graders.h"

enum { PAGE = 64 };

struct page {
    zoo_rewarder *rewarder;
    const char *grader;                  /* NULL: the one each row names */
    int may_run_programs;
    zoo_store_answer answers[PAGE];
    size_t count;
    zoo_arena arena;
    struct outcome { enum { RIGHT_OR_WRONG, NO_REFERENCE, NO_SANDBOX,
                            FAILED } kind; double reward; zoo_err err; } outcomes[PAGE];
};

static void grade(void *context, size_t task, unsigned thread)
{
    struct page *page = context;
    const zoo_store_answer *a = &page->answers[task];
    struct outcome *out = &page->outcomes[task];
    int rc;

    (void)thread;
    if (!page->may_run_programs && zoo_grader_runs_program(a->query.extra, page->grader)) {
        out->kind = NO_SANDBOX;
        return;
    }
    rc = zoo_grade(a->query.extra, page->grader, a->text, a->text_size, &out->reward, &out->err);
    out->kind = rc == 1 ? RIGHT_OR_WRONG : rc == 0 ? NO_REFERENCE : FAILED;
}

static int store_one(zoo_rewarder *r, const zoo_store_answer *a, const struct outcome *out, zoo_err *err)
{
    int rc;

    switch (out->kind) {
    case NO_REFERENCE:
        r->no_reference++;
        break;
    case NO_SANDBOX:
        r->no_sandbox++;
        break;
    case FAILED:
        if (!r->failed++)
            snprintf(r->why_failed, sizeof r->why_failed, "%.100s: %.280s", a->query.id, out->err.message);
        break;
    default:
        rc = zoo_store_put_reward(r->store, r->reward_model, &a->at, out->reward, err);
        if (!rc)
            rc = zoo_rewarder_name(r, a->at.expert, a->expert_name, err);
        if (!rc)
            zoo_rewarder_count(r, a->at.expert, out->reward);
        return rc ? rc : zoo_store_drop_claim(r->store, r->reward_model, &a->at, NULL, err);
    }
    return zoo_store_give_up_claim(r->store, r->reward_model, &a->at, err);
}

static int store_page(const struct page *page, zoo_err *err)
{
    zoo_store *store = page->rewarder->store;
    int rc = zoo_store_begin(store, err);

    if (rc)
        return rc;
    for (size_t i = 0; !rc && i < page->count; i++)
        rc = store_one(page->rewarder, &page->answers[i], &page->outcomes[i], err);
    if (!rc)
        return zoo_store_commit(store, err);
    zoo_store_rollback(store);
    return rc;
}

/* Every answer that nobody else has claimed; *found: there was one. */
static int grade_round(struct page *page, zoo_parallel *threads, zoo_progress *progress, uint64_t *done, int *found,
                       zoo_err *err)
{
    zoo_rewarder *r = page->rewarder;
    zoo_address after = { 0 };
    int rc;

    *found = 0;
    do {
        zoo_arena_release(&page->arena);
        rc = zoo_store_claim_answers(r->store, &r->selection, r->reward_model, &after, PAGE, page->answers,
                                     &page->count, &page->arena, err);
        if (rc || !page->count)
            break;
        *found = 1;
        zoo_parallel_run(threads, page->count, grade, page);
        rc = store_page(page, err);
        if (!rc)
            rc = zoo_store_renew(r->store, err);
        after = page->answers[page->count - 1].at;
        *done += page->count;
        zoo_progress_set(progress, *done);
    } while (!rc);
    return rc;
}

static int grade_all(struct page *page, zoo_parallel *threads, zoo_err *err)
{
    zoo_rewarder *r = page->rewarder;
    zoo_progress progress;
    uint64_t done = 0;
    unsigned moments = 1;
    int rc, found;

    zoo_progress_begin(&progress, stderr, "reward", r->total);
    do {
        rc = grade_round(page, threads, &progress, &done, &found, err);
        moments = zoo_asking_moments(moments, found);
        if (!rc)
            rc = zoo_asking_again(r->store, r->reward_model, found, &r->has_company, err);
        for (unsigned i = 0; rc == ZOO_ASKING_IN_A_MOMENT && i < moments; i++) {
            zoo_progress_note(&progress, "waiting for others at work on this store");
            usleep(ZOO_ASKING_MOMENT_MS * 1000);
            rc = zoo_asking_again(r->store, r->reward_model, 0, &r->has_company, err);
        }
    } while (rc > ZOO_ASKING_ENDS);
    zoo_progress_end(&progress);
    return rc;
}

int zoo_reward_by_grader(zoo_rewarder *r, zoo_err *err)
{
    struct page page = { .rewarder = r, .grader = strcmp(r->settings->grader, "auto") ? r->settings->grader : NULL };
    zoo_parallel *threads;
    zoo_err no_sandbox;
    int rc = zoo_parallel_new(&threads, (unsigned)r->settings->threads, err);

    if (rc)
        return rc;
    page.may_run_programs = !zoo_grader_probe_program(&no_sandbox);
    if (!page.may_run_programs)
        snprintf(r->why_no_sandbox, sizeof r->why_no_sandbox, "%.399s", no_sandbox.message);
    rc = grade_all(&page, threads, err);
    zoo_arena_release(&page.arena);
    zoo_parallel_free(threads);
    return rc;
}
