/* cmd_model_run.c - zooter model run: what a checkpoint makes of texts, token ids included. For who debugs a checkpoint
 * or compares it with another implementation: nothing is cut unless the line asks for it. */
#include "cli/command.h"
#include "cli/encode.h"

struct settings { const char *precision; uint64_t threads; };

extern const zoo_command zoo_command_model_run;

static int tokenize(zoo_encode *e, const char *line, size_t size, const char *place, zoo_encoded *item,
                    zoo_tokens *tokens, zoo_err *err)
{
    int is_comparer = zoo_model_kind_of(e->model) == ZOO_MODEL_COMPARER;
    const zoo_text *t = e->row.texts, *pair = NULL;
    int rc = zoo_text_row_read(&e->row, line, size, is_comparer ? ROW_COMPARISON : ROW_TEXT | ROW_PAIR, place, err);

    if (rc)
        return rc;
    if (is_comparer)
        return zoo_model_tokenize_comparison(e->model, e->session, &t[ROW_AT_QUERY], &t[ROW_AT_CANDIDATE1],
                                             &t[ROW_AT_CANDIDATE2], e->row.max_length, tokens, err);
    item->has_pair = t[ROW_AT_PAIR].data != NULL;
    if (item->has_pair)
        pair = &t[ROW_AT_PAIR];
    return zoo_model_tokenize(e->model, e->session, &t[ROW_AT_TEXT], pair, e->row.max_length, tokens, err);
}

static int add_ids(const zoo_encode *e, const zoo_encoded *item, zoo_buf *out)
{
    int failed = zoo_buf_add_str(out, "{\"ids\": [");

    for (size_t i = item->first; i < item->first + item->count && !failed; i++)
        failed = zoo_buf_addf(out, i > item->first ? ", %u" : "%u", e->ids[i]);
    return failed || zoo_buf_add_str(out, "]");
}

static int add_types(const zoo_encode *e, const zoo_encoded *item, zoo_buf *out)
{
    int failed = zoo_buf_add_str(out, ", \"types\": [");

    for (size_t i = item->first; i < item->first + item->count && !failed; i++)
        failed = zoo_buf_add_str(out, i > item->first ? (e->types[i] ? ", 1" : ", 0") : (e->types[i] ? "1" : "0"));
    return failed || zoo_buf_add_str(out, "]");
}

static int add_result(const zoo_encode *e, size_t i, zoo_buf *out)
{
    size_t K = zoo_model_label_count(e->model), H = zoo_model_hidden_size(e->model);

    switch (zoo_model_kind_of(e->model)) {
    case ZOO_MODEL_COMPARER:
        return zoo_buf_add_str(out, ", \"logit\": ") || zoo_buf_add_float(out, e->logits[i]);
    case ZOO_MODEL_CLASSIFIER:
        return zoo_buf_add_str(out, ", \"logits\": ") || zoo_encode_add_floats(out, e->logits + i * K, K);
    default:
        return zoo_buf_add_str(out, ", \"cls\": ") || zoo_encode_add_floats(out, e->cls + i * H, H);
    }
}

static int print(zoo_encode *e, const zoo_encoded *item, size_t i, zoo_buf *out)
{
    return add_ids(e, item, out) || (item->has_pair && add_types(e, item, out)) || add_result(e, i, out) ||
           zoo_buf_add_str(out, "}\n")
               ? ZOO_ENOMEM : ZOO_OK;
}

static int run(const void *opaque, int argc, char **argv)
{
    const struct settings *s = opaque;
    zoo_encode *e;
    zoo_err err;
    int status;

    (void)argc;
    if (zoo_encode_open(&e, &zoo_command_model_run, argv[0], s->precision, s->threads, &err))
        return zoo_cli_fail(&zoo_command_model_run, &err);
    e->tokenize = tokenize;
    e->print = print;
    e->wants_cls = zoo_model_kind_of(e->model) == ZOO_MODEL_BACKBONE;
    e->wants_logits = !e->wants_cls;
    status = zoo_encode_stdin(e);
    zoo_encode_free(e);
    return status;
}

static const zoo_option options[] = {
    { "precision", "P", OPTION_TEXT, offsetof(struct settings, precision), "auto (default), f32, bf16 or int8", 0, 0 },
    { "threads", "N", OPTION_COUNT, offsetof(struct settings, threads), "threads (default: one per processor)", 1,
      1024 },
    { 0 }
};

const zoo_command zoo_command_model_run = {
    .name = "model run", .args = "DIR", .summary = "what a checkpoint makes of texts: token ids and logits",
    .details =
        "Reads rows of JSONL from stdin and writes one line for each, in the same order, as soon as no further line is "
        "waiting.\n"
        "\n"
        "  classifier, reward model   {\"text\", \"pair\"?, \"max_length\"?}             ->  {\"ids\", \"types\"?, "
        "\"logits\"}\n"
        "  PairRM's head              {\"query\", \"candidate1\", \"candidate2\", ...}   ->  {\"ids\", \"logit\"}; > "
        "0: candidate1 is better\n"
        "  backbone without a head    {\"text\", ...}                              ->  {\"ids\", \"cls\"}, the first "
        "token's last hidden state\n"
        "\n"
        "max_length: at most so many tokens, special ones included, a pair cut longest first; without it nothing is "
        "cut. types\n"
        "(0, or 1 for the pair) are written for pairs. Numbers read back as the same float32. Other keys are ignored.\n"
        "\n"
        "A row that cannot be read or computed becomes {\"error\": SENTENCE} in its place, is said on stderr with its "
        "line, and the\n"
        "rest goes on; the exit status is then 1. Bytes that are not UTF-8 are read as U+FFFD. Limits: 64 MiB a line, "
        "65,536\n"
        "tokens a row, and no more than the model has positions.",
    .examples = "  echo '{\"text\": \"What is 12 * 31?\"}' | zooter model run my-router --precision f32\n"
                "  zooter model run reward-model <pairs.jsonl >scores.jsonl\n",
    .options = options, .settings_size = sizeof(struct settings), .least_args = 1, .most_args = 1, .run = run
};
