/* product.h - y = act(x W^T + bias) with constant weights: packed once,
 * then multiplied by any number of rows, by a team.
 *
 *     zoo_product *p;
 *     zoo_product_new(&p, ZOO_PRECISION_BF16, O, I, w, bias, &err);
 *     ... every member of the team, between two barriers:
 *     zoo_product_run(p, &x, &y, me);                             // a member computes columns that are its own
 *
 * float32: sums in float32. bfloat16: x and W rounded to bfloat16, sums in float32. int8: W in 8 bits with a scale per
 * output, x in 8 bits with a scale (and zero point) per row chosen at run time, sums exact in int32.
 * Which instructions are used is decided once, from the processor and ONEDNN_MAX_CPU_ISA; results depend neither on the
 * number of members nor on the batch a row is in.
 * Dimensions: R rows, I inputs, O outputs. Layer: compute -> base. Threads: a product is immutable.
 * Nothing is allocated in run. */
#ifndef ZOO_COMPUTE_PRODUCT_H
#define ZOO_COMPUTE_PRODUCT_H
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "compute/pages.h"
#include "compute/team.h"

enum zoo_activation { ZOO_IDENTITY, ZOO_GELU, ZOO_GELU_TANH, ZOO_RELU, ZOO_TANH, ZOO_SILU };

/* R rows of I activations as a product of that precision reads them. Memory is the caller's. */
typedef struct zoo_input {
    enum zoo_precision precision;
    size_t width, stride;               /* I; elements from row to row */
    void *data;                         /* float, bfloat16 as uint16_t, or uint8_t */
    float *scales;                      /* (R), int8 alone */
    int32_t *zeros;                     /* (R), int8 alone: the byte that stands for 0 */
} zoo_input;

/* Bytes for `rows` rows (64-byte aligned memory is asked for), and the input that lies in them. */
size_t zoo_input_bytes(enum zoo_precision precision, size_t rows, size_t width);
void zoo_input_place(zoo_input *input, enum zoo_precision precision, size_t rows, size_t width, void *memory);
/* Rows first..first+count of `input` from x (count, width), rows `stride` floats apart. */
void zoo_input_fill(zoo_input *input, size_t first, size_t count, const float *x, size_t stride);

typedef struct zoo_product zoo_product;

/* Where results go: floats, or (bfloat16 alone) straight into the input of the next product. */
typedef struct zoo_output {
    float *data; size_t stride;         /* (R, O); NULL: into `next` */
    zoo_input *next;
    enum zoo_activation activation;
    const zoo_product *then;          /* the product that runs next, or NULL: its first weights are fetched meanwhile */
} zoo_output;

/* w (O,I) row-major, bias (O) or NULL; both may be freed afterwards. ZOO_ENOMEM,
 * ZOO_EFORMAT (a weight that is not finite). */
int zoo_product_new(zoo_product **out, enum zoo_precision precision, size_t outputs, size_t inputs, const float *w,
                    const float *bias, zoo_err *err);
/* The same with weights in `pages`, which must outlive it: what a network with many products should do. */
int zoo_product_new_in(zoo_product **out, zoo_pages *pages, enum zoo_precision precision, size_t outputs, size_t inputs,
                       const float *w, const float *bias, zoo_err *err);
void zoo_product_free(zoo_product *product);                /* NULL is fine */
size_t zoo_product_bytes(const zoo_product *product);       /* of memory that it holds */
/* This member's share of out (rows, O). No barrier inside: the caller meets before the input
 * and after the output is touched. */
void zoo_product_run(const zoo_product *product, const zoo_input *x, size_t rows, const zoo_output *out,
                     const zoo_member *me);

/* What the machine does at full speed: bfloat16 where the processor multiplies it, else float32. (enum zoo_precision,
 * its names and their parsing are in zooter.h; nothing in this room is given ZOO_PRECISION_AUTO.) */
enum zoo_precision zoo_precision_auto(void);
#endif
