/* state.h - what a run needs to go on after it was killed, in one file that is written beside and put in place at once.
 *
 *     zoo_state_begin(&state, path, fingerprint, is_reading, &err);
 *     zoo_state_sync(state, &steps, sizeof steps);     // written, or read: one walk serves both, so they cannot differ
 *     zoo_state_end(state, &err);
 *
 * A file of another run (fingerprint, sizes) or one that was damaged (checksum) is refused. In the byte order of the
 * machine: a run goes on where it began.
 * Layer: train -> base. Threads: one owner. */
#ifndef ZOO_TRAIN_STATE_H
#define ZOO_TRAIN_STATE_H
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

typedef struct zoo_state zoo_state;

/* fingerprint: of all that the run depends on. *out NULL on failure. */
int zoo_state_begin(zoo_state **out, const char *path, uint64_t fingerprint, int is_reading, zoo_err *err);
int zoo_state_is_reading(const zoo_state *state);
/* The first failure is remembered, and later calls do nothing (read: leave zeros). */
void zoo_state_sync(zoo_state *state, void *data, size_t size);
/* Completes and frees; what failed before is told here. Written: the file is in place, or as it was. */
int zoo_state_end(zoo_state *state, zoo_err *err);
#endif
