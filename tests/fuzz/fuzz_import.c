/* Files into a store: a refused file leaves nothing, and what was taken exports,
 * imports and exports again to the same bytes. */
#include "fuzz.h"
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include "store/jsonl.h"

static int import(zoo_store *store, const void *bytes, size_t size, int skip_bad, zoo_err *err)
{
    const zoo_import_options options = { .skip_bad = skip_bad, .update = skip_bad };
    zoo_import_counts counts = { 0 };
    char path[64];
    int fd = memfd_create("rows", 0), rc;

    MUST(fd >= 0 && (!size || write(fd, bytes, size) == (ssize_t)size));
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    rc = zoo_store_import(store, path, &options, &counts, err);
    close(fd);
    return rc;
}

static char *export(zoo_store *store, enum zoo_export_what what, size_t *size)
{
    const char *model = "default";
    const zoo_store_filter filter = { .reward_models = { &model, what == ZOO_EXPORT_ROWS } };
    const zoo_export_options options = { .what = what, .filter = &filter };
    char *bytes = NULL;
    FILE *to = open_memstream(&bytes, size);
    zoo_err err;

    MUST(to);
    MUST(zoo_store_export(store, &options, to, &err) == ZOO_OK);
    fclose(to);
    return bytes;
}

static zoo_store *open_empty(void)
{
    zoo_store *store;
    zoo_key key;
    zoo_err err;

    MUST(zoo_store_open(&store, ":memory:", ZOO_STORE_CREATE, NULL, &err) == ZOO_OK);
    MUST(zoo_store_reward_model(store, "default", &key, &err) == ZOO_OK);
    return store;
}

static void round_trip(zoo_store *first)
{
    zoo_store *second = open_empty();
    zoo_err err;

    for (int what = ZOO_EXPORT_ROWS; what <= ZOO_EXPORT_JUDGEMENTS; what++) {
        size_t a, b;
        char *before = export(first, (enum zoo_export_what)what, &a), *after;
        MUST(import(second, before, a, 0, &err) == ZOO_OK);
        after = export(second, (enum zoo_export_what)what, &b);
        MUST(a == b && !memcmp(before, after, a));
        free(before);
        free(after);
    }
    zoo_store_close(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    zoo_store *store = open_empty();
    zoo_store_totals totals;
    zoo_err err = { 0 };

    if (import(store, data, size, 0, &err)) {
        MUST(*err.message);
        MUST(zoo_store_count(store, &totals, &err) == ZOO_OK);
        MUST(!totals.queries && !totals.experts && !totals.rewards);
        MUST(import(store, data, size, 1, &err) == ZOO_OK);
    }
    round_trip(store);
    zoo_store_close(store);
    return 0;
}
