/* cmd_embed.c - zooter embed: texts to vectors, as sentence-transformers makes them of the same folder. */
#include <math.h>
#include <string.h>
#include "cli/command.h"
#include "cli/encode.h"
#include "cli/pooling.h"

struct settings { const char *pooling, *precision, *prompt, *prompt_name; uint64_t threads, max_length; int normalize,
                  jsonl; };

struct embedding {
    const struct settings *settings;
    zoo_pooling_facts facts;
    size_t max_length;                          /* tokens */
    zoo_buf prompted;                           /* prompt and text */
};

extern const zoo_command zoo_command_embed;

static int put_prompt(struct embedding *m, zoo_text *text, zoo_err *err)
{
    if (!*m->facts.prompt)
        return ZOO_OK;
    zoo_buf_clear(&m->prompted);
    if (zoo_buf_add_str(&m->prompted, m->facts.prompt) || zoo_buf_add(&m->prompted, text->data, text->size))
        return zoo_fail_nomem(err);
    *text = (zoo_text){ m->prompted.data, m->prompted.size };
    return ZOO_OK;
}

static int tokenize(zoo_encode *e, const char *line, size_t size, const char *place, zoo_encoded *item,
                    zoo_tokens *tokens, zoo_err *err)
{
    struct embedding *m = e->context;
    zoo_text text = { line, size };
    size_t most = m->max_length;
    int rc;

    if (m->settings->jsonl) {
        if ((rc = zoo_text_row_read(&e->row, line, size, ROW_TEXT_OR_QUERY, place, err)))
            return rc;
        text = e->row.texts[e->row.texts[ROW_AT_TEXT].data ? ROW_AT_TEXT : ROW_AT_QUERY];
        if (e->row.max_length && e->row.max_length < most)
            most = e->row.max_length;
        item->id_size = e->row.id.size;
        if (item->id_size && (rc = zoo_encode_note(e, e->row.id.data, item->id_size, &item->id_at, err)))
            return rc;
    }
    rc = put_prompt(m, &text, err);
    return rc ? rc : zoo_model_tokenize(e->model, e->session, &text, NULL, most, tokens, err);
}

/* A vector of zeros has no direction and stays. */
static void scale_to_unit(float *x, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    for (size_t i = 0; i < n && sum > 0; i++)
        x[i] = (float)((double)x[i] / sqrt(sum));
}

static int print(zoo_encode *e, const zoo_encoded *item, size_t i, zoo_buf *out)
{
    const struct embedding *m = e->context;
    size_t H = zoo_model_hidden_size(e->model);
    float *vector = (e->cls ? e->cls : e->mean) + i * H;
    int failed;

    if (m->facts.is_unit)
        scale_to_unit(vector, H);
    failed = item->id_size
        ? zoo_buf_add_str(out, "{\"id\": ") || zoo_buf_add(out, e->notes.data + item->id_at, item->id_size)
        : zoo_buf_addf(out, "{\"id\": %zu", e->number - e->n + i + 1);
    return failed || zoo_buf_add_str(out, ", \"embedding\": ") || zoo_encode_add_floats(out, vector, H) ||
           zoo_buf_add_str(out, "}\n")
               ? ZOO_ENOMEM : ZOO_OK;
}

static int choose_prompt(struct embedding *m, const char *dir, zoo_err *err)
{
    const struct settings *s = m->settings;

    if (s->prompt && s->prompt_name)
        return zoo_fail(err, ZOO_EUSAGE, "--prompt and --prompt-name: choose one of them");
    if (s->prompt_name)
        return zoo_pooling_read_prompt(&m->facts, dir, s->prompt_name, err);
    if (s->prompt && strlen(s->prompt) > ZOO_PROMPT_MAX)
        return zoo_fail(err, ZOO_EUSAGE, "--prompt: has more than %d bytes", ZOO_PROMPT_MAX);
    if (s->prompt)
        memcpy(m->facts.prompt, s->prompt, strlen(s->prompt) + 1);
    return ZOO_OK;
}

static int choose(struct embedding *m, const char *dir, zoo_err *err)
{
    const struct settings *s = m->settings;
    int rc = ZOO_OK;

    if (!s->pooling)
        rc = zoo_pooling_read(&m->facts, dir, err);
    else if (!strcmp(s->pooling, "cls") || !strcmp(s->pooling, "mean"))
        m->facts = (zoo_pooling_facts){ .is_known = 1, .pooling = s->pooling[0] == 'c' ? ZOO_POOL_CLS : ZOO_POOL_MEAN };
    else
        rc = zoo_fail(err, ZOO_EUSAGE, "--pooling: '%.40s' is neither cls nor mean", s->pooling);
    if (!rc && !m->facts.is_known)
        rc = zoo_fail(err, ZOO_EUSAGE, "%s: does not say how vectors are pooled (modules.json, 1_Pooling/config.json); "
                      "choose with --pooling cls or mean", dir);
    m->facts.is_unit |= s->normalize;
    return rc ? rc : choose_prompt(m, dir, err);
}

static size_t least(size_t a, size_t b)
{
    return b && b < a ? b : a;
}

static int run(const void *opaque, int argc, char **argv)
{
    struct embedding m = { .settings = opaque, .prompted = ZOO_BUF_INIT(SIZE_MAX / 4) };
    zoo_encode *e;
    zoo_err err;
    int status;

    (void)argc;
    if (choose(&m, argv[0], &err) ||
        zoo_encode_open(&e, &zoo_command_embed, argv[0], m.settings->precision, m.settings->threads, &err))
        return zoo_cli_fail(&zoo_command_embed, &err);
    m.max_length = m.settings->max_length ? (size_t)m.settings->max_length :
                   least(zoo_model_max_tokens(e->model), m.facts.max_length);
    e->context = &m;
    e->tokenize = tokenize;
    e->print = print;
    e->wants_cls = m.facts.pooling == ZOO_POOL_CLS;
    e->wants_mean = !e->wants_cls;
    status = zoo_encode_stdin(e);
    zoo_encode_free(e);
    zoo_buf_release(&m.prompted);
    return status;
}

static const zoo_option options[] = {
    { "pooling", "HOW", OPTION_TEXT, offsetof(struct settings, pooling),
      "cls (first token) or mean (of all tokens); default: as modules.json says, else 1_Pooling/config.json", 0, 0 },
    { "normalize", NULL, OPTION_FLAG, offsetof(struct settings, normalize), "scale vectors to unit length", 0, 0 },
    { "jsonl", NULL, OPTION_FLAG, offsetof(struct settings, jsonl),
      "stdin is rows {\"text\" or \"query\", \"id\"?, \"max_length\"?} and not lines of text", 0, 0 },
    { "max-length", "N", OPTION_COUNT, offsetof(struct settings, max_length),
      "cut texts to N tokens, special ones included (default: max_seq_length of sentence_bert_config.json, else "
      "model_max_length of tokenizer_config.json, else what the model reads)", 1, 65536 },
    { "prompt", "TEXT", OPTION_TEXT, offsetof(struct settings, prompt), "put TEXT before every text, '' for nothing", 0,
      0 },
    { "prompt-name", "NAME", OPTION_TEXT, offsetof(struct settings, prompt_name),
      "put the prompt of that name in config_sentence_transformers.json before every text (default: its "
      "default_prompt_name)", 0, 0 },
    { "precision", "P", OPTION_TEXT, offsetof(struct settings, precision), "auto (default), f32, bf16 or int8", 0, 0 },
    { "threads", "N", OPTION_COUNT, offsetof(struct settings, threads), "threads (default: one per processor)", 1,
      1024 },
    { 0 }
};

const zoo_command zoo_command_embed = {
    .name = "embed", .args = "DIR", .summary = "texts to vectors with an encoder",
    .details =
        "Reads texts from stdin, one a line, and writes {\"id\", \"embedding\"} for each, in the same order, as soon "
        "as no further line\n"
        "is waiting. id is the line's number, or the row's own with --jsonl. Numbers read back as the same float32.\n"
        "\n"
        "DIR is a checkpoint of model_type deberta-v2 or bert with its tokenizer; zooter model fetch gets one. Where "
        "it is of\n"
        "sentence-transformers, its modules and settings decide on pooling, unit length, how many tokens are read and "
        "which prompt\n"
        "stands before every text; what is not computed here is refused by name. With --pooling only the options "
        "count.\n"
        "\n"
        "A row that cannot be read or computed becomes {\"error\": SENTENCE} in its place, is said on stderr with its "
        "line, and the\n"
        "rest goes on; the exit status is then 1. Bytes that are not UTF-8 are read as U+FFFD. Limit: 64 MiB a line.",
    .examples = "  zooter model fetch sentence-transformers/all-MiniLM-L6-v2 minilm\n"
                "  echo 'What is 12 * 31?' | zooter embed minilm\n"
                "  zooter embed backbone --pooling mean --normalize --jsonl <queries.jsonl >vectors.jsonl\n",
    .options = options, .settings_size = sizeof(struct settings), .least_args = 1, .most_args = 1, .run = run
};
