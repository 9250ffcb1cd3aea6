/* product.c - y = act(x W^T + bias) with constant weights: packed once, then multiplied by any number of rows, by a
 * team; see product.h. */
#include "compute/product.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "compute/cpu.h"
#include "compute/product_finish.h"

enum { LINE = 64, ROWS_AT_ONCE = 128 };

struct zoo_product {
    enum zoo_precision precision;
    const zoo_backend *backend;
    size_t outputs, inputs, groups, panels, panel_bytes, bytes;
    void *weights;                      /* (panels, groups, columns) groups of 32 bits */
    float *bias, *scales;               /* (panels * columns), scales for int8 alone */
    int32_t *sums;                      /* the same, of the bytes of each output */
    int is_borrowed;                    /* the memory is somebody's pages */
};

static size_t element_bytes(enum zoo_precision precision)
{
    return precision == ZOO_PRECISION_F32 ? 4 : precision == ZOO_PRECISION_BF16 ? 2 : 1;
}

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

const zoo_backend *zoo_backend_choose(enum zoo_precision precision)
{
    static const struct { enum zoo_precision precision; enum zoo_cpu cpu; const zoo_backend *backend; } backends[] = {
#if defined __x86_64__
        { ZOO_PRECISION_F32, ZOO_CPU_AVX512, &zoo_avx512_f32 }, { ZOO_PRECISION_F32, ZOO_CPU_AVX2, &zoo_avx2_f32 },
        { ZOO_PRECISION_BF16, ZOO_CPU_AMX, &zoo_amx_bf16 }, { ZOO_PRECISION_BF16, ZOO_CPU_BF16, &zoo_avx512_bf16 },
        { ZOO_PRECISION_BF16, ZOO_CPU_AVX512, &zoo_avx512_widened },
            { ZOO_PRECISION_BF16, ZOO_CPU_AVX2, &zoo_avx2_bf16 },
        { ZOO_PRECISION_INT8, ZOO_CPU_AMX, &zoo_amx_int8 }, { ZOO_PRECISION_INT8, ZOO_CPU_VNNI, &zoo_avx512_int8 },
        { ZOO_PRECISION_INT8, ZOO_CPU_AVX2, &zoo_avx2_int8 },
#endif
        { ZOO_PRECISION_F32, ZOO_CPU_PORTABLE, &zoo_portable_f32 },
            { ZOO_PRECISION_BF16, ZOO_CPU_PORTABLE, &zoo_portable_bf16 },
    };
    enum zoo_cpu cpu = zoo_cpu_level();

    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++)
        if (backends[i].precision == precision && backends[i].cpu <= cpu)
            return backends[i].backend;
    return &zoo_portable_int8;
}

/* ---- inputs ---- */

/* Rows begin on a cache line and are an odd number of lines apart: the same column of a tile's rows then lies in as
 * many sets of the first-level cache. */
static size_t input_stride(enum zoo_precision precision, size_t width)
{
    return ((width * element_bytes(precision) + LINE - 1) / LINE | 1) * LINE / element_bytes(precision);
}

/* Bytes of the elements: a tile may read beyond the last row, up to its height. */
static size_t data_bytes(enum zoo_precision precision, size_t rows, size_t width)
{
    size_t beyond = zoo_backend_choose(precision)->unit > 1 ? ZOO_TILE_ROWS : 0;

    return (rows + beyond) * input_stride(precision, width) * element_bytes(precision);
}

size_t zoo_input_bytes(enum zoo_precision precision, size_t rows, size_t width)
{
    return data_bytes(precision, rows, width) +
           (precision == ZOO_PRECISION_INT8 ? round_up(rows * (sizeof(float) + sizeof(int32_t)), LINE) : 0);
}

void zoo_input_place(zoo_input *input, enum zoo_precision precision, size_t rows, size_t width, void *memory)
{
    size_t stride = input_stride(precision, width), size = element_bytes(precision);

    *input = (zoo_input){ .precision = precision, .width = width, .stride = stride, .data = memory };
    if (precision == ZOO_PRECISION_INT8) {
        input->scales = (float *)(void *)((char *)memory + data_bytes(precision, rows, width));
        input->zeros = (int32_t *)(void *)(input->scales + rows);
    }
    for (size_t r = 0; r < rows && stride > width; r++)
        memset((char *)memory + (r * stride + width) * size, 0, (stride - width) * size);
}

void zoo_input_fill(zoo_input *input, size_t first, size_t count, const float *x, size_t stride)
{
    const zoo_backend *backend = zoo_backend_choose(input->precision);

    for (size_t r = first; r < first + count; r++, x += stride) {
        char *row = (char *)input->data + r * input->stride * element_bytes(input->precision);

        if (input->precision == ZOO_PRECISION_F32)
            memcpy(row, x, input->width * sizeof *x);
        else if (input->precision == ZOO_PRECISION_BF16)
            backend->to_bf16((uint16_t *)(void *)row, x, input->width);
        else
            backend->to_int8((uint8_t *)row, x, input->width, &input->scales[r], &input->zeros[r]);
    }
}

/* ---- packing ---- */

/* The largest magnitude; NaN where a number is not finite. */
static float largest(const float *w, size_t n)
{
    float low, high;

    return !finish_extremes(w, n, &low, &high) ? NAN : high > -low ? high : -low;
}

/* To the nearest, ties to even, for |w * inverse| <= 127. */
static int32_t to_bytes(int8_t *restrict out, const float *restrict w, size_t n, float inverse)
{
    const float shift = 12582912;                           /* 1.5 * 2^23: what is added to it loses its fraction */
    int32_t sum = 0;

#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++) {
        int32_t q = (int32_t)((w[i] * inverse + shift) - shift);
        out[i] = (int8_t)q;
        sum += q;
    }
    return sum;
}

/* 16 groups, 64 bytes, of output o from input i on. */
static void round_weights(zoo_product *p, void *out, size_t o, size_t i, const float *w)
{
    size_t most = LINE / element_bytes(p->precision), n = p->inputs - i < most ? p->inputs - i : most;

    if (p->precision == ZOO_PRECISION_F32)
        memcpy(out, w, n * sizeof *w);
    else if (p->precision == ZOO_PRECISION_BF16)
        p->backend->to_bf16(out, w, n);
    else
        p->sums[o] += to_bytes(out, w, n, p->scales[o] > 0 ? 1 / p->scales[o] : 0);
}

/* Outputs first.. of W, turned block by block within the cache into the panel's layout. */
static void pack_panel(zoo_product *p, size_t first, const float *w)
{
    size_t columns = p->backend->columns, present = p->outputs - first < columns ? p->outputs - first : columns;
    uint32_t *panel = (uint32_t *)(void *)((char *)p->weights + first / columns * p->panel_bytes);

    for (size_t group = 0; group < p->groups; group += LINE / 4) {
        uint32_t block[ZOO_TILE_COLUMNS][LINE / 4] = { { 0 } };
        size_t i = group * 4 / element_bytes(p->precision), groups = p->groups - group < LINE / 4 ? p->groups - group :
                   LINE / 4;

        for (size_t c = 0; c < present; c++)
            round_weights(p, block[c], first + c, i, w + (first + c) * p->inputs + i);
        for (size_t g = 0; g < groups; g++)
            for (size_t c = 0; c < columns; c++)
                panel[(group + g) * columns + c] = block[c][g];
    }
}

/* Checked panel by panel, so that what was read is still in the cache when it is packed. */
static int pack(zoo_product *p, const float *w, const float *bias, zoo_err *err)
{
    int good = !bias || largest(bias, p->outputs) < INFINITY;

    for (size_t first = 0; first < p->outputs && good; first += p->backend->columns) {
        for (size_t o = first; o < p->outputs && o < first + p->backend->columns; o++) {
            float most = largest(w + o * p->inputs, p->inputs);
            good &= most < INFINITY;
            if (p->scales)
                p->scales[o] = most / 127;
        }
        if (good)
            pack_panel(p, first, w);
    }
    if (good && bias)
        memcpy(p->bias, bias, p->outputs * sizeof *bias);
    return good ? ZOO_OK :
           zoo_fail(err, ZOO_EFORMAT, "a weight of a product of %zu inputs and %zu outputs is not a finite number",
                    p->inputs, p->outputs);
}

static int allocate(zoo_product *p, zoo_pages *pages)
{
    size_t columns = p->panels * p->backend->columns, weights = p->panels * p->panel_bytes,
                     vector = round_up(columns * 4, LINE);

    p->bytes = weights + (p->precision == ZOO_PRECISION_INT8 ? 3 : 1) * vector;
    p->weights = pages ? zoo_pages_take(pages, p->bytes) : aligned_alloc(LINE, p->bytes);
    p->is_borrowed = pages != NULL;
    if (!p->weights)
        return 0;
    if (!pages)
        memset(p->weights, 0, p->bytes);
    p->bias = (float *)(void *)((char *)p->weights + weights);
    if (p->precision == ZOO_PRECISION_INT8) {
        p->scales = (float *)(void *)((char *)p->bias + vector);
        p->sums = (int32_t *)(void *)((char *)p->scales + vector);
    }
    return 1;
}

int zoo_product_new_in(zoo_product **out, zoo_pages *pages, enum zoo_precision precision, size_t outputs, size_t inputs,
                       const float *w, const float *bias, zoo_err *err)
{
    zoo_product *p;
    int code;

    *out = NULL;
    if (!outputs || !inputs || outputs > UINT32_MAX || inputs > UINT32_MAX)
        return zoo_fail(err, ZOO_EFORMAT, "a product of %zu inputs and %zu outputs cannot be", inputs, outputs);
    p = calloc(1, sizeof *p);
    if (!p)
        return zoo_fail_nomem(err);
    p->precision = precision;
    p->backend = zoo_backend_choose(precision);
    p->outputs = outputs;
    p->inputs = inputs;
    p->groups = round_up((inputs * element_bytes(precision) + 3) / 4, p->backend->unit);
    p->panels = (outputs + p->backend->columns - 1) / p->backend->columns;
    p->panel_bytes = p->groups * p->backend->columns * 4;
    code = allocate(p, pages) ? pack(p, w, bias, err) : zoo_fail_nomem(err);
    if (code)
        zoo_product_free(p);
    else
        *out = p;
    return code;
}

int zoo_product_new(zoo_product **out, enum zoo_precision precision, size_t outputs, size_t inputs, const float *w,
                    const float *bias, zoo_err *err)
{
    return zoo_product_new_in(out, NULL, precision, outputs, inputs, w, bias, err);
}

void zoo_product_free(zoo_product *product)
{
    if (!product)
        return;
    if (!product->is_borrowed)
        free(product->weights);
    free(product);
}

size_t zoo_product_bytes(const zoo_product *product)
{
    return sizeof *product + product->bytes;
}

/* ---- running ---- */

/* What a member's walk over its panels does while it multiplies: the panel that follows is fetched,
 * a share of it by each tile. */
struct walk {
    const zoo_product *product;
    const zoo_input *x;
    const zoo_output *out;
    const char *following;              /* the next panel */
};

/* Where a tile's results go is fetched while it is multiplied: in a pass another core's cache had it last. */
static void fetch_out(const zoo_finish *f)
{
    size_t size = f->out ? sizeof *f->out : sizeof *f->next;
    const char *row = f->out ? (const char *)f->out : (const char *)f->next;

    for (size_t r = 0; r < f->rows; r++, row += f->stride * size)
        for (size_t at = 0; at < f->columns * size; at += LINE)
            __builtin_prefetch(row + at, 1);
}

static void run_tile(const struct walk *k, size_t row, size_t rows, size_t panel, size_t tile, size_t tiles)
{
    _Alignas(LINE) float sums[ZOO_TILE_ROWS * ZOO_TILE_COLUMNS];
    const zoo_product *p = k->product;
    const zoo_input *x = k->x;
    const zoo_output *out = k->out;
    size_t columns = p->backend->columns, column = panel * columns, stride = x->stride * element_bytes(p->precision);
    size_t out_stride = out->data ? out->stride : out->next->stride, at = row * out_stride + column;
    zoo_tile t = {
        .x = (const char *)x->data + row * stride, .stride = stride, .step = 4, .groups = p->groups,
        .panel = (const char *)p->weights + panel * p->panel_bytes,
        .ahead = k->following + p->panel_bytes * tile / tiles / LINE * LINE,
        .ahead_lines = (ZOO_UNROLLED_GROUPS * columns * 4 / LINE + tiles - 1) / tiles
    };
    zoo_finish f = {
        .bias = p->bias + column, .activation = out->activation, .stride = out_stride, .rows = rows,
        .columns = p->outputs - column < columns ? p->outputs - column : columns,
        .out = out->data ? out->data + at : NULL, .next = out->data ? NULL : (uint16_t *)out->next->data + at
    };

    if (p->precision == ZOO_PRECISION_INT8) {
        f.weight_scales = p->scales + column;
        f.weight_sums = p->sums + column;
        f.scales = x->scales + row;
        f.zeros = x->zeros + row;
    }
    fetch_out(&f);
    p->backend->tile(sums, &t, rows);
    p->backend->finish(&f, sums);
}

/* Rows are taken in tiles of nearly equal height: 16 rows are 8 and 8 where 14 would fit. */
static void run_panel(const struct walk *k, size_t first, size_t end, size_t panel)
{
    size_t most = k->product->backend->rows, tiles = (end - first + most - 1) / most, row = first;

    for (size_t tile = 0; tile < tiles; tile++) {
        size_t rows = round_up((end - row + tiles - tile - 1) / (tiles - tile), k->product->backend->unit);
        if (rows > end - row)
            rows = end - row;
        run_tile(k, row, rows, panel, tile, tiles);
        row += rows;
    }
}

/* Members take columns, so that each weight is read once;
 * where there are more members than that gives work to, they take rows too. */
static void share_of(const zoo_member *me, size_t panels, size_t tiles, size_t *first_panel, size_t *end_panel,
                     size_t *first_tile, size_t *end_tile)
{
    unsigned best = 1;
    size_t least = SIZE_MAX;

    for (unsigned across = 1; across <= me->of; across++) {             /* members that share a column's rows */
        size_t down = me->of / across, work = (panels + down - 1) / down * ((tiles + across - 1) / across);
        if (work < least)
            least = work, best = across;
    }
    zoo_member column = { NULL, me->number / best, me->of / best }, row = { NULL, me->number % best, best };
    *first_panel = *end_panel = *first_tile = *end_tile = 0;
    if (column.number < column.of) {
        zoo_member_share(&column, panels, 1, first_panel, end_panel);
        zoo_member_share(&row, tiles, 1, first_tile, end_tile);
    }
}

/* The first panel that this member will read of `p`, the same number of rows provided. */
static const char *first_panel(const zoo_product *p, size_t rows, const zoo_member *me)
{
    size_t first, end, tile, last;

    share_of(me, p->panels, (rows + p->backend->rows - 1) / p->backend->rows, &first, &end, &tile, &last);
    return (const char *)p->weights + (first < end ? first : 0) * p->panel_bytes;
}

void zoo_product_run(const zoo_product *product, const zoo_input *x, size_t rows, const zoo_output *out,
                     const zoo_member *me)
{
    struct walk k = { product, x, out, NULL };
    size_t height = product->backend->rows, at_once = ROWS_AT_ONCE / height * height;
    const char *weights = product->weights, *then = out->then ? first_panel(out->then, rows, me) : weights;
    size_t first, end, row, last;

    share_of(me, product->panels, (rows + height - 1) / height, &first, &end, &row, &last);
    if (product->backend->begin)
        product->backend->begin();
    for (last = last * height < rows ? last * height : rows, row *= height; row < last; row += at_once)
        for (size_t panel = first; panel < end; panel++) {
            k.following = panel + 1 < end ? weights + (panel + 1) * product->panel_bytes
                        : row + at_once < last ? weights + first * product->panel_bytes : then;
            run_panel(&k, row, row + at_once < last ? row + at_once : last, panel);
        }
    if (product->backend->end)
        product->backend->end();
}

enum zoo_precision zoo_precision_auto(void)
{
    return zoo_cpu_level() >= ZOO_CPU_BF16 ? ZOO_PRECISION_BF16 : ZOO_PRECISION_F32;
}
