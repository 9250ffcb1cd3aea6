/* report.c - a training as a JSON object: what was done, with which settings, what it is worth. Layer: train. */
#include <math.h>
#include "train/train.h"

static json_t *real(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

static json_t *recipe_json(const zoo_recipe *recipe)
{
    char name[ZOO_RECIPE_NAME_SIZE];

    zoo_recipe_name_beta(recipe, name);
    return json_pack("{s:s, s:f}", "beta", name, "temperature", recipe->temperature);
}

static json_t *comparison_json(const zoo_router_worth *c, const zoo_dataset *data)
{
    return json_pack("{s:I, s:f, s:f, s:s, s:f, s:f, s:f, s:f}", "rows", (json_int_t)c->rows, "router", c->router,
                     "best_single", c->single, "best_single_expert", data->experts[c->single_expert], "gain", c->gain,
                     "standard_error", c->error,
                     "random", c->random, "oracle", c->oracle);
}

static json_t *kinds_json(const zoo_trained *t)
{
    json_t *all = json_array();
    double unit = t->units.unit;

    for (size_t i = 0; i < t->tags.kind_count; i++) {
        const zoo_kind_rewards *kind = &t->tags.kinds[i];
        json_array_append_new(all, json_pack("{s:s, s:I, s:o, s:o}", "kind", kind->kind->name, "values",
                                             (json_int_t)kind->used,
                                             "between", real(kind->between * unit * unit), "within",
                                             real(kind->within * unit * unit)));
    }
    return all;
}

static json_t *tried_json(const zoo_trained *t)
{
    json_t *all = json_array();

    for (size_t i = 0; i < t->tried_count; i++) {
        json_t *one = recipe_json(&t->tried[i].recipe);
        json_object_set_new(one, "reward", json_real(t->tried[i].reward));
        json_array_append_new(all, one);
    }
    return all;
}

static json_t *left_out_json(const zoo_trained *t)
{
    json_t *all = json_array();

    for (size_t i = 0; i < t->left_out_count; i++) {
        const zoo_left_out *l = &t->left_out[i];
        json_array_append_new(all, json_pack("{s:s, s:I, s:f, s:f, s:s, s:f}", "value", l->value, "rows",
                                             (json_int_t)l->rows,
                                             "router", l->router, "best_single_on_the_rest", l->single, "expert",
                                             l->single_name,
                                             "random", l->random));
    }
    return all;
}

static json_t *encoder_json(const zoo_trained *t, const zoo_train_settings *s)
{
    const zoo_encoder_training *e = &s->encoder->training;
    json_t *out = json_pack("{s:s, s:s, s:f, s:f, s:f, s:f}", "from", s->encoder->dir, "schedule",
                            s->fall == ZOO_FALL_COSINE ? "cosine" : "linear",
                            "warm_up", s->warm_up, "decay", e->decay, "layer_decay", e->layer_decay, "clip", e->clip);

    json_object_set_new(out, "layers", e->layers < t->encoder.source.network.below ? json_integer(e->layers) :
                        json_string("all"));
    json_object_set_new(out, "precision", json_string(zoo_precision_name(e->precision)));
    json_object_set_new(out, "max_tokens", json_integer((json_int_t)t->encoder.max_tokens));
    json_object_set_new(out, "queries_cut", json_integer((json_int_t)t->encoder.cut_rows));
    json_object_set_new(out, "tokens", json_integer((json_int_t)t->encoder.tokens));
    json_object_set_new(out, "epochs_taken", json_integer((json_int_t)t->encoder.trainer.epochs));
    json_object_set_new(out, "experts_kept", json_integer((json_int_t)t->encoder.source.kept_experts));
    return out;
}

json_t *zoo_trained_json(const zoo_trained *t, const zoo_dataset *data, const zoo_train_settings *s)
{
    json_t *out = recipe_json(&t->recipe);

    if (!out)
        return NULL;
    json_object_set_new(out, "loss", json_string(zoo_loss_name(s->loss)));
    json_object_set_new(out, "reward_spread", json_real(t->scale));
    json_object_set_new(out, "rows", json_integer((json_int_t)t->rows));
    json_object_set_new(out, "rows_learnt_from",
                        json_integer((json_int_t)(t->is_encoder ? t->fit_rows : t->learnt_rows)));
    json_object_set_new(out, "rows_left_out", json_integer((json_int_t)(t->holes.rewarded - t->holes.complete)));
    json_object_set_new(out, "epochs", json_integer((json_int_t)t->epochs));
    json_object_set_new(out, "epochs_planned", json_integer((json_int_t)s->epochs));
    json_object_set_new(out, "batch", json_integer((json_int_t)s->batch));
    json_object_set_new(out, "rate", json_real(s->rate));
    if (s->encoder)
        json_object_set_new(out, "encoder", encoder_json(t, s));
    else {
        json_object_set_new(out, "tag_weight", json_real(s->tag_weight));
        json_object_set_new(out, "blend", json_real(s->blend));
    }
    json_object_set_new(out, "seed", json_integer((json_int_t)s->seed));
    json_object_set_new(out, "final_loss", real(t->loss));
    json_object_set_new(out, "balance", s->balance ? json_string(s->balance->name) : json_null());
    json_object_set_new(out, "balance_by", json_string(s->draws ? "sample" : "weight"));
    json_object_set_new(out, "tag_kinds", kinds_json(t));
    if (t->crossed.rows) {
        json_t *crossed = comparison_json(&t->crossed, data);
        json_object_set_new(crossed, "folds", json_integer((json_int_t)t->folds));
        json_object_set_new(crossed, "tried", tried_json(t));
        json_object_set_new(out, "cross_validation", crossed);
    }
    if (t->validation.rows)
        json_object_set_new(out, "validation", comparison_json(&t->validation, data));
    if (t->left_out_count)
        json_object_set_new(out, "left_out", json_pack("{s:s, s:o}", "kind", s->left_out->name, "values",
                                                       left_out_json(t)));
    return out;
}
