/* kinds.h - what the files kinds_*.c share: the kinds they define, and small tools to draw and read slots.
 * Layer: sim -> base; included by nothing outside this room. */
#ifndef ZOO_SIM_KINDS_H
#define ZOO_SIM_KINDS_H
#include "sim/tasks.h"

#define TRAIN(lang_, text_) { ZOO_SIM_##lang_, 0, 0, text_ }
#define HELD_OUT(lang_, text_) { ZOO_SIM_##lang_, 1, 0, text_ }
#define TRAIN_AS(lang_, variant_, text_) { ZOO_SIM_##lang_, 0, variant_, text_ }
#define HELD_OUT_AS(lang_, variant_, text_) { ZOO_SIM_##lang_, 1, variant_, text_ }
#define COUNT_OF(array) (sizeof (array) / sizeof *(array))

extern const zoo_sim_kind zoo_sim_word_problem, zoo_sim_product, zoo_sim_percent, zoo_sim_units, zoo_sim_extremes,
    zoo_sim_sequence, zoo_sim_roman, zoo_sim_binary, zoo_sim_reverse, zoo_sim_letters, zoo_sim_sorting, zoo_sim_acronym,
    zoo_sim_weekday, zoo_sim_clock, zoo_sim_capitals, zoo_sim_elements, zoo_sim_translate, zoo_sim_program;

/* snprintf that tells: 0, or -1 where it does not fit. */
__attribute__((format(printf, 3, 4))) int zoo_sim_put(char *out, size_t size, const char *fmt, ...);
/* The slot becomes the text; texts of this room's tables fit. */
__attribute__((format(printf, 2, 3))) void zoo_sim_set(char slot[ZOO_SIM_SLOT_SIZE], const char *fmt, ...);
/* A whole number of at most nine digits, nothing behind it: 0, or -1. */
int zoo_sim_int(const char *text, long *value);
long zoo_sim_between(zoo_rng *rng, long least, long most);
/* Numbers or words of a list "3, 5, 8" or "3、5、8". Returns how many, at most `most`; -1: more, or one is malformed. */
int zoo_sim_int_list(const char *text, long *values, int most);
int zoo_sim_word_list(const char *text, char words[][ZOO_SIM_SLOT_SIZE], int most);
const char *zoo_sim_separator(enum zoo_sim_lang lang);              /* of such a list: ", " or "、" */
/* An err() for numbers: near the right one, never negative. */
void zoo_sim_err_number(const zoo_sim_frame *frame, const zoo_sim_slots *slots, const char *right, zoo_rng *rng,
                        char *out, size_t size);
/* n different numbers below `bound`, in random order. bound <= 64. */
void zoo_sim_draw(zoo_rng *rng, size_t *picked, size_t n, size_t bound);
#endif
