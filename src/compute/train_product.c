/* train_product.c - the three products of a linear layer in training, where both operands change with every step: x
 * and W, dy and W, dy and x; see train_product.h. */
#include "compute/train_product.h"
#include <string.h>
#include "compute/product_kernel.h"

/* Of k at once: groups that make a panel's slice of 48 or 96 KiB. */
enum { LINE = 64, GROUPS_AT_ONCE = 768, TILES_AT_ONCE = 9, ROWS_TURNED = 32 };

/* C (M,N) = or += A (M,K) B (K,N), A in bands of the tile's height, B in panels of its width. A band is rows of groups
 * (`step` 4), or groups of rows (`stride` 4). Groups are filled up with zeros to the backend's unit. */
struct job {
    const zoo_backend *backend;
    size_t M, N, groups;
    const char *a, *b;
    size_t band_bytes, stride, step, panel_bytes;
    float *c;
    size_t ldc;
    const float *bias;
    int adds;
};

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

/* k in a group */
static size_t per_group(enum zoo_precision precision)
{
    return precision == ZOO_PRECISION_BF16 ? 2 : 1;
}

static size_t groups_of(enum zoo_precision precision, size_t K)
{
    return (K + per_group(precision) - 1) / per_group(precision);
}

/* Bytes from row to row of A where rows lie apart: an odd number of lines, as in product.c. */
static size_t row_stride(size_t groups)
{
    return (round_up(groups * 4, LINE) / LINE | 1) * LINE;
}

/* Bytes of an operand with n rows of K, packed; the same bound holds for both kinds of A and for B. */
static size_t packed_bytes(enum zoo_precision precision, size_t n, size_t K)
{
    return (n + ZOO_TILE_COLUMNS) * round_up(groups_of(precision, K) + LINE / 4, LINE / 4) * 4;
}

size_t zoo_train_product_scratch(enum zoo_precision precision, size_t R, size_t I, size_t O)
{
    size_t x = packed_bytes(precision, R, I), x_turned = packed_bytes(precision, I, R),
               dy = packed_bytes(precision, R, O);
    size_t dy_turned = packed_bytes(precision, O, R), w = packed_bytes(precision, O, I),
                       w_turned = packed_bytes(precision, I, O);
    size_t fwd = x + w, bwd_x = dy + w_turned, bwd_w = dy_turned + x_turned;
    size_t most = fwd > bwd_x ? fwd : bwd_x;

    return most > bwd_w ? most : bwd_w;
}

/* ---- packing ---- */

/* A from rows that hold k side by side: float32 is read where it lies. */
static void pack_rows(struct job *j, const zoo_member *me, enum zoo_precision precision, char *to, const float *from,
                      size_t ld, size_t K)
{
    size_t first, end, stride = row_stride(j->groups);

    j->step = 4;
    if (precision == ZOO_PRECISION_F32) {
        j->a = (const char *)from;
        j->stride = ld * sizeof *from;
    } else {
        j->a = to;
        j->stride = stride;
        zoo_member_share(me, j->M, 1, &first, &end);
        for (size_t m = first; m < end; m++) {
            uint16_t *row = (uint16_t *)(void *)(to + m * stride);
            j->backend->to_bf16(row, from + m * ld, K);
            memset(row + K, 0, (2 * j->groups - K) * sizeof *row);
        }
    }
    j->band_bytes = j->backend->rows * j->stride;
}

/* `groups` groups of a block of `height` rows (or columns), 4 bytes each,
 * from a matrix whose rows are k: two rows make a row of pairs. */
static void pack_turned(const struct job *j, enum zoo_precision precision, char *to, const float *from, size_t ld,
                        size_t K, size_t height, size_t present, size_t groups)
{
    static const float zeros[ZOO_TILE_COLUMNS];
    size_t pair = per_group(precision);

    memset(to + 4 * height * groups_of(precision, K), 0, 4 * height * (groups - groups_of(precision, K)));
    for (size_t k = 0; k < K; k += pair, to += 4 * height, from += pair * ld) {
        if (pair == 2)
            j->backend->to_pairs((uint32_t *)(void *)to, from, k + 1 < K ? from + ld : zeros, present);
        else
            memcpy(to, from, present * sizeof *from);
        if (present < height)
            memset(to + 4 * present, 0, 4 * (height - present));
    }
}

/* Groups that `rows` rows of k make, which are the last of K or ROWS_TURNED. */
static size_t groups_at(const struct job *j, enum zoo_precision precision, size_t rows)
{
    return round_up(groups_of(precision, rows), j->backend->unit);
}

/* `n` columns of a matrix whose rows are k, in blocks of `height`; a few rows at a time,
 * so that memory is read in its order. */
static size_t pack_columns(const struct job *j, const zoo_member *me, enum zoo_precision precision, char *to,
                           const float *from, size_t ld, size_t K, size_t n, size_t height)
{
    size_t first, end, bytes = j->groups * height * 4;

    zoo_member_share(me, n, height, &first, &end);
    for (size_t k = 0; k < K; k += ROWS_TURNED)
        for (size_t c = first; c < end; c += height) {
            size_t rows = K - k < ROWS_TURNED ? K - k : ROWS_TURNED;

            pack_turned(j, precision, to + c / height * bytes + k / per_group(precision) * height * 4,
                        from + k * ld + c, ld, rows, height, end - c < height ? end - c : height,
                        groups_at(j, precision, rows));
        }
    return bytes;
}

/* The same as rows of groups, for backends that take nothing else: turned a second time within the cache. */
static void pack_columns_as_rows(struct job *j, const zoo_member *me, enum zoo_precision precision, char *to,
                                 const float *from, size_t ld, size_t K)
{
    _Alignas(LINE) uint32_t block[ROWS_TURNED][ZOO_TILE_COLUMNS];
    size_t first, end, height = j->backend->rows;

    j->stride = row_stride(j->groups);
    j->step = 4;
    j->band_bytes = height * j->stride;
    zoo_member_share(me, j->M, height, &first, &end);
    for (size_t k = 0; k < K; k += ROWS_TURNED)
        for (size_t m = first; m < end; m += height) {
            size_t rows = K - k < ROWS_TURNED ? K - k : ROWS_TURNED, groups = groups_at(j, precision, rows);
            char *at = to + m * j->stride + k / per_group(precision) * 4;

            pack_turned(j, precision, (char *)block, from + k * ld + m, ld, rows, height,
                        end - m < height ? end - m : height, groups);
            for (size_t g = 0; g < groups; g += j->backend->unit)
                j->backend->turn(at + 4 * g, j->stride, block[0] + g * height);
        }
}

/* 16 groups of each of a panel's rows: rounded row by row, then turned within the cache. */
static void pack_block(const struct job *j, enum zoo_precision precision, uint32_t *to, const float *from, size_t ld,
                       size_t K, size_t present)
{
    uint32_t block[ZOO_TILE_COLUMNS][16] = { { 0 } };
    size_t columns = j->backend->columns, groups = groups_at(j, precision, K);

    for (size_t c = 0; c < present; c++) {
        if (precision == ZOO_PRECISION_BF16)
            j->backend->to_bf16((uint16_t *)block[c], from + c * ld, K);
        else
            memcpy(block[c], from + c * ld, K * sizeof *from);
    }
    for (size_t g = 0; g < groups; g++)
        for (size_t c = 0; c < columns; c++)
            to[g * columns + c] = block[c][g];
}

/* B from a matrix (N,K) whose rows hold k side by side. */
static void pack_panels(struct job *j, const zoo_member *me, enum zoo_precision precision, char *to, const float *from,
                        size_t K)
{
    size_t columns = j->backend->columns, at_once = 16 * per_group(precision), first, end;

    j->b = to;
    j->panel_bytes = j->groups * columns * 4;
    zoo_member_share(me, j->N, columns, &first, &end);
    for (size_t n = first; n < end; n += columns)
        for (size_t k = 0; k < K; k += at_once)
            pack_block(j, precision, (uint32_t *)(void *)(to + n / columns * j->panel_bytes +
                                                          k / per_group(precision) * columns * 4), from + n * K + k, K,
                       K - k < at_once ? K - k : at_once, end - n < columns ? end - n : columns);
}

/* ---- multiplying ---- */

static void multiply_tile(const struct job *j, size_t band, size_t panel, size_t group, size_t groups, int adds)
{
    _Alignas(LINE) float sums[ZOO_TILE_ROWS * ZOO_TILE_COLUMNS];
    size_t row = band * j->backend->rows, column = panel * j->backend->columns;
    size_t rows = j->M - row < j->backend->rows ? j->M - row : j->backend->rows;
    size_t columns = j->N - column < j->backend->columns ? j->N - column : j->backend->columns;
    zoo_tile t = {
        .x = j->a + band * j->band_bytes + group * j->step, .stride = j->stride, .step = j->step, .groups = groups,
        .panel = j->b + panel * j->panel_bytes + group * j->backend->columns * 4
    };

    j->backend->tile(sums, &t, rows);
    j->backend->put(j->c + row * j->ldc + column, j->ldc, sums, rows, columns,
                    j->bias && !group ? j->bias + column : NULL, adds);
}

/* A slice of k at a time; of it a few bands, which stay in the cache while the panels pass. */
static void multiply(const struct job *j, const zoo_member *me)
{
    size_t bands = (j->M + j->backend->rows - 1) / j->backend->rows,
                   panels = (j->N + j->backend->columns - 1) / j->backend->columns;
    size_t first_band = 0, end_band = bands, first_panel = 0, end_panel = panels;

    if (j->backend->begin)
        j->backend->begin();
    if (bands > panels)
        zoo_member_share(me, bands, 1, &first_band, &end_band);
    else
        zoo_member_share(me, panels, 1, &first_panel, &end_panel);
    for (size_t group = 0; group < j->groups; group += GROUPS_AT_ONCE)
        for (size_t band = first_band; band < end_band; band += TILES_AT_ONCE)
            for (size_t panel = first_panel; panel < end_panel; panel++)
                for (size_t b = band; b < end_band && b < band + TILES_AT_ONCE; b++)
                    multiply_tile(j, b, panel, group, j->groups - group < GROUPS_AT_ONCE ? j->groups - group :
                                  GROUPS_AT_ONCE, j->adds || group);
    if (j->backend->end)
        j->backend->end();
}

static struct job job_of(enum zoo_precision precision, size_t M, size_t N, size_t K, float *c, size_t ldc)
{
    const zoo_backend *backend = zoo_backend_choose(precision);

    return (struct job){
        .backend = backend, .M = M, .N = N, .groups = round_up(groups_of(precision, K), backend->unit), .c = c,
        .ldc = ldc
    };
}

void zoo_train_product_fwd(const zoo_member *me, enum zoo_precision precision, void *scratch, float *y, size_t ldy,
                           const float *x, size_t ldx, const float *w, const float *bias, size_t R, size_t I, size_t O)
{
    struct job j = job_of(precision, R, O, I, y, ldy);

    j.bias = bias;
    zoo_team_meet(me);
    pack_rows(&j, me, precision, (char *)scratch + packed_bytes(precision, O, I), x, ldx, I);
    pack_panels(&j, me, precision, scratch, w, I);
    zoo_team_meet(me);
    multiply(&j, me);
}

void zoo_train_product_bwd_x(const zoo_member *me, enum zoo_precision precision, void *scratch, float *dx, size_t ldx,
                             const float *dy, size_t ldy, const float *w, size_t R, size_t I, size_t O)
{
    struct job j = job_of(precision, R, I, O, dx, ldx);

    j.adds = 1;
    zoo_team_meet(me);
    pack_rows(&j, me, precision, (char *)scratch + packed_bytes(precision, I, O), dy, ldy, O);
    j.b = scratch;
    j.panel_bytes = pack_columns(&j, me, precision, scratch, w, I, O, I, j.backend->columns);
    zoo_team_meet(me);
    multiply(&j, me);
}

static void add_columns(const zoo_member *me, float *restrict dbias, const float *restrict dy, size_t ldy, size_t R,
                        size_t O)
{
    size_t first, end;

    zoo_member_share(me, O, 16, &first, &end);
    for (size_t r = 0; r < R; r++)
#pragma omp simd
        for (size_t o = first; o < end; o++)
            dbias[o] += dy[r*ldy + o];
}

void zoo_train_product_bwd_w(const zoo_member *me, enum zoo_precision precision, void *scratch, float *dw, float *dbias,
                             const float *dy, size_t ldy, const float *x, size_t ldx, size_t R, size_t I, size_t O)
{
    struct job j = job_of(precision, O, I, R, dw, I);
    char *a = (char *)scratch + packed_bytes(precision, I, R);

    j.adds = 1;
    zoo_team_meet(me);
    j.a = a;
    if (j.backend->turn) {
        pack_columns_as_rows(&j, me, precision, a, dy, ldy, R);
    } else {
        j.band_bytes = pack_columns(&j, me, precision, a, dy, ldy, R, O, j.backend->rows);
        j.stride = 4;
        j.step = 4 * j.backend->rows;
    }
    j.b = scratch;
    j.panel_bytes = pack_columns(&j, me, precision, scratch, x, ldx, R, I, j.backend->columns);
    if (dbias)
        add_columns(me, dbias, dy, ldy, R, O);
    zoo_team_meet(me);
    multiply(&j, me);
}
