/* cmd_reward.c - zooter reward: every answer in the store gets a reward of one reward model;
 * other models' stay beside it. */
#include <stdlib.h>
#include <string.h>
#include "base/json.h"
#include "cli/asking.h"
#include "cli/rewarder.h"
#include "eval/graders.h"

/* Between two of its pages a grader may be at programs for minutes. */
enum { ZOO_GRADING_LEASE_MS = 600000 };

/* ---- tallies ---- */

static struct zoo_tally *find_tally(const zoo_rewarder *r, zoo_key expert)
{
    for (size_t i = 0; i < r->tally_count; i++)
        if (r->tallies[i].expert == expert)
            return &r->tallies[i];
    return NULL;
}

int zoo_rewarder_name(zoo_rewarder *r, zoo_key expert, const char *name, zoo_err *err)
{
    struct zoo_tally *grown, *tally;

    if (find_tally(r, expert))
        return ZOO_OK;
    grown = realloc(r->tallies, (r->tally_count + 1) * sizeof *grown);
    if (!grown)
        return zoo_fail_nomem(err);
    r->tallies = grown;
    tally = &r->tallies[r->tally_count];
    *tally = (struct zoo_tally){ .expert = expert, .name = strdup(name) };
    if (!tally->name)
        return zoo_fail_nomem(err);
    r->tally_count++;
    return ZOO_OK;
}

void zoo_rewarder_count(zoo_rewarder *r, zoo_key expert, double reward)
{
    struct zoo_tally *tally = find_tally(r, expert);

    tally->count++;
    tally->sum += reward;
}

/* ---- the record of the run ---- */

static int begin_run(const zoo_rewarder *r, zoo_key *run, zoo_err *err)
{
    const struct zoo_reward_settings *s = r->settings;
    zoo_buf text = ZOO_BUF_INIT(1 << 20);
    json_t *settings = json_pack("{s:s, s:s?, s:s?, s:s?, s:s?, s:s?}", "reward_model", s->name,
                                 "grader", s->endpoint ? NULL : s->grader, "endpoint", s->endpoint, "api", s->api,
                                 "model", s->model,
                                 "template", s->template_);
    int rc = !settings || zoo_choice_describe(&s->choice, settings) || zoo_json_dump(&text, settings) ?
             zoo_fail_nomem(err) : zoo_store_begin_run(r->store, "reward", text.data, run, err);

    json_decref(settings);
    zoo_buf_release(&text);
    return rc;
}

/* One JSON object an expert on stdout, and the counts into the record. */
static int report(const zoo_rewarder *r, zoo_key run, const char *status, zoo_err *err)
{
    zoo_buf text = ZOO_BUF_INIT(1 << 20);
    json_t *summary = NULL;
    uint64_t rewarded = 0;
    int rc = ZOO_OK;

    for (size_t i = 0; !rc && i < r->tally_count; i++) {
        const struct zoo_tally *t = &r->tallies[i];
        json_t *line = json_pack("{s:s, s:s, s:I}", "reward_model", r->settings->name, "expert", t->name, "rewarded",
                                 (json_int_t)t->count);

        zoo_buf_clear(&text);
        if (t->count)
            json_object_set_new(line, "mean", json_real(t->sum / (double)t->count));
        rc = !line || zoo_json_dump(&text, line) ? zoo_fail_nomem(err) : ZOO_OK;
        json_decref(line);
        if (!rc)
            puts(text.data);
        rewarded += t->count;
    }
    zoo_buf_clear(&text);
    if (!rc) {
        summary = json_pack("{s:I, s:I, s:I, s:I}", "rewarded", (json_int_t)rewarded, "no_reference",
                            (json_int_t)r->no_reference,
                            "no_sandbox", (json_int_t)r->no_sandbox, "failed", (json_int_t)r->failed);
        rc = !summary || zoo_json_dump(&text, summary) ? zoo_fail_nomem(err) :
             zoo_store_end_run(r->store, run, status, text.data, err);
    }
    json_decref(summary);
    zoo_buf_release(&text);
    return rc;
}

static void tell_left_out(const zoo_rewarder *r)
{
    if (r->no_reference)
        zoo_cli_say(&zoo_command_reward,
                    "%llu answers left out: their rows name no grader or have no reference; --grader names one for all "
                    "rows with a reference, --endpoint asks a reward model", (unsigned long long)r->no_reference);
    if (r->no_sandbox)
        zoo_cli_say(&zoo_command_reward,
                    "%llu answers left out: they are programs, and nothing runs outside a sandbox: %s",
                    (unsigned long long)r->no_sandbox, r->why_no_sandbox);
}

/* ---- the command ---- */

static int check_use(const struct zoo_reward_settings *s, zoo_err *err)
{
    if (!s->endpoint && (s->api || s->model || s->api_key_env || s->template_ || s->column))
        return zoo_fail(err, ZOO_EUSAGE, "--api, --model, --api-key-env, --template and --class go with --endpoint");
    if (s->endpoint && s->grader)
        return zoo_fail(err, ZOO_EUSAGE, "--grader and --endpoint exclude each other");
    if (s->endpoint && (!s->api || !s->model || !s->name))
        return zoo_fail(err, ZOO_EUSAGE, "--endpoint needs --api, --model and --name");
    if (s->endpoint && strncmp(s->endpoint, "http://", 7) && strncmp(s->endpoint, "https://", 8))
        return zoo_fail(err, ZOO_EUSAGE, "--endpoint should be an address such as http://127.0.0.1:8000");
    if (s->grader && strcmp(s->grader, "auto") && !zoo_grader_exists(s->grader))
        return zoo_fail(err, ZOO_EUSAGE, "no grader '%.60s'; there are auto, choice, number, string and program",
                        s->grader);
    return ZOO_OK;
}

static int reward_all(zoo_rewarder *r, zoo_err *err)
{
    const struct zoo_reward_settings *s = r->settings;
    zoo_err report_err;
    zoo_key run;
    int rc = begin_run(r, &run, err), reported;

    if (rc)
        return rc;
    rc = s->endpoint ? zoo_reward_by_endpoint(r, err) : zoo_reward_by_grader(r, err);
    reported = report(r, run, rc == ZOO_ECANCELED ? "stopped" : rc || r->failed ? "failed" : "done", &report_err);
    tell_left_out(r);
    if (!rc && reported) {
        *err = report_err;
        return reported;
    }
    if (rc == ZOO_ECANCELED)
        return zoo_fail(err, rc, "stopped; run the same command again to go on");
    if (!rc && r->failed)
        return zoo_fail(err, ZOO_EIO,
                        "%llu answers have no reward, for instance: %s; run the same command again to try them",
                        (unsigned long long)r->failed, r->why_failed);
    return rc;
}

/* Before the reward model is made: one without rewards would only be in the way. */
static int check_answers(const zoo_rewarder *r, zoo_err *err)
{
    zoo_store_totals totals;
    int rc = zoo_store_count(r->store, &totals, err);

    if (!rc && !totals.responses)
        rc = zoo_fail(err, ZOO_EUSAGE,
                      "%s: there is no answer to score; 'zooter collect' asks the experts, 'zooter import' reads "
                      "responses", zoo_store_name(r->store));
    return rc;
}

static int set_up(zoo_rewarder *r, zoo_err *err)
{
    const struct zoo_reward_settings *s = r->settings;
    const zoo_store_filter filter = zoo_choice_filter(&s->choice);
    uint64_t queries = 0, others = 0;
    int rc = zoo_cli_store_open(&r->store, s->store, ZOO_STORE_WRITE, err);

    if (!rc)
        rc = zoo_store_select(r->store, &filter, &r->selection, err);
    if (!rc)
        rc = zoo_store_count_queries(r->store, &r->selection, &queries, err);
    if (!rc && !queries)
        rc = zoo_choice_fail_empty(r->store, &s->choice, err);
    if (!rc)
        rc = check_answers(r, err);
    if (!rc)
        rc = zoo_store_reward_model(r->store, s->name, &r->reward_model, err);
    if (!rc)
        rc = zoo_store_join(r->store, s->endpoint ? ZOO_ASKING_LEASE_MS : ZOO_GRADING_LEASE_MS, err);
    if (!rc)
        rc = zoo_store_count_others(r->store, r->reward_model, 0, &others, err);
    r->has_company = others > 0;
    if (!rc)
        rc = zoo_store_count_unrewarded(r->store, &r->selection, r->reward_model, &r->total, err);
    if (!rc)
        zoo_cli_say(&zoo_command_reward, "%llu answers have no reward of '%s' yet", (unsigned long long)r->total,
                    s->name);
    return rc;
}

static int run(const void *opaque, int argc, char **argv)
{
    struct zoo_reward_settings s = *(const struct zoo_reward_settings *)opaque;
    zoo_rewarder r = { .settings = &s };
    zoo_err err;
    int rc = check_use(&s, &err);

    (void)argc;
    (void)argv;
    s.grader = s.grader ? s.grader : "auto";
    s.name = s.name ? s.name : "exact";
    if (!rc)
        rc = set_up(&r, &err);
    if (!rc)
        rc = reward_all(&r, &err);
    for (size_t i = 0; i < r.tally_count; i++)
        free(r.tallies[i].name);
    free(r.tallies);
    zoo_selection_release(&r.selection);
    zoo_store_close(r.store);
    return rc ? zoo_cli_fail(&zoo_command_reward, &err) : EXIT_DONE;
}

static const struct zoo_reward_settings defaults = { .concurrency = 32, .retries = 5, .timeout = 300 };

#define AT(member) offsetof(struct zoo_reward_settings, member)
static const zoo_option options[] = {
    ZOO_OPTION_STORE(struct zoo_reward_settings, store, "the store with the answers"),
    ZOO_OPTION_SPLIT(struct zoo_reward_settings, choice),
    ZOO_OPTION_WHERE(struct zoo_reward_settings, choice),
    { "name", "NAME", OPTION_TEXT, AT(name), "the reward model's name in the store (default: exact)", 0, 0 },
    { "grader", "NAME", OPTION_TEXT, AT(grader),
      "auto, choice, number, string or program (default auto: the one each row names)", 0, 0 },
    { "threads", "N", OPTION_COUNT, AT(threads), "threads that grade (default: one per processor)", 1, 1024 },
    { "endpoint", "URL", OPTION_TEXT, AT(endpoint), "ask the reward model at this address instead of grading", 0, 0 },
    { "api", "NAME", OPTION_TEXT, AT(api), "what is posted there: classify, score or pooling", 0, 0 },
    { "model", "NAME", OPTION_TEXT, AT(model), "what the endpoint calls the reward model", 0, 0 },
    { "api-key-env", "NAME", OPTION_TEXT, AT(api_key_env),
      "environment variable with the endpoint's key (default: no key)", 0, 0 },
    { "template", "TEXT", OPTION_TEXT, AT(template_), "the input of classify and pooling, with {query} and {answer}", 0,
      0 },
    { "class", "N", OPTION_COUNT, AT(column),
      "which of several numbers is the reward, from 1 (default: there must be one)", 1, 100000 },
    { "concurrency", "N", OPTION_COUNT, AT(concurrency), "requests in flight (default 32)", 1, 10000 },
    { "retries", "N", OPTION_COUNT, AT(retries), "further attempts at a request that failed (default 5)", 0, 100 },
    { "timeout", "SECONDS", OPTION_COUNT, AT(timeout), "for one attempt (default 300)", 1, 86400 },
    { 0 }
};

const zoo_command zoo_command_reward = {
    .name = "reward", .args = "", .summary = "score the answers, by exact graders or a reward model",
    .details =
        "Gives every answer of the store that has none yet a reward of the reward model --name. A store holds any\n"
        "number of reward models side by side.\n\n"
        "Exact graders give 1 or 0 by the fields grader and reference of a query's row:\n"
        "  choice    the letter A to J that the answer chooses\n"
        "  number    the number it states; whole numbers must be equal, others agree in four digits\n"
        "  string    its last statement, without regard to case and outer punctuation; several references: any\n"
        "  program   its Python code, run with the reference's tests in a sandbox: no network, no files, one process,\n"
        "            5 s of processor, 10 s, 512 MiB, 1 MiB of output\n"
        "Rows without a reference are left out and counted, as are programs where no sandbox works.\n\n"
        "A reward model behind HTTP (--endpoint) is asked in vLLM's shapes:\n"
        "  classify  POST URL/classify {model, input}: data[0].probs, else .logits\n"
        "  score     POST URL/score {model, text_1: query, text_2: answer}: data[0].score\n"
        "  pooling   POST URL/pooling {model, messages}, or {model, input} with --template: data[0].data\n"
        "Without --template the input is the query, an empty line and the answer. Each reward is committed as it\n"
        "arrives; failures are tried again as collect does. A reward that is missing or not finite is a failure.\n\n"
        "Several at work on one store share it, as collects do. Killed and run again, it goes on where it was.\n"
        "Prints one JSON object an expert: how many answers were rewarded in this run, and their mean. Exit status 1\n"
        "where some could not be.",
    .examples = "  zooter reward --store my.db\n"
                "  zooter reward --store my.db --name skywork --endpoint http://127.0.0.1:8000 --api pooling \\\n"
                "      --model Skywork/Skywork-Reward-V2-Llama-3.1-8B\n",
    .options = options, .defaults = &defaults, .settings_size = sizeof defaults, .run = run
};
