/* train_report.c - a training, told to people on a terminal; see train_report.h. */
#include "cli/train_report.h"
#include <math.h>
#include "base/buf.h"
#include "eval/report.h"

enum { NAME_WIDTH = 28, TEXT_MAX = 1 << 20 };

/* A name in its column; the columns behind it still line up where memory runs out. */
static void put_name(FILE *to, const char *name)
{
    zoo_buf text = ZOO_BUF_INIT(TEXT_MAX);

    if (zoo_report_name(&text, name, NAME_WIDTH) == ZOO_OK)
        fputs(text.data, to);
    else
        fprintf(to, "%*s", NAME_WIDTH, "");
    zoo_buf_release(&text);
}

static const char *text_of(const zoo_trained *t, double reward, char text[ZOO_REWARD_TEXT])
{
    return zoo_reward_text(text, reward, t->scale);
}

/* In a column of 10. */
static void put_reward(FILE *to, const zoo_trained *t, double reward)
{
    char text[ZOO_REWARD_TEXT];

    fprintf(to, " %10s", text_of(t, reward, text));
}

static void put_kinds(FILE *to, const zoo_trained *t)
{
    if (!t->tags.kind_count)
        return;
    fprintf(to, "\nWhat tags say of the experts, beyond coarser ones (0%%: nothing; the noise of single rewards is "
                "100%%)\n  ");
    put_name(to, "kind");
    fprintf(to, "%8s %9s\n", "values", "carries");
    for (size_t i = 0; i < t->tags.kind_count; i++) {
        const zoo_kind_rewards *kind = &t->tags.kinds[i];
        fputs("  ", to);
        put_name(to, kind->kind->name);
        fprintf(to, "%8zu %8.2f%%\n", kind->used, kind->within > 0 ? 100 * kind->between / kind->within : 0);
    }
}

static void put_tried(FILE *to, const zoo_trained *t)
{
    if (!t->tried_count)
        return;
    fprintf(to, "\nTried by cross-validation%s (%zu folds of %zu rows)\n  %-12s %12s %10s\n",
            t->is_encoder ? ", with n-gram routers" : "", t->folds, t->crossed.rows, "--beta",
            "--temperature", "reward");
    for (size_t i = 0; i < t->tried_count; i++) {
        char name[ZOO_RECIPE_NAME_SIZE];
        zoo_recipe_name_beta(&t->tried[i].recipe, name);
        fprintf(to, "  %-12s %13.4g", name, t->tried[i].recipe.temperature);
        put_reward(to, t, t->tried[i].reward);
        fputs(i == t->chosen ? "  chosen\n" : "\n", to);
    }
}

/* A value that was left out; rows 0: their mean. */
static void put_left_out_row(FILE *to, const zoo_trained *t, const zoo_left_out *l)
{
    char rows[24] = "", single[ZOO_REWARD_TEXT];

    if (l->rows)
        snprintf(rows, sizeof rows, "%zu", l->rows);
    fputs("  ", to);
    put_name(to, l->value);
    fprintf(to, "%8s", rows);
    put_reward(to, t, l->router);
    fprintf(to, " %12s", text_of(t, l->single, single));
    put_reward(to, t, l->random);
    fputs("\n", to);
}

static void put_left_out(FILE *to, const zoo_trained *t, const zoo_train_settings *s)
{
    zoo_left_out sum = { .value = "mean" };
    double n = (double)t->left_out_count;

    if (!t->left_out_count)
        return;
    fprintf(to, "\nHow a kind of query that was never seen would fare: each %s left out in turn%s\n  ",
            s->left_out->name, s->left_out->values > ZOO_LEFT_OUT_MAX ? " (the most frequent ones)" : "");
    put_name(to, s->left_out->name);
    fprintf(to, "%8s %10s %12s %10s\n", "rows", "router", "best single", "random");
    for (size_t i = 0; i < t->left_out_count; i++) {
        const zoo_left_out *l = &t->left_out[i];
        put_left_out_row(to, t, l);
        sum.router += l->router / n;
        sum.single += l->single / n;
        sum.random += l->random / n;
    }
    put_left_out_row(to, t, &sum);
    fprintf(to, "  (best single: the expert that is best on the other %ss)\n", s->left_out->name);
}

/* A difference, with its sign. */
static const char *gain_text(const zoo_trained *t, double gain, char text[ZOO_REWARD_TEXT + 1])
{
    *text = '+';
    text_of(t, gain, signbit(gain) ? text : text + 1);
    return text;
}

static void put_worth(FILE *to, const char *where, const zoo_trained *t, const zoo_router_worth *w,
                      const zoo_dataset *data)
{
    char router[ZOO_REWARD_TEXT], single[ZOO_REWARD_TEXT], gain[ZOO_REWARD_TEXT + 1], error[ZOO_REWARD_TEXT],
        random[ZOO_REWARD_TEXT],
         oracle[ZOO_REWARD_TEXT];

    if (w->rows)
        fprintf(to, "  %-16s %7zu rows: router %s, best single %s (%s), gain %s (standard error %s), random %s, oracle "
                    "%s\n", where, w->rows, text_of(t, w->router, router), text_of(t, w->single, single),
                data->experts[w->single_expert], gain_text(t, w->gain, gain), text_of(t, w->error, error),
                text_of(t, w->random, random), text_of(t, w->oracle, oracle));
}

/* Why the router is no better than one expert, and what would help. */
static void put_remedy(FILE *to, const zoo_trained *t, const zoo_router_worth *w)
{
    char gain[ZOO_REWARD_TEXT];
    int carries = 0;

    for (size_t i = 0; i < t->tags.kind_count; i++)
        carries |= t->tags.kinds[i].between > 0;
    if (w->oracle - w->single < 0.05 * (w->oracle - w->random))
        fprintf(to, "Even a router that knew every reward would gain only %s: one expert is best nearly everywhere. "
                    "Experts that differ more leave more to win.\n", text_of(t, w->oracle - w->single, gain));
    else if (!t->tags.kind_count)
        fprintf(to, "The queries have no tags, so that single, noisy rewards are all there is to learn from: zooter "
                    "tag adds tags, also by clustering; more rows help too.\n");
    else if (!carries)
        fprintf(to, "No kind of tag tells the experts apart: tags of another kind (zooter tag), or more rows, help.\n");
    else
        fprintf(to, "The rows are too few, or their rewards too noisy, to tell the experts apart: more rows, and "
                    "rewards that agree with each other, help.\n");
}

static void put_verdict(FILE *to, const zoo_trained *t, const zoo_dataset *data)
{
    const zoo_router_worth *w = t->crossed.rows && !t->is_encoder ? &t->crossed : &t->validation;
    const char *single;
    char gain[ZOO_REWARD_TEXT + 1];

    if (!w->rows) {
        fprintf(to, "\nToo few queries (%zu) to say what the router is worth: from %d different texts on, some are set "
                    "aside to tell.\n", t->rows, ZOO_TEXTS_LEAST);
        return;
    }
    single = data->experts[w->single_expert];
    fprintf(to, "\nOn rows that it did not learn from%s\n", w == &t->crossed ? "" : " (they also chose the epoch)");
    put_worth(to, t->is_encoder ? "n-gram, crossed" : "cross-validation", t, &t->crossed, data);
    put_worth(to, "validation", t, &t->validation, data);
    if (w->gain > 2 * w->error) {
        fprintf(to, "The router is better than always asking %s.\n", single);
        return;
    }
    if (w->gain > 0)
        fprintf(to, "The router is not clearly better than always asking %s: a gain of %s is within chance.\n", single,
                gain_text(t, w->gain, gain));
    else
        fprintf(to, "The router is NOT better than always asking %s.\n", single);
    put_remedy(to, t, w);
}

void zoo_train_report(FILE *to, const zoo_trained *trained, const zoo_dataset *data, const zoo_train_settings *settings)
{
    put_kinds(to, trained);
    put_tried(to, trained);
    put_left_out(to, trained, settings);
    put_verdict(to, trained, data);
}
