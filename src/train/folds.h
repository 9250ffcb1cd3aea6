/* folds.h - rows dealt out at random by the text of their query, so that no text is on both sides of a split: neither
 * equal texts nor texts that differ in spaces or the case of ASCII letters.
 * Layer: train -> base. The same rows and seed give the same deal on every machine. */
#ifndef ZOO_TRAIN_FOLDS_H
#define ZOO_TRAIN_FOLDS_H
#include <stddef.h>
#include <stdint.h>
#include "base/dataset.h"
#include "base/err.h"

/* How many different texts rows[0..count) have. */
int zoo_folds_count_texts(const zoo_dataset *data, const size_t *rows, size_t count, size_t *texts, zoo_err *err);

/* fold[i] in 0..folds-1 for rows[i]; texts are dealt in turn, so that folds hold equally many (give or take one). */
int zoo_folds_deal(const zoo_dataset *data, const size_t *rows, size_t count, size_t folds, uint64_t seed,
                   uint32_t *fold, zoo_err *err);

/* Moves whole texts to the end of rows[0..count) until at least `aside` rows are there, the order of each part kept;
 * returns through *first where that part begins. With fewer than two texts nothing is set aside (*first = count). */
int zoo_folds_set_aside(const zoo_dataset *data, size_t *rows, size_t count, size_t aside, uint64_t seed, size_t *first,
                        zoo_err *err);

/* Drops from rows[*count - aside..*count) those whose text also stands before them,
 * the order of the others kept; *count falls. */
int zoo_folds_drop_known(const zoo_dataset *data, size_t *rows, size_t *count, size_t aside, zoo_err *err);
#endif
