/* cmd_tag.c - zooter tag: tags from a field of the rows, or by clustering. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cli/stores.h"
#include "label/cluster.h"
#include "label/column.h"
#include "base/json.h"

struct settings {
    const char *store, *column, *cluster, *kind, *split;
    uint64_t seed, threads;
    int dry_run;
};

enum { LINE_WIDTH = 100 };

extern const zoo_command zoo_command_tag;

/* The store's log of runs. */
static int log_run(zoo_store *store, const struct settings *s, const char *kind, uint64_t tagged, uint64_t queries,
                   zoo_err *err)
{
    json_t *asked = json_pack("{s:s?, s:s?, s:s, s:s?, s:I}", "from_column", s->column, "cluster", s->cluster, "kind",
                              kind,
                              "split", s->split, "seed", (json_int_t)s->seed);
    json_t *done = json_pack("{s:I, s:I}", "queries", (json_int_t)queries, "tagged", (json_int_t)tagged);
    zoo_buf settings = ZOO_BUF_INIT(1 << 20), summary = ZOO_BUF_INIT(1 << 20);
    zoo_key run;
    int rc = !asked || !done || zoo_json_dump(&settings, asked) || zoo_json_dump(&summary, done) ? zoo_fail_nomem(err) :
             ZOO_OK;

    if (!rc)
        rc = zoo_store_begin_run(store, "tag", settings.data, &run, err);
    if (!rc)
        rc = zoo_store_end_run(store, run, "done", summary.data, err);
    json_decref(asked);
    json_decref(done);
    zoo_buf_release(&settings);
    zoo_buf_release(&summary);
    return rc;
}

static int tag_by_column(zoo_store *store, const struct settings *s, zoo_err *err)
{
    const char *kind = s->kind ? s->kind : s->column;
    uint64_t total = 0;
    zoo_column_counts n;
    zoo_progress progress;
    int rc = zoo_store_begin(store, err);

    if (!rc)
        rc = zoo_store_count_queries(store, ZOO_IN_SPLIT(s->split), &total, err);
    zoo_progress_begin(&progress, stderr, "tag", total);
    if (!rc)
        rc = zoo_column_tag(store, &(zoo_column_options){ s->column, kind, s->split, &progress }, &n, err);
    if (!rc)
        zoo_progress_end(&progress);
    if (!rc)
        rc = log_run(store, s, kind, n.tagged, n.queries, err);
    if (!rc && s->dry_run)
        zoo_store_rollback(store);
    else if (!rc)
        rc = zoo_store_commit(store, err);
    if (!rc)
        printf("%llu of %llu queries %s a tag of the kind '%s', %llu tags in all; %llu have no '%s'\n",
               (unsigned long long)n.tagged, (unsigned long long)n.queries, s->dry_run ? "would have" : "now have",
               kind, (unsigned long long)n.tags, (unsigned long long)(n.queries - n.tagged), s->column);
    return rc;
}

static void print_clustering(const zoo_clustering *c, const char *kind)
{
    printf("%zu queries in %zu groups (%s:%s..%s), mean similarity to the group's centre %.3f\n", c->queries, c->k,
           kind, c->clusters[0].name, c->clusters[c->k - 1].name, c->similarity);
    if (c->sampled < c->queries - c->untagged)
        printf("learnt from %zu of them\n", c->sampled);
    if (c->untagged)
        printf("%zu queries share no word with others: no tag\n", c->untagged);
    for (size_t i = 0; i < c->k; i++) {
        const zoo_cluster *cluster = &c->clusters[i];
        int width = printf("%s %7llu  ", cluster->name, (unsigned long long)cluster->queries);
        for (size_t j = 0; j < ZOO_CLUSTER_WORDS && cluster->words[j]; j++) {
            if (width + (int)strlen(cluster->words[j]) + 1 > LINE_WIDTH)
                break;
            width += printf("%s%s", j ? " " : "", cluster->words[j]);
        }
        putchar('\n');
    }
}

static int write_clustering(zoo_store *store, const struct settings *s, const char *kind, const zoo_clustering *c,
                            zoo_err *err)
{
    int rc = zoo_store_begin(store, err);

    if (!rc)
        rc = zoo_clustering_write(store, c, kind, stderr, err);
    if (!rc)
        rc = log_run(store, s, kind, c->queries - c->untagged, c->queries, err);
    return rc ? rc : zoo_store_commit(store, err);
}

static int tag_by_cluster(zoo_store *store, const struct settings *s, size_t k, zoo_err *err)
{
    const char *kind = s->kind ? s->kind : "cluster";
    zoo_cluster_options o = { .split = s->split, .k = k, .seed = s->seed, .threads = (unsigned)s->threads,
                              .progress = stderr };
    zoo_clustering clustering;
    int rc = zoo_clustering_learn(store, &o, &clustering, err);

    if (rc)
        return rc;
    if (!s->dry_run)
        rc = write_clustering(store, s, kind, &clustering, err);
    if (!rc)
        print_clustering(&clustering, kind);
    zoo_clustering_release(&clustering);
    return rc;
}

/* -1: fine; else an exit status. *k = 0 for "auto". */
static int read_k(const char *text, size_t *k)
{
    unsigned long n;
    char *end;

    *k = 0;
    if (!strcmp(text, "auto"))
        return -1;
    errno = 0;
    n = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || n < 1 || n > ZOO_CLUSTERS_MAX)
        return zoo_cli_wrong_use(&zoo_command_tag, "--cluster: '%s' is neither auto nor 1 to %d", text,
                                 ZOO_CLUSTERS_MAX);
    *k = n;
    return -1;
}

static int run(const void *opaque, int argc, char **argv)
{
    const struct settings *s = opaque;
    zoo_store *store;
    size_t k = 0;
    zoo_err err;
    int rc, status;

    (void)argc, (void)argv;
    if (!s->column == !s->cluster)
        return zoo_cli_wrong_use(&zoo_command_tag, "give either --from-column FIELD or --cluster K");
    if (s->cluster && (status = read_k(s->cluster, &k)) >= 0)
        return status;
    rc = zoo_cli_store_open(&store, s->store, s->dry_run && s->cluster ? ZOO_STORE_READ : ZOO_STORE_WRITE, &err);
    if (!rc)
        rc = s->column ? tag_by_column(store, s, &err) : tag_by_cluster(store, s, k, &err);
    zoo_store_close(store);
    return rc ? zoo_cli_fail(&zoo_command_tag, &err) : EXIT_DONE;
}

static const struct settings defaults = { .seed = 1 };

static const zoo_option options[] = {
    ZOO_OPTION_STORE(struct settings, store, "the store"),
    { "from-column", "FIELD", OPTION_TEXT, offsetof(struct settings, column),
      "the tags are what this field of the rows says", 0, 0 },
    { "cluster", "K", OPTION_TEXT, offsetof(struct settings, cluster),
      "the tags are (at most) K groups of similar queries; auto: one for each hundred queries, 2 to 1000", 0, 0 },
    { "kind", "KIND", OPTION_TEXT, offsetof(struct settings, kind), "the kind of the tags (default: FIELD, or cluster)",
      0, 0 },
    { "split", "NAME", OPTION_TEXT, offsetof(struct settings, split), "only these queries (default: all)", 0, 0 },
    { "seed", "N", OPTION_COUNT, offsetof(struct settings, seed), "seed of the clustering (default 1)", 0, 0 },
    { "threads", "N", OPTION_COUNT, offsetof(struct settings, threads), "threads (default: one per processor)", 0,
      1024 },
    { "dry-run", NULL, OPTION_FLAG, offsetof(struct settings, dry_run), "only say what would be done", 0, 0 },
    { 0 }
};

const zoo_command zoo_command_tag = {
    .name = "tag", .args = "", .summary = "give queries tags: from a field of their rows, or by clustering",
    .details =
        "Replaces the queries' tags of one kind; tags of other kinds stay. Everything is written, or nothing.\n"
        "\n"
        "--from-column reads a field that the rows were imported with beside the usual ones: a text, number or boolean "
        "is one tag,\n"
        "an array of these is several (at most 1000), null or an empty text is none. A tag has at most 1024 bytes.\n"
        "\n"
        "--cluster groups queries by their words (rare words weigh more; spherical k-means with k-means++ seeds), "
        "names the groups\n"
        "c001, c002... from the largest down, and prints for each its size and most typical words. Only the first 4096 "
        "bytes of a\n"
        "query are read, as in training and routing. Above 50000 queries the groups are learnt from about 50000, drawn "
        "under the\n"
        "seed; every query then joins the nearest. The result depends on --seed and the queries, not on --threads. "
        "Tags of\n"
        "several clusterings steady training: run it with other seeds under other kinds.",
    .examples = "  zooter tag --store my.db --from-column difficulty --kind level\n"
                "  zooter tag --store my.db --cluster auto --split train\n"
                "  for n in 1 2 3; do zooter tag --store my.db --cluster 60 --seed $n --kind cluster$n; done\n",
    .options = options, .defaults = &defaults, .settings_size = sizeof(struct settings), .run = run
};
