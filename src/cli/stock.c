/* stock.c - see stock.h. oneDNN is loaded when it is first measured: nothing else needs it, and linking it would cost
 * every start of every program milliseconds. */
#include "cli/stock.h"
#include <dlfcn.h>
#include <oneapi/dnnl/dnnl.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/parallel.h"

/* Of OpenMP, whose header not every compiler finds. */
int omp_get_max_threads(void);
void omp_set_num_threads(int threads);
int omp_pause_resource_all(int kind);

/* What is called of oneDNN, and of the OpenMP that it brings along. */
#if DNNL_VERSION_MAJOR >= 3
#define DESCRIPTOR_FUNCTIONS(F) \
    F(dnnl_memory_desc_create_with_tag) F(dnnl_memory_desc_destroy) F(dnnl_inner_product_forward_primitive_desc_create)
#else
#define DESCRIPTOR_FUNCTIONS(F) \
    F(dnnl_memory_desc_init_by_tag) F(dnnl_inner_product_forward_desc_init) F(dnnl_primitive_desc_create)
#endif
#define FUNCTIONS(F) DESCRIPTOR_FUNCTIONS(F) \
    F(dnnl_engine_create) F(dnnl_engine_destroy) F(dnnl_stream_create) F(dnnl_stream_destroy) F(dnnl_stream_wait) \
    F(dnnl_primitive_create) F(dnnl_primitive_destroy) F(dnnl_primitive_execute) F(dnnl_primitive_desc_destroy) \
    F(dnnl_primitive_desc_query_md) F(dnnl_memory_create) F(dnnl_memory_destroy) F(dnnl_memory_get_data_handle) \
    F(dnnl_memory_desc_get_size) F(omp_get_max_threads) F(omp_set_num_threads) \
    F(omp_pause_resource_all)
#define POINTER(name) __typeof__(&name) name;
typedef struct library { FUNCTIONS(POINTER) } library;

/* One product: a primitive that all of its shape share, and memory of its own. */
struct item { dnnl_primitive_t primitive; dnnl_memory_t src, weights, dst; };

struct zoo_stock {
    library lib;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_t *primitives;       /* (shapes) */
    struct item *items;                 /* (count) */
    size_t shapes, count;
    int threads;
};

/* Kept for good: the threads that it starts outlive every use. */
static int library_load(library *lib, zoo_err *err)
{
#define NAME_OF(number) "libdnnl.so." #number
#define SONAME(number) NAME_OF(number)
#define ENTRY(name) { #name, offsetof(library, name) },
    static const struct { const char *name; size_t at; } functions[] = { FUNCTIONS(ENTRY) };
    void *handle = dlopen(SONAME(DNNL_VERSION_MAJOR), RTLD_NOW | RTLD_NODELETE);
    int rc = ZOO_OK;

    if (!handle)
        return zoo_fail(err, ZOO_EUSAGE, "oneDNN, which products are measured against, cannot be loaded: %s",
                        dlerror());
    for (size_t i = 0; i < sizeof functions / sizeof *functions && !rc; i++) {
        void *function = dlsym(handle, functions[i].name);
        if (!function)
            rc = zoo_fail(err, ZOO_EUSAGE, SONAME(DNNL_VERSION_MAJOR) " has no %s", functions[i].name);
        memcpy((char *)lib + functions[i].at, &function, sizeof function);
    }
    dlclose(handle);
    return rc;
}

/* What of the descriptors differs between oneDNN 2 and 3. */
#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t descriptor;
typedef const_dnnl_memory_desc_t descriptor_ref;
static dnnl_status_t matrix(const library *lib, descriptor *d, size_t rows, size_t columns, dnnl_data_type_t type,
                            dnnl_format_tag_t tag)
{
    return lib->dnnl_memory_desc_create_with_tag(d, 2, (dnnl_dims_t){ (dnnl_dim_t)rows, (dnnl_dim_t)columns }, type,
                                                 tag);
}
static void matrix_release(const library *lib, descriptor *d) { lib->dnnl_memory_desc_destroy(*d); }
static dnnl_status_t inner_product(const library *lib, dnnl_primitive_desc_t *pd, dnnl_engine_t engine, descriptor *x,
                                   descriptor *w, descriptor *y)
{
    return lib->dnnl_inner_product_forward_primitive_desc_create(
        pd, engine, dnnl_forward_inference, *x, *w, NULL, *y, NULL);
}
#else
typedef dnnl_memory_desc_t descriptor;
typedef const dnnl_memory_desc_t *descriptor_ref;
static dnnl_status_t matrix(const library *lib, descriptor *d, size_t rows, size_t columns, dnnl_data_type_t type,
                            dnnl_format_tag_t tag)
{
    return lib->dnnl_memory_desc_init_by_tag(d, 2, (dnnl_dims_t){ (dnnl_dim_t)rows, (dnnl_dim_t)columns }, type, tag);
}
static void matrix_release(const library *lib, descriptor *d) { (void)lib, (void)d; }
static dnnl_status_t inner_product(const library *lib, dnnl_primitive_desc_t *pd, dnnl_engine_t engine, descriptor *x,
                                   descriptor *w, descriptor *y)
{
    dnnl_inner_product_desc_t d;
    dnnl_status_t status = lib->dnnl_inner_product_forward_desc_init(&d, dnnl_forward_inference, x, w, NULL, y);

    return status ? status : lib->dnnl_primitive_desc_create(pd, &d, NULL, engine, NULL);
}
#endif

static const struct { dnnl_data_type_t x, w, y; size_t x_bytes; } types[] = {
    [ZOO_PRECISION_F32] = { dnnl_f32, dnnl_f32, dnnl_f32, 4 },
    [ZOO_PRECISION_BF16] = { dnnl_bf16, dnnl_bf16, dnnl_f32, 2 },
    [ZOO_PRECISION_INT8] = { dnnl_u8, dnnl_s8, dnnl_s32, 1 },
};

/* Fills it with small numbers: bytes 0x3c are 0.0115 as bfloat16 and as float. */
static dnnl_status_t memory_new(dnnl_memory_t *out, const zoo_stock *s, descriptor_ref d)
{
    dnnl_status_t status = s->lib.dnnl_memory_create(out, d, s->engine, DNNL_MEMORY_ALLOCATE);
    void *data = NULL;

    if (!status)
        status = s->lib.dnnl_memory_get_data_handle(*out, &data);
    if (!status && data)
        memset(data, 0x3c, s->lib.dnnl_memory_desc_get_size(d));
    return status;
}

static dnnl_status_t add_items(zoo_stock *s, dnnl_primitive_desc_t pd, const zoo_shape *shape)
{
    dnnl_primitive_t primitive = NULL;
    dnnl_status_t status = s->lib.dnnl_primitive_create(&primitive, pd);

    if (status)
        return status;
    s->primitives[s->shapes++] = primitive;
    for (size_t i = 0; i < shape->times && !status; i++) {
        struct item *item = &s->items[s->count++];
        item->primitive = primitive;
        if (!(status = memory_new(&item->src, s,
                                  s->lib.dnnl_primitive_desc_query_md(pd, dnnl_query_src_md, 0))) &&
            !(status = memory_new(&item->weights, s,
                                  s->lib.dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0))))
            status = memory_new(&item->dst, s, s->lib.dnnl_primitive_desc_query_md(pd, dnnl_query_dst_md, 0));
    }
    return status;
}

static dnnl_status_t add_shape(zoo_stock *s, enum zoo_precision precision, const zoo_shape *shape, size_t rows)
{
    const library *lib = &s->lib;
    descriptor x, w, y;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t status = matrix(lib, &x, rows, shape->inputs, types[precision].x, dnnl_ab);

    if (status)
        return status;
    if (!(status = matrix(lib, &w, shape->outputs, shape->inputs, types[precision].w, dnnl_format_tag_any))) {
        if (!(status = matrix(lib, &y, rows, shape->outputs, types[precision].y, dnnl_ab))) {
            if (!(status = inner_product(lib, &pd, s->engine, &x, &w, &y)))
                status = add_items(s, pd, shape);
            matrix_release(lib, &y);
        }
        matrix_release(lib, &w);
    }
    matrix_release(lib, &x);
    if (pd)
        lib->dnnl_primitive_desc_destroy(pd);
    return status;
}

static size_t count_products(const zoo_shape *shapes, size_t n)
{
    size_t count = 0;

    for (size_t i = 0; i < n; i++)
        count += shapes[i].times;
    return count;
}

int zoo_stock_new(zoo_stock **out, enum zoo_precision precision, const zoo_shape *shapes, size_t n, size_t rows,
                  unsigned threads, zoo_err *err)
{
    zoo_stock *s = calloc(1, sizeof *s);
    dnnl_status_t status;
    int omp_threads, rc;

    *out = NULL;
    if (!s)
        return zoo_fail_nomem(err);
    if ((rc = library_load(&s->lib, err))) {
        free(s);
        return rc;
    }
    omp_threads = s->lib.omp_get_max_threads();
    s->threads = (int)(threads ? threads : zoo_parallel_processors());
    s->primitives = calloc(n, sizeof(dnnl_primitive_t));
    s->items = calloc(count_products(shapes, n), sizeof *s->items);
    if (!s->primitives || !s->items) {
        zoo_stock_free(s);
        return zoo_fail_nomem(err);
    }
    s->lib.omp_set_num_threads(s->threads);                /* decides on layouts and blocking */
    status = s->lib.dnnl_engine_create(&s->engine, dnnl_cpu, 0);
    if (!status)
        status = s->lib.dnnl_stream_create(&s->stream, s->engine, dnnl_stream_default_flags);
    for (size_t i = 0; i < n && !status; i++)
        status = add_shape(s, precision, &shapes[i], rows);
    s->lib.omp_set_num_threads(omp_threads);
    if (status) {
        zoo_stock_free(s);
        return status == dnnl_out_of_memory ? zoo_fail_nomem(err)
            : zoo_fail(err, ZOO_EUSAGE, "oneDNN has no %s product for this processor", zoo_precision_name(precision));
    }
    *out = s;
    return ZOO_OK;
}

double zoo_stock_run(zoo_stock *s)
{
    int omp_threads = s->lib.omp_get_max_threads();
    dnnl_status_t status = dnnl_success;
    uint64_t start;

    s->lib.omp_set_num_threads(s->threads);
    start = zoo_clock_ns();
    for (size_t i = 0; i < s->count && !status; i++) {
        const struct item *item = &s->items[i];
        dnnl_exec_arg_t args[] = { { DNNL_ARG_SRC, item->src }, { DNNL_ARG_WEIGHTS, item->weights },
                                   { DNNL_ARG_DST, item->dst } };
        status = s->lib.dnnl_primitive_execute(item->primitive, s->stream, 3, args);
    }
    if (!status)
        status = s->lib.dnnl_stream_wait(s->stream);
    s->lib.omp_set_num_threads(omp_threads);
    return status ? -1 : (double)(zoo_clock_ns() - start) * 1e-6;
}

static void destroy_memory(const zoo_stock *s, dnnl_memory_t memory)
{
    if (memory)
        s->lib.dnnl_memory_destroy(memory);
}

/* OpenMP's threads end too: none of them spins beside what comes after. */
void zoo_stock_free(zoo_stock *s)
{
    enum { OMP_PAUSE_HARD = 2 };

    if (!s)
        return;
    s->lib.omp_pause_resource_all(OMP_PAUSE_HARD);
    for (size_t i = 0; s->items && i < s->count; i++) {
        destroy_memory(s, s->items[i].src);
        destroy_memory(s, s->items[i].weights);
        destroy_memory(s, s->items[i].dst);
    }
    for (size_t i = 0; s->primitives && i < s->shapes; i++)
        s->lib.dnnl_primitive_destroy(s->primitives[i]);
    if (s->stream)
        s->lib.dnnl_stream_destroy(s->stream);
    if (s->engine)
        s->lib.dnnl_engine_destroy(s->engine);
    free(s->items);
    free(s->primitives);
    free(s);
}
