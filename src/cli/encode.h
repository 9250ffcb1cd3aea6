/* encode.h - lines in, one line of JSON out for each, in the same order, through an encoder in batches: what `zooter
 * model run` and `zooter embed` share.
 *
 *     zoo_encode_open(&e, &zoo_command_embed, dir, "auto", threads, &err);
 *     e->tokenize = tokenize, e->print = print, e->context = me, e->outputs.mean = ZOO_ENCODE_WANTED;
 *     status = zoo_encode_stdin(e, &err);
 *
 * A batch ends where the next line would have to be waited for, so that someone who types, or a program that asks and
 * waits, gets the answer at once. A bad line becomes {"error": sentence} in its place, is said on stderr,
 * and the rest goes on.
 * Layer: cli. Threads: one owner. */
#ifndef ZOO_CLI_ENCODE_H
#define ZOO_CLI_ENCODE_H
#include <stdint.h>
#include "base/buf.h"
#include "cli/command.h"
#include "cli/text_row.h"

enum { ZOO_ENCODE_LINES = 1024, ZOO_ENCODE_TOKENS = 16384 };      /* a batch ends at or behind so many */

typedef struct zoo_encode zoo_encode;

/* One line's place in the batch. */
typedef struct zoo_encoded {
    size_t first, count;                  /* tokens */
    size_t id_at, id_size;                /* in `notes`: JSON text of its id */
    size_t error_at, error_size;          /* in `notes`: what is wrong with it; size 0: nothing */
    int has_pair;
} zoo_encoded;

struct zoo_encode {
    const zoo_command *command;
    zoo_model *model;
    zoo_session *session;
    /* Set by the command before the run. */
    int wants_logits, wants_cls, wants_mean;
    int (*tokenize)(zoo_encode *e, const char *line, size_t size, const char *place, zoo_encoded *item,
                    zoo_tokens *tokens, zoo_err *err);
    int (*print)(zoo_encode *e, const zoo_encoded *item, size_t i, zoo_buf *out);     /* ZOO_OK or ZOO_ENOMEM */
    void *context;
    /* The batch. */
    zoo_text_row row;                     /* for tokenize() */
    zoo_encoded items[ZOO_ENCODE_LINES];
    size_t n, number;                     /* lines in it; number of the line last read */
    uint32_t *ids;
    uint8_t *types;
    size_t tokens, capacity;
    size_t lengths[ZOO_ENCODE_LINES];
    float *logits, *cls, *mean;           /* (n, K), (n, H), (n, H) or NULL */
    zoo_buf notes, out;
    uint64_t bad;                         /* lines */
};

int zoo_encode_open(zoo_encode **out, const zoo_command *command, const char *dir, const char *precision,
                    uint64_t threads, zoo_err *err);
void zoo_encode_free(zoo_encode *e);                                /* NULL is fine */
/* All of stdin. Returns EXIT_*; what went wrong has been said. */
int zoo_encode_stdin(zoo_encode *e);
/* Appends [x, ...] with floats that read back exactly. */
int zoo_encode_add_floats(zoo_buf *out, const float *x, size_t n);
/* Keeps `text` for print(). */
int zoo_encode_note(zoo_encode *e, const char *text, size_t size, size_t *at, zoo_err *err);
#endif
