/* hub.h - files of a model repository from a Hugging Face hub,
 * through the cache that huggingface_hub shares (hub_cache.h).
 *
 *     zoo_hub_open(&hub, &settings, "org/name", "main", &err);    // which commit, which files
 *     if (zoo_hub_has(hub, "config.json"))
 *         zoo_hub_want(hub, "config.json", &err);                 // asks for its size and checksum unless it is there
 *     zoo_hub_fetch(hub, &err);                                   // gets all that is wanted
 *     zoo_hub_remember(hub, &err);                                // `main` is this commit, also without the network
 *     puts(zoo_hub_folder(hub));
 *
 * A file is written as ETAG.incomplete and gets its name when its checksum is right, so a fetch that was killed goes on
 * where it was, and what has a name is whole. Nothing is asked of the hub for files that are there. Without a network,
 * and where the hub is out of order, the commit last known is taken if it is in the cache.
 * Layer: net. Threads: one owner. Refuses to choose files: which ones a model needs is the caller's knowledge. */
#ifndef ZOO_NET_HUB_H
#define ZOO_NET_HUB_H
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

typedef struct zoo_hub zoo_hub;

typedef struct zoo_hub_settings {
    const char *endpoint;                 /* "https://huggingface.co" */
    const char *cache;                    /* the folder of all repositories */
    const char *token, *ca_file;          /* NULL: none, the system's */
    int is_offline;                       /* the network is not touched */
    unsigned idle_s;                      /* seconds without a byte after which a connection is given up; 0: 30 */
    unsigned retries;                    /* in a row without a byte of progress, with waits from 0.5 s on that double */
    /* NULL: silent. A sentence about a retry, a wait, a fallback. */
    void (*say)(void *context, const char *sentence);
    /* NULL: not of interest. Bytes that are there, and bytes wanted, of this and earlier calls of zoo_hub_fetch(). */
    void (*advance)(void *context, uint64_t done, uint64_t wanted);
    void *context;
} zoo_hub_settings;

/* The texts of `settings` are borrowed until zoo_hub_close(). ZOO_EUSAGE: a name or address that cannot be. */
int zoo_hub_open(zoo_hub **out, const zoo_hub_settings *settings, const char *repo, const char *revision, zoo_err *err);
void zoo_hub_close(zoo_hub *hub);                           /* NULL is fine */
const char *zoo_hub_commit(const zoo_hub *hub);
const char *zoo_hub_folder(const zoo_hub *hub);             /* the snapshot of that commit */
/* 1: what is known comes from the cache alone. */
int zoo_hub_is_offline(const zoo_hub *hub);

/* Whether the repository has that file; offline: whether it is in the cache. */
int zoo_hub_has(const zoo_hub *hub, const char *file);
/* ZOO_EFORMAT: more than `max` bytes, or a name that leads out of the folder. */
int zoo_hub_want(zoo_hub *hub, const char *file, uint64_t max, zoo_err *err);
int zoo_hub_fetch(zoo_hub *hub, zoo_err *err);
uint64_t zoo_hub_bytes_fetched(const zoo_hub *hub);         /* over the network, by this hub */
int zoo_hub_remember(zoo_hub *hub, zoo_err *err);
#endif
