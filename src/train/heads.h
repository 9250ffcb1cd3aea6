/* heads.h - which tags the router learns to tell, beside the experts, so that it can say which of them decided.
 * Layer: train -> base. */
#ifndef ZOO_TRAIN_HEADS_H
#define ZOO_TRAIN_HEADS_H
#include "base/arena.h"
#include "base/dataset.h"
#include "base/err.h"

enum { ZOO_HEAD_VALUES_MAX = 512 };     /* of one kind of tag: the most frequent; the others have no head */

/* heads[0..*head_count): of each of `kinds` (indices into data->kinds), but of no more than `most`, the values that
 * occur in rows[0..count), in the order of the data, with the rows' tags renumbered.
 * Lives in `arena` and refers to `data`. */
int zoo_heads_build(zoo_tag_kind *heads, size_t *head_count, size_t most, const zoo_dataset *data, const size_t *kinds,
                    size_t kind_count, const size_t *rows, size_t count, zoo_arena *arena, zoo_err *err);
#endif
