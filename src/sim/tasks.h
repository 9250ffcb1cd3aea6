/* tasks.h - the kinds of task that the sample asks and that the simulated experts answer. One table drives both sides:
 *
 *     zoo_sim_task task, seen;
 *     zoo_sim_make(kind, frame, &rng, &task);                  // the sample: slots drawn at random
 *     zoo_sim_ask(&task, query, sizeof query);                 // "What is 15% of 240?"
 *     if (zoo_sim_match(query, strlen(query), &seen))          // the expert: the text alone, nothing else
 *         zoo_sim_solve(&seen, value, sizeof value);           // "36"
 *         zoo_sim_phrase(&seen, value, &rng, answer, sizeof answer);     // "That works out to 36."
 *
 * A frame is a sentence with slots {a}..{f}. Held-out frames are for test queries only: no training frame is the same
 * sentence. A value is what a grader compares; for `program` it is Python source.
 * Layer: sim -> base. Threads: pure functions over constant tables.
 * Refuses to guess: text that is no frame is not matched. */
#ifndef ZOO_SIM_TASKS_H
#define ZOO_SIM_TASKS_H
#include <stddef.h>
#include "base/rng.h"

enum zoo_sim_lang { ZOO_SIM_EN, ZOO_SIM_DE, ZOO_SIM_FR, ZOO_SIM_ES, ZOO_SIM_ZH, ZOO_SIM_LANGS };

enum {
    ZOO_SIM_SLOTS = 6,
    ZOO_SIM_SLOT_SIZE = 160,       /* bytes of one slot's text, with its NUL */
    ZOO_SIM_TEXT_SIZE = 2048       /* enough for every query, value, reference and answer, with its NUL */
};

typedef struct zoo_sim_slots { char text[ZOO_SIM_SLOTS][ZOO_SIM_SLOT_SIZE]; } zoo_sim_slots;

typedef struct zoo_sim_frame {
    enum zoo_sim_lang lang;
    int is_held_out;
    int variant;                   /* the kind's own: plus or minus, largest or smallest */
    const char *text;              /* "What is {a}% of {b}?" */
} zoo_sim_frame;

typedef struct zoo_sim_kind {
    const char *name;              /* "percent" */
    const char *group;             /* "arithmetic": the sample's subset */
    const char *grader;          /* "number", "string", "choice" or "program", as `zooter reward --grader` reads them */
    const char *slots;             /* class of each slot: n number, t time of day, w word, l anything but a line end */
    const zoo_sim_frame *frames;
    size_t frame_count;
    /* Draws the slots that `frame` needs. */
    void (*make)(const zoo_sim_frame *frame, zoo_rng *rng, zoo_sim_slots *slots);
    /* The right value into out[0..size); -1 where the slots are no such task. */
    int (*solve)(const zoo_sim_frame *frame, const zoo_sim_slots *slots, char *out, size_t size);
    /* A plausible wrong value; may by chance be right, so callers go through zoo_sim_mistake(). */
    void (*err)(const zoo_sim_frame *frame, const zoo_sim_slots *slots, const char *right, zoo_rng *rng, char *out,
                size_t size);
    /* What the grader compares with; NULL: the right value. */
    int (*reference)(const zoo_sim_frame *frame, const zoo_sim_slots *slots, char *out, size_t size);
} zoo_sim_kind;

typedef struct zoo_sim_task {
    const zoo_sim_kind *kind;
    const zoo_sim_frame *frame;
    zoo_sim_slots slots;           /* those that the frame does not name are "" */
} zoo_sim_task;

extern const zoo_sim_kind *const zoo_sim_kinds[];      /* ends with NULL */
size_t zoo_sim_kind_count(void);
const zoo_sim_kind *zoo_sim_kind_find(const char *name);             /* NULL: no such kind */
const char *zoo_sim_lang_code(enum zoo_sim_lang lang);               /* "en" */

void zoo_sim_make(const zoo_sim_kind *kind, const zoo_sim_frame *frame, zoo_rng *rng, zoo_sim_task *out);
/* Whether `text` is a frame of any kind with slots that make sense; *out then holds them. */
int zoo_sim_match(const char *text, size_t size, zoo_sim_task *out);

/* Each writes a NUL-terminated text and returns 0; -1: it does not fit, or the slots are no such task. */
int zoo_sim_ask(const zoo_sim_task *task, char *out, size_t size);
int zoo_sim_solve(const zoo_sim_task *task, char *out, size_t size);
int zoo_sim_mistake(const zoo_sim_task *task, zoo_rng *rng, char *out, size_t size);     /* never right */
int zoo_sim_reference(const zoo_sim_task *task, char *out, size_t size);
/* A sentence around the value, in the language of the question, as an LLM would put it. */
int zoo_sim_phrase(const zoo_sim_task *task, const char *value, zoo_rng *rng, char *out, size_t size);
#endif
