/* cmd_model_fetch.c - zooter model fetch: what an encoder needs of a repository on a Hugging Face hub, and no more.
 *
 * config.json comes first, so that a model which cannot be used is refused before its weights travel; the weights come
 * last, so that a snapshot which has them is complete. Names are chosen from the lists below or read from the index of
 * the shards, and each is checked before it becomes a path. */
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "base/fs.h"
#include "base/json.h"
#include "base/progress.h"
#include "cli/command.h"
#include "cli/hub_env.h"
#include "model/transformer_config.h"
#include "net/hub_cache.h"

enum { RETRIES = 5, CONFIG_BYTES = 1 << 20, INDEX_BYTES = 64 << 20, TOKENIZER_BYTES = 256 << 20, NAME_SIZE = 512 };
#define WEIGHT_BYTES ((uint64_t)64 << 30)

struct settings { int force; uint64_t retries; };

struct fetch {
    zoo_hub_env env;
    zoo_hub *hub;
    char repo[NAME_SIZE];
    const char *revision;                       /* inside repo[] */
    const char *files[32];                      /* taken, in order; shards are in `index` */
    size_t count;
    json_t *index;                              /* weight_map of a sharded checkpoint; NULL: one file */
    zoo_progress progress;
    int is_shown;
};

extern const zoo_command zoo_command_model_fetch;

/* Taken where the repository has them. */
static const struct { const char *name; uint64_t max; } helpers[] = {
    { "tokenizer.json", TOKENIZER_BYTES }, { "tokenizer_config.json", CONFIG_BYTES },
        { "special_tokens_map.json", CONFIG_BYTES },
    { "added_tokens.json", TOKENIZER_BYTES }, { "spm.model", TOKENIZER_BYTES }, { "vocab.txt", TOKENIZER_BYTES },
    { "modules.json", CONFIG_BYTES }, { "1_Pooling/config.json", CONFIG_BYTES },
        { "sentence_bert_config.json", CONFIG_BYTES },
    { "config_sentence_transformers.json", CONFIG_BYTES },
};

#define INDEX "model.safetensors.index.json"

/* ---- what the hub tells while it works ---- */

static void say(void *context, const char *sentence)
{
    (void)context;
    zoo_cli_say(&zoo_command_model_fetch, "%s", sentence);
}

static void advance(void *context, uint64_t done, uint64_t wanted)
{
    struct fetch *f = context;
    uint64_t fetched = zoo_hub_bytes_fetched(f->hub);

    if (!f->is_shown)
        return;
    f->progress.before = done > fetched ? (done - fetched) >> 20 : 0;
    f->progress.total = wanted >> 20;
    zoo_progress_set(&f->progress, done >> 20);
}

/* ---- names ---- */

/* "org/name@revision", also "hf://org/name". */
static int split_name(struct fetch *f, const char *name, zoo_err *err)
{
    char *at;

    if (!strncmp(name, "hf://", 5))
        name += 5;
    if (snprintf(f->repo, sizeof f->repo, "%s", name) >= (int)sizeof f->repo)
        return zoo_fail(err, ZOO_EUSAGE, "'%.100s...' is too long for a model's name", name);
    at = strchr(f->repo, '@');
    if (at)
        *at++ = '\0';
    f->revision = at ? at : "main";
    return ZOO_OK;
}

static int want(struct fetch *f, const char *file, uint64_t max, zoo_err *err)
{
    f->files[f->count++] = file;
    return zoo_hub_want(f->hub, file, max, err);
}

/* The fetched file's place in the cache. */
static json_t *read_json(const struct fetch *f, const char *file, size_t max, zoo_err *err)
{
    char path[PATH_MAX];

    return zoo_fs_join(path, sizeof path, zoo_hub_folder(f->hub), file, err) ? NULL : zoo_json_read(path, max, err);
}

/* ---- which files ---- */

/* Said in full before the weights travel. */
static int check_config(const struct fetch *f, zoo_err *err)
{
    json_t *config = read_json(f, "config.json", CONFIG_BYTES, err);
    zoo_transformer_config parsed;
    const char *type;
    char place[NAME_SIZE + 32];
    int rc = ZOO_OK;

    if (!config)
        return err->code;
    snprintf(place, sizeof place, "%s: config.json", f->repo);
    type = zoo_json_str(config, "model_type", place, err);
    if (!type)
        rc = err->code;
    else if (!strcmp(type, "deberta-v2") || !strcmp(type, "bert"))
        rc = zoo_transformer_config_parse(&parsed, config, place, err);
    else if (strcmp(type, "zooter-ngram"))
        rc = zoo_fail(err, ZOO_EFORMAT,
                      "%s: model_type '%.60s' is not supported; deberta-v2 and bert are. No weights were fetched",
                      place, type);
    json_decref(config);
    return rc;
}

static int want_config(struct fetch *f, zoo_err *err)
{
    int rc;

    if (!zoo_hub_has(f->hub, "config.json"))
        return zoo_fail(err, ZOO_EFORMAT, "%s: no checkpoint of transformers, for it has no config.json%s", f->repo,
                        zoo_hub_is_offline(f->hub) ? " in the cache" : "");
    rc = want(f, "config.json", CONFIG_BYTES, err);
    if (!rc)
        rc = zoo_hub_fetch(f->hub, err);
    return rc ? rc : check_config(f, err);
}

static int want_helpers(struct fetch *f, zoo_err *err)
{
    int rc = ZOO_OK;

    for (size_t i = 0; !rc && i < sizeof helpers / sizeof *helpers; i++)
        if (zoo_hub_has(f->hub, helpers[i].name))
            rc = want(f, helpers[i].name, helpers[i].max, err);
    return rc;
}

/* A shard stands beside its index. */
static int check_shard(const char *name, zoo_err *err)
{
    size_t n = name ? strlen(name) : 0;

    if (!name || zoo_hub_check_file(name, NULL) || strchr(name, '/') || n < 13 || strcmp(name + n - 12, ".safetensors"))
        return zoo_fail(err, ZOO_EFORMAT,
                        INDEX ": weight_map: '%.120s' should be the name of a .safetensors file beside it",
                        name ? name : "(no string)");
    return ZOO_OK;
}

static int want_shards(struct fetch *f, zoo_err *err)
{
    const char *tensor;
    json_t *map, *shard;
    const char *last = NULL;                    /* the same shard holds many tensors in a row */
    int rc = want(f, INDEX, INDEX_BYTES, err);

    if (!rc)
        rc = zoo_hub_fetch(f->hub, err);
    if (rc)
        return rc;
    f->index = read_json(f, INDEX, INDEX_BYTES, err);
    if (!f->index)
        return err->code;
    map = json_object_get(f->index, "weight_map");
    if (!json_is_object(map) || !json_object_size(map))
        return zoo_fail(err, ZOO_EFORMAT, INDEX ": 'weight_map' should be an object of tensor and file names");
    json_object_foreach(map, tensor, shard) {
        const char *name = json_string_value(shard);
        if (name && last && !strcmp(name, last))
            continue;
        if ((rc = check_shard(name, err)) || (rc = zoo_hub_want(f->hub, name, WEIGHT_BYTES, err)))
            return rc;
        last = name;
    }
    return ZOO_OK;
}

static int want_weights(struct fetch *f, zoo_err *err)
{
    if (zoo_hub_has(f->hub, "model.safetensors"))
        return want(f, "model.safetensors", WEIGHT_BYTES, err);
    if (zoo_hub_has(f->hub, INDEX))
        return want_shards(f, err);
    if (zoo_hub_has(f->hub, "pytorch_model.bin"))
        return want(f, "pytorch_model.bin", WEIGHT_BYTES, err);
    return zoo_fail(err, ZOO_EFORMAT,
                    "%s: no weights%s: neither model.safetensors (whole or in shards) nor pytorch_model.bin", f->repo,
                    zoo_hub_is_offline(f->hub) ? " in the cache" : "");
}

static int fetch_all(struct fetch *f, zoo_err *err)
{
    int rc = want_config(f, err);

    if (!rc)
        rc = want_helpers(f, err);
    if (!rc)
        rc = want_weights(f, err);
    if (rc)
        return rc;
    zoo_progress_begin(&f->progress, stderr, "fetch (MiB)", 0);
    f->is_shown = 1;
    rc = zoo_hub_fetch(f->hub, err);
    return rc ? rc : zoo_hub_remember(f->hub, err);
}

/* ---- a folder of its own ---- */

static int copy(const struct fetch *f, const char *to, const char *file, zoo_err *err)
{
    char source[PATH_MAX], target[PATH_MAX], folder[PATH_MAX];
    const char *slash = strchr(file, '/');
    int rc = zoo_fs_join(source, sizeof source, zoo_hub_folder(f->hub), file, err);

    if (!rc)
        rc = zoo_fs_join(target, sizeof target, to, file, err);
    if (!rc && slash) {
        snprintf(folder, sizeof folder, "%.*s", (int)(strlen(target) - strlen(slash)), target);
        rc = zoo_fs_make_folders(folder, err);
    }
    return rc ? rc : zoo_fs_copy(source, target, err);
}

/* Files of their own and no links, so that whoever changes one in place does not change the cache. */
static int place(const struct fetch *f, const char *dir, int force, zoo_err *err)
{
    char beside[PATH_MAX], target[PATH_MAX];
    const char *tensor;
    json_t *shard;
    int rc = zoo_fs_folder_begin(beside, sizeof beside, dir, force, err);

    if (rc)
        return rc;
    for (size_t i = 0; !rc && i < f->count; i++)
        rc = copy(f, beside, f->files[i], err);
    json_object_foreach(json_object_get(f->index, "weight_map"), tensor, shard) {
        const char *name = json_string_value(shard);
        rc = rc ? rc : zoo_fs_join(target, sizeof target, beside, name, err);
        if (!rc && !zoo_fs_exists(target))
            rc = copy(f, beside, name, err);
    }
    if (!rc)
        return zoo_fs_folder_commit(beside, dir, err);
    zoo_fs_folder_abandon(beside);
    return rc;
}

/* Said before anything travels. */
static int check_dir(const char *dir, int force, zoo_err *err)
{
    char beside[PATH_MAX];
    int rc = zoo_fs_folder_begin(beside, sizeof beside, dir, force, err);

    if (!rc)
        zoo_fs_folder_abandon(beside);
    return rc;
}

/* ---- */

static int fetch(struct fetch *f, const struct settings *s, const char *name, const char *dir, zoo_err *err)
{
    int rc = split_name(f, name, err);

    if (!rc)
        rc = zoo_hub_env_read(&f->env, err);
    if (!rc && dir)
        rc = check_dir(dir, s->force, err);
    if (rc)
        return rc;
    f->env.settings.retries = (unsigned)s->retries;
    f->env.settings.say = say;
    f->env.settings.advance = advance;
    f->env.settings.context = f;
    rc = zoo_hub_open(&f->hub, &f->env.settings, f->repo, f->revision, err);
    if (!rc)
        rc = fetch_all(f, err);
    if (!rc && f->is_shown && zoo_hub_bytes_fetched(f->hub) >> 20)
        zoo_progress_end(&f->progress);
    if (!rc && dir)
        rc = place(f, dir, s->force, err);
    if (!rc)
        zoo_cli_say(&zoo_command_model_fetch, "%s at commit %s, %" PRIu64 " bytes fetched", f->repo,
                    zoo_hub_commit(f->hub), zoo_hub_bytes_fetched(f->hub));
    return rc;
}

static int run(const void *opaque, int argc, char **argv)
{
    struct fetch *f = calloc(1, sizeof *f);
    const char *dir = argc > 1 ? argv[1] : NULL;
    int status = EXIT_DONE;
    zoo_err err;

    if (!f) {
        zoo_fail_nomem(&err);
        return zoo_cli_fail(&zoo_command_model_fetch, &err);
    }
    if (fetch(f, opaque, argv[0], dir, &err))
        status = zoo_cli_fail(&zoo_command_model_fetch, &err);
    else
        puts(dir ? dir : zoo_hub_folder(f->hub));
    json_decref(f->index);
    zoo_hub_close(f->hub);
    free(f);
    return status;
}

static const struct settings defaults = { .retries = RETRIES };

static const zoo_option options[] = {
    { "force", NULL, OPTION_FLAG, offsetof(struct settings, force), "replace DIR where it holds something", 0, 0 },
    { "retries", "N", OPTION_COUNT, offsetof(struct settings, retries),
      "tries after a failure, in a row without a byte of progress (default 5); waits double from 0.5 s", 0, 100 },
    { 0 }
};

const zoo_command zoo_command_model_fetch = {
    .name = "model fetch", .args = "NAME[@REVISION] [DIR]", .summary = "get a checkpoint from a Hugging Face hub",
    .details =
        "NAME is org/name as on the hub; REVISION a branch, tag or commit (default main). Fetched is what an encoder "
        "needs:\n"
        "config.json, tokenizer files, the pooling of sentence-transformers, and model.safetensors, else its shards, "
        "else\n"
        "pytorch_model.bin. A model_type that is not supported is refused before its weights travel.\n"
        "\n"
        "Files go into the cache that huggingface_hub and transformers use too, and what they fetched is not fetched "
        "again. Without\n"
        "DIR the snapshot's folder is printed: it holds links into the cache, so do not write to it. With DIR the "
        "files are copied\n"
        "there, all at once when they are complete; a DIR that holds something is refused without --force.\n"
        "\n"
        "A fetch that was killed or cut goes on where it was. SHA-256 (large files) or git's SHA-1 (small ones) decide "
        "whether what\n"
        "came is right; nothing else gets its name. 5xx, 408, 429 and broken connections are tried again. Where the "
        "hub cannot be\n"
        "reached and the cache has the revision, that is taken, and said.\n"
        "\n"
        "Environment, as of huggingface_hub: HF_ENDPOINT (https://huggingface.co), HF_TOKEN, HF_TOKEN_PATH "
        "(HF_HOME/token),\n"
        "HF_HOME (~/.cache/huggingface), HF_HUB_CACHE (HF_HOME/hub), HF_HUB_OFFLINE, HF_HUB_DOWNLOAD_TIMEOUT (seconds "
        "without a\n"
        "byte, 30), HF_HUB_DISABLE_IMPLICIT_TOKEN; SSL_CERT_FILE, https_proxy, no_proxy. The token is sent to the "
        "hub's own scheme,\n"
        "host and port alone, never along a redirect to another, and not over http except to this machine.\n"
        "\n"
        "Limits: 64 GiB a weight file, 256 MiB a tokenizer file, 1 MiB a configuration.",
    .examples = "  zooter model fetch microsoft/mdeberta-v3-base backbone\n"
                "  zooter model fetch sentence-transformers/all-MiniLM-L6-v2@main minilm\n"
                "  HF_ENDPOINT=https://hub.example.org zooter model fetch org/router@v2 router --force\n",
    .options = options, .defaults = &defaults, .settings_size = sizeof(struct settings), .least_args = 1,
    .most_args = 2, .run = run
};
