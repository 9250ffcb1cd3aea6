/* pickle.c - the pickles of torch.save read as data, see pickle.h.
 *
 * A pickle builds values on a stack; values made once are put into a memo and fetched again by number. What a value may
 * be:
 *     persistent id ("storage", type, key, device, size)     -> STORAGE
 *     rebuild function (storage, offset, shape, strides...)  -> TENSOR
 *     OrderedDict ()                                         -> DICT
 * Nothing here recurses, and every value takes at least one byte of the pickle,
 * so that memory is bounded by its size. */
#include "model/pickle.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/arena.h"

enum { VALUES_MAX = 4 << 20, MEMO_MAX = 1 << 20 };

enum opcode {
    OP_MARK = '(', OP_STOP = '.', OP_BININT = 'J', OP_BININT1 = 'K', OP_BININT2 = 'M', OP_NONE = 'N',
              OP_BINPERSID = 'Q',
    OP_REDUCE = 'R', OP_BINUNICODE = 'X', OP_BUILD = 'b', OP_GLOBAL = 'c', OP_BINGET = 'h', OP_LONG_BINGET = 'j',
    OP_BINPUT = 'q', OP_LONG_BINPUT = 'r', OP_SETITEM = 's', OP_TUPLE = 't', OP_EMPTY_TUPLE = ')', OP_SETITEMS = 'u',
    OP_EMPTY_DICT = '}', OP_BINFLOAT = 'G', OP_PROTO = 0x80, OP_TUPLE1 = 0x85, OP_TUPLE2 = 0x86, OP_TUPLE3 = 0x87,
    OP_NEWTRUE = 0x88, OP_NEWFALSE = 0x89, OP_LONG1 = 0x8a, OP_SHORT_BINUNICODE = 0x8c, OP_STACK_GLOBAL = 0x93,
    OP_MEMOIZE = 0x94, OP_FRAME = 0x95
};

enum kind { MARK, PLAIN, INTEGER, STRING, TUPLE, DICT, CALLABLE, DTYPE, STORAGE, TENSOR };
enum callable { ORDERED_DICT, REBUILD_TENSOR, REBUILD_TENSOR_V3, REBUILD_PARAMETER, CALLABLES };

struct item { const struct value *key, *value; struct item *next; };

/* A storage with its type, or the type alone; dtype_name NULL: bytes of no type. */
struct storage { const char *key; size_t key_size; const char *dtype_name; enum zoo_dtype dtype; size_t dtype_bytes; };

struct tensor { const struct value *storage; struct storage type; size_t dims,
                shape[ZOO_TENSOR_DIMS_MAX]; uint64_t offset; int is_contiguous; };

struct value {
    enum kind kind;
    union {
        int64_t integer;
        struct { const char *at; size_t size; } string;
        struct { const struct value **items; size_t count; } tuple;
        struct { struct item *first, **last; } dict;
        enum callable callable;
        struct storage storage;                 /* STORAGE and DTYPE */
        struct tensor *tensor;
    } as;
};

struct reader {
    const unsigned char *begin, *at, *end;
    const char *place;
    zoo_err *err;
    zoo_arena arena;
    size_t values;
    struct value **stack, **memo;
    size_t depth, room, memo_size, memo_room;
};

static const struct { const char *module, *name; enum callable callable; } callables[] = {
    { "collections", "OrderedDict", ORDERED_DICT },
    { "torch._utils", "_rebuild_tensor", REBUILD_TENSOR },
    { "torch._utils", "_rebuild_tensor_v2", REBUILD_TENSOR },
    { "torch._utils", "_rebuild_tensor_v3", REBUILD_TENSOR_V3 },
    { "torch._utils", "_rebuild_parameter", REBUILD_PARAMETER },
    { "torch._utils", "_rebuild_parameter_with_state", REBUILD_PARAMETER },
};

/* Types of storages, and of tensors in storages without a type; safetensors' names. */
static const struct { const char *storage, *dtype, *name; } types[] = {
    { "FloatStorage", "float32", "F32" }, { "HalfStorage", "float16", "F16" },
        { "BFloat16Storage", "bfloat16", "BF16" },
    { "DoubleStorage", "float64", "F64" }, { "LongStorage", "int64", "I64" }, { "IntStorage", "int32", "I32" },
    { "ShortStorage", "int16", "I16" }, { "CharStorage", "int8", "I8" }, { "ByteStorage", "uint8", "U8" },
    { "BoolStorage", "bool", "BOOL" }, { NULL, "float8_e4m3fn", "F8_E4M3" }, { NULL, "float8_e5m2", "F8_E5M2" },
    { NULL, "uint16", "U16" }, { NULL, "uint32", "U32" }, { NULL, "uint64", "U64" },
};

/* ---- words ---- */
static int damaged(struct reader *r, const char *what)
{
    return zoo_fail(r->err, ZOO_EFORMAT, "%s: a damaged pickle: %s before byte %zu", r->place, what,
                    (size_t)(r->at - r->begin));
}

/* n bytes; NULL where the pickle ends before. */
static const unsigned char *take(struct reader *r, uint64_t n)
{
    const unsigned char *at = r->at;

    if (n > (uint64_t)(r->end - r->at))
        return NULL;
    r->at += n;
    return at;
}

static int take_number(struct reader *r, size_t bytes, uint64_t *out)
{
    const unsigned char *p = take(r, bytes);

    *out = 0;
    if (!p)
        return damaged(r, "cut short");
    for (size_t i = bytes; i--;)
        *out = *out << 8 | p[i];
    return ZOO_OK;
}

/* Up to the next newline. */
static int take_line(struct reader *r, const char **at, size_t *size)
{
    const unsigned char *newline = memchr(r->at, '\n', (size_t)(r->end - r->at));

    *at = (const char *)r->at;
    *size = newline ? (size_t)(newline - r->at) : 0;
    if (!newline)
        return damaged(r, "cut short");
    r->at = newline + 1;
    return ZOO_OK;
}

/* ---- stack and memo ---- */
static int grow(struct reader *r, struct value ***items, size_t *room, size_t need)
{
    size_t more = *room ? *room * 2 : 256;
    struct value **bigger;

    if (need <= *room)
        return ZOO_OK;
    more = more < need ? need : more;
    bigger = realloc(*items, more * sizeof *bigger);
    if (!bigger)
        return zoo_fail_nomem(r->err);
    memset(bigger + *room, 0, (more - *room) * sizeof *bigger);
    *items = bigger;
    *room = more;
    return ZOO_OK;
}

static int push(struct reader *r, struct value *v)
{
    int rc = grow(r, &r->stack, &r->room, r->depth + 1);

    if (!rc)
        r->stack[r->depth++] = v;
    return rc;
}

/* Pushes a new value of that kind; NULL with a sentence where there is no memory or there are too many. */
static struct value *push_new(struct reader *r, enum kind kind)
{
    struct value *v = r->values < VALUES_MAX ? zoo_arena_alloc(&r->arena, sizeof *v) : NULL;

    if (!v) {
        if (r->values < VALUES_MAX)
            zoo_fail_nomem(r->err);
        else
            zoo_fail(r->err, ZOO_EFORMAT, "%s: a pickle of more than %d values", r->place, VALUES_MAX);
        return NULL;
    }
    r->values++;
    v->kind = kind;
    return push(r, v) ? NULL : v;
}

/* The last value; NULL: there is none above the last mark. */
static struct value *pop(struct reader *r)
{
    if (!r->depth || r->stack[r->depth - 1]->kind == MARK)
        return NULL;
    return r->stack[--r->depth];
}

/* Takes the mark away; *first: where the values above it begin, *count of them. */
static int pop_mark(struct reader *r, size_t *first, size_t *count)
{
    size_t i = r->depth;

    while (i && r->stack[i - 1]->kind != MARK)
        i--;
    *first = i;
    *count = r->depth - i;
    if (!i)
        return damaged(r, "no mark");
    r->depth = i - 1;
    return ZOO_OK;
}

static int put(struct reader *r, uint64_t number)
{
    int rc;

    if (!r->depth || r->stack[r->depth - 1]->kind == MARK)
        return damaged(r, "nothing to remember");
    if (number >= MEMO_MAX)
        return zoo_fail(r->err, ZOO_EFORMAT, "%s: a pickle that remembers more than %d values", r->place, MEMO_MAX);
    rc = grow(r, &r->memo, &r->memo_room, (size_t)number + 1);
    if (rc)
        return rc;
    r->memo[number] = r->stack[r->depth - 1];
    if (number >= r->memo_size)
        r->memo_size = (size_t)number + 1;
    return ZOO_OK;
}

static int get(struct reader *r, uint64_t number)
{
    if (number >= r->memo_size || !r->memo[number])
        return damaged(r, "an unknown reference");
    return push(r, r->memo[number]);
}

/* ---- values ---- */
static int push_integer(struct reader *r, int64_t n)
{
    struct value *v = push_new(r, INTEGER);

    if (v)
        v->as.integer = n;
    return v ? ZOO_OK : ZOO_EFORMAT;
}

static int push_long(struct reader *r)
{
    const unsigned char *p = NULL;
    uint64_t size, n = 0;

    if (take_number(r, 1, &size))
        return ZOO_EFORMAT;
    if (size > 8 || !(p = take(r, size)))
        return damaged(r, "a number that is too large");
    for (size_t i = (size_t)size; i--;)
        n = n << 8 | p[i];
    if (size && size < 8 && p[size - 1] & 0x80)
        n |= UINT64_MAX << (8 * size);
    return push_integer(r, (int64_t)n);
}

static int push_string(struct reader *r, size_t bytes)
{
    const unsigned char *p;
    struct value *v;
    uint64_t size;

    if (take_number(r, bytes, &size))
        return ZOO_EFORMAT;
    if (!(p = take(r, size)))
        return damaged(r, "cut short");
    v = push_new(r, STRING);
    if (!v)
        return ZOO_EFORMAT;
    v->as.string.at = (const char *)p;
    v->as.string.size = (size_t)size;
    return ZOO_OK;
}

static int push_tuple(struct reader *r, size_t first, size_t count)
{
    const struct value **items = zoo_arena_alloc(&r->arena, (count + 1) * sizeof *items);
    struct value *v;

    if (!items)
        return zoo_fail_nomem(r->err);
    if (count)
        memcpy(items, r->stack + first, count * sizeof *items);
    v = push_new(r, TUPLE);
    if (!v)
        return ZOO_EFORMAT;
    v->as.tuple.items = items;
    v->as.tuple.count = count;
    return ZOO_OK;
}

/* A tuple of the last n values. */
static int tuple_of(struct reader *r, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!pop(r))
            return damaged(r, "a tuple of too few values");
    return push_tuple(r, r->depth, n);
}

static int tuple_to_mark(struct reader *r)
{
    size_t first, count;
    int rc = pop_mark(r, &first, &count);

    return rc ? rc : push_tuple(r, first, count);
}

static int push_dict(struct reader *r)
{
    struct value *v = push_new(r, DICT);

    if (v)
        v->as.dict.last = &v->as.dict.first;
    return v ? ZOO_OK : ZOO_EFORMAT;
}

/* count values from `first` on: keys and values in turn, for the dictionary that is the last value. */
static int set_items(struct reader *r, size_t first, size_t count)
{
    struct value *dict = r->depth ? r->stack[r->depth - 1] : NULL;

    if (!dict || dict->kind != DICT || count % 2)
        return damaged(r, "items without a dictionary");
    for (size_t i = 0; i < count; i += 2) {
        struct item *item = zoo_arena_alloc(&r->arena, sizeof *item);
        if (!item)
            return zoo_fail_nomem(r->err);
        *item = (struct item){ r->stack[first + i], r->stack[first + i + 1], NULL };
        *dict->as.dict.last = item;
        dict->as.dict.last = &item->next;
    }
    return ZOO_OK;
}

static int set_item(struct reader *r)
{
    if (!pop(r) || !pop(r))
        return damaged(r, "an item of too few values");
    return set_items(r, r->depth, 2);
}

static int set_items_to_mark(struct reader *r)
{
    size_t first, count;
    int rc = pop_mark(r, &first, &count);

    return rc ? rc : set_items(r, first, count);
}

/* ---- globals ---- */
static int is_word(const char *at, size_t size, const char *word)
{
    return word && strlen(word) == size && !memcmp(at, word, size);
}

static int push_type(struct reader *r, const char *name)
{
    struct value *v = push_new(r, DTYPE);

    if (v && name)
        zoo_dtype_find(name, &v->as.storage.dtype, &v->as.storage.dtype_name, &v->as.storage.dtype_bytes);
    return v ? ZOO_OK : ZOO_EFORMAT;
}

static int push_global(struct reader *r, const char *module, size_t module_size, const char *name, size_t name_size)
{
    for (size_t i = 0; i < sizeof callables / sizeof *callables; i++)
        if (is_word(module, module_size, callables[i].module) && is_word(name, name_size, callables[i].name)) {
            struct value *v = push_new(r, CALLABLE);
            if (v)
                v->as.callable = callables[i].callable;
            return v ? ZOO_OK : ZOO_EFORMAT;
        }
    for (size_t i = 0; i < sizeof types / sizeof *types && is_word(module, module_size, "torch"); i++)
        if (is_word(name, name_size, types[i].storage) || is_word(name, name_size, types[i].dtype))
            return push_type(r, types[i].name);
    if (is_word(module, module_size, "torch.storage") && is_word(name, name_size, "UntypedStorage"))
        return push_type(r, NULL);
    return zoo_fail(r->err, ZOO_EFORMAT,
                    "%s: asks for '%.*s.%.*s', which is not part of a state_dict; it was not called. Save "
                    "model.state_dict() alone, or as safetensors", r->place,
                    (int)(module_size < 100 ? module_size : 100), module, (int)(name_size < 100 ? name_size : 100),
                    name);
}

static int push_named_global(struct reader *r)
{
    const char *module, *name;
    size_t module_size, name_size;

    if (take_line(r, &module, &module_size) || take_line(r, &name, &name_size))
        return ZOO_EFORMAT;
    return push_global(r, module, module_size, name, name_size);
}

static int push_stacked_global(struct reader *r)
{
    const struct value *name = pop(r), *module = pop(r);

    if (!name || !module || name->kind != STRING || module->kind != STRING)
        return damaged(r, "a global without a name");
    return push_global(r, module->as.string.at, module->as.string.size, name->as.string.at, name->as.string.size);
}

/* ---- storages and tensors ---- */
/* ("storage", type, key, device, size) */
static int push_storage(struct reader *r)
{
    const struct value *id = pop(r), *const *parts;
    struct value *v;

    if (!id || id->kind != TUPLE || id->as.tuple.count != 5)
        return damaged(r, "a persistent id that names no storage");
    parts = id->as.tuple.items;
    if (parts[0]->kind != STRING || !is_word(parts[0]->as.string.at, parts[0]->as.string.size, "storage") ||
        parts[1]->kind != DTYPE || parts[2]->kind != STRING)
        return damaged(r, "a persistent id that names no storage");
    v = push_new(r, STORAGE);
    if (!v)
        return ZOO_EFORMAT;
    v->as.storage = parts[1]->as.storage;
    v->as.storage.key = parts[2]->as.string.at;
    v->as.storage.key_size = parts[2]->as.string.size;
    return ZOO_OK;
}

/* Whole numbers >= 0 of a tuple into out; their count, or -1. */
static int read_sizes(const struct value *v, uint64_t *out)
{
    if (v->kind != TUPLE || v->as.tuple.count > ZOO_TENSOR_DIMS_MAX)
        return -1;
    for (size_t i = 0; i < v->as.tuple.count; i++) {
        const struct value *n = v->as.tuple.items[i];
        if (n->kind != INTEGER || n->as.integer < 0 || (uint64_t)n->as.integer > SIZE_MAX)
            return -1;
        out[i] = (uint64_t)n->as.integer;
    }
    return (int)v->as.tuple.count;
}

/* Strides of sizes 0 and 1 do not matter. */
static int is_contiguous(const uint64_t *shape, const uint64_t *strides, int dims)
{
    uint64_t step = 1;

    for (int i = dims; i--;) {
        if (shape[i] == 0)
            return 1;
        if (shape[i] > 1 && strides[i] != step)
            return 0;
        if (__builtin_mul_overflow(step, shape[i], &step))
            return 0;
    }
    return 1;
}

/* (storage, offset, shape, strides, ...); in version 3 the type is the seventh, of a storage that has none. */
static int rebuild_tensor(struct reader *r, const struct value *args, int has_type)
{
    const struct value *const *a = args->as.tuple.items;
    uint64_t shape[ZOO_TENSOR_DIMS_MAX], strides[ZOO_TENSOR_DIMS_MAX];
    size_t count = args->as.tuple.count;
    struct tensor *t;
    struct value *v;
    int dims;

    if (count < (has_type ? 7u : 4u) || a[0]->kind != STORAGE || a[1]->kind != INTEGER || a[1]->as.integer < 0 ||
        (has_type && a[6]->kind != DTYPE))
        return damaged(r, "a tensor without a storage");
    dims = read_sizes(a[2], shape);
    if (dims < 0 || read_sizes(a[3], strides) != dims)
        return damaged(r, "a tensor without a shape");
    if (!(t = zoo_arena_alloc(&r->arena, sizeof *t)))
        return zoo_fail_nomem(r->err);
    *t = (struct tensor){ .storage = a[0], .type = has_type ? a[6]->as.storage : a[0]->as.storage, .dims = (size_t)dims,
                          .offset = (uint64_t)a[1]->as.integer, .is_contiguous = is_contiguous(shape, strides, dims) };
    if (!t->type.dtype_name)
        return damaged(r, "a tensor without a type");
    for (int i = 0; i < dims; i++)
        t->shape[i] = (size_t)shape[i];
    if (!(v = push_new(r, TENSOR)))
        return ZOO_EFORMAT;
    v->as.tensor = t;
    return ZOO_OK;
}

static int reduce(struct reader *r)
{
    const struct value *args = pop(r), *callee = pop(r);

    if (!args || !callee || args->kind != TUPLE || callee->kind != CALLABLE)
        return damaged(r, "a call of what is no function");
    switch (callee->as.callable) {
    case ORDERED_DICT:
        return args->as.tuple.count ? damaged(r, "an OrderedDict with arguments") : push_dict(r);
    case REBUILD_PARAMETER:
        if (!args->as.tuple.count || args->as.tuple.items[0]->kind != TENSOR)
            return damaged(r, "a parameter without a tensor");
        return push(r, (struct value *)args->as.tuple.items[0]);
    default:
        return rebuild_tensor(r, args, callee->as.callable == REBUILD_TENSOR_V3);
    }
}

/* What else a state_dict carries (the versions of modules) says nothing about the weights. */
static int build(struct reader *r)
{
    if (!pop(r) || !r->depth || r->stack[r->depth - 1]->kind != DICT)
        return damaged(r, "a state of what is no OrderedDict");
    return ZOO_OK;
}

/* ---- the program ---- */
static int with_number(struct reader *r, size_t bytes, int (*fn)(struct reader *, uint64_t))
{
    uint64_t n;
    int rc = take_number(r, bytes, &n);

    return rc ? rc : fn(r, n);
}

static int push_unsigned(struct reader *r, uint64_t n)
{
    return push_integer(r, (int64_t)n);
}

static int push_signed(struct reader *r, uint64_t n)
{
    return push_integer(r, (int32_t)(uint32_t)n);
}

static int skip(struct reader *r, size_t bytes)
{
    return take(r, bytes) ? ZOO_OK : damaged(r, "cut short");
}

static int push_kind(struct reader *r, enum kind kind)
{
    return push_new(r, kind) ? ZOO_OK : ZOO_EFORMAT;
}

static int step(struct reader *r, unsigned char opcode)
{
    switch ((enum opcode)opcode) {
    case OP_PROTO: return skip(r, 1);
    case OP_FRAME: return skip(r, 8);
    case OP_MARK: return push_kind(r, MARK);
    case OP_NONE: case OP_NEWTRUE: case OP_NEWFALSE: return push_kind(r, PLAIN);
    case OP_BINFLOAT: return skip(r, 8) ? ZOO_EFORMAT : push_kind(r, PLAIN);
    case OP_BININT: return with_number(r, 4, push_signed);
    case OP_BININT1: return with_number(r, 1, push_unsigned);
    case OP_BININT2: return with_number(r, 2, push_unsigned);
    case OP_LONG1: return push_long(r);
    case OP_BINUNICODE: return push_string(r, 4);
    case OP_SHORT_BINUNICODE: return push_string(r, 1);
    case OP_EMPTY_TUPLE: return push_tuple(r, 0, 0);
    case OP_TUPLE: return tuple_to_mark(r);
    case OP_TUPLE1: return tuple_of(r, 1);
    case OP_TUPLE2: return tuple_of(r, 2);
    case OP_TUPLE3: return tuple_of(r, 3);
    case OP_EMPTY_DICT: return push_dict(r);
    case OP_SETITEM: return set_item(r);
    case OP_SETITEMS: return set_items_to_mark(r);
    case OP_BINPUT: return with_number(r, 1, put);
    case OP_LONG_BINPUT: return with_number(r, 4, put);
    case OP_MEMOIZE: return put(r, r->memo_size);
    case OP_BINGET: return with_number(r, 1, get);
    case OP_LONG_BINGET: return with_number(r, 4, get);
    case OP_GLOBAL: return push_named_global(r);
    case OP_STACK_GLOBAL: return push_stacked_global(r);
    case OP_BINPERSID: return push_storage(r);
    case OP_REDUCE: return reduce(r);
    case OP_BUILD: return build(r);
    case OP_STOP: break;
    }
    return zoo_fail(r->err, ZOO_EFORMAT, "%s: the pickle's opcode 0x%02x at byte %zu is not part of a state_dict; save "
                    "model.state_dict() alone, or as safetensors", r->place, opcode, (size_t)(r->at - r->begin) - 1);
}

static int run(struct reader *r)
{
    int rc = ZOO_OK;

    while (!rc) {
        const unsigned char *opcode = take(r, 1);
        if (!opcode)
            return damaged(r, "cut short");
        if (*opcode == OP_STOP)
            return ZOO_OK;
        rc = step(r, *opcode);
    }
    /* a value that could not be made has said why, perhaps as ZOO_ENOMEM */
    return r->err->code ? r->err->code : rc;
}

/* ---- what was built ---- */
static int give(struct reader *r, const struct value *key, const struct tensor *t, zoo_pickled_fn fn, void *context)
{
    const struct storage *storage = &t->storage->as.storage;
    zoo_pickled out = { .name = key->as.string.at, .name_size = key->as.string.size, .storage = storage->key,
                        .storage_size = storage->key_size, .dtype_name = t->type.dtype_name, .dtype = t->type.dtype,
                        .dtype_bytes = t->type.dtype_bytes, .dims = t->dims, .offset = t->offset };
    int shown = (int)(out.name_size < 100 ? out.name_size : 100);
    uint64_t end;

    memcpy(out.shape, t->shape, sizeof out.shape);
    if (!t->is_contiguous)
        return zoo_fail(r->err, ZOO_EFORMAT,
                        "%s: the tensor '%.*s' does not lie row by row; save it after .contiguous()", r->place, shown,
                        out.name);
    if (zoo_shape_elements(out.shape, out.dims, &out.elements) ||
        __builtin_add_overflow(out.offset, out.elements, &end) ||
        __builtin_mul_overflow(end, (uint64_t)out.dtype_bytes, &end))
        return zoo_fail(r->err, ZOO_EFORMAT, "%s: the tensor '%.*s' has an impossible shape", r->place, shown,
                        out.name);
    return fn(context, &out, r->err);
}

static int give_all(struct reader *r, zoo_pickled_fn fn, void *context)
{
    const struct value *top = pop(r);
    size_t tensors = 0;
    int rc = ZOO_OK;

    if (!top || top->kind != DICT)
        return zoo_fail(r->err, ZOO_EFORMAT, "%s: holds no dictionary of tensors; save model.state_dict()", r->place);
    for (const struct item *i = top->as.dict.first; i && !rc; i = i->next)
        if (i->key->kind == STRING && i->value->kind == TENSOR) {
            rc = give(r, i->key, i->value->as.tensor, fn, context);
            tensors++;
        }
    if (!rc && !tensors)
        return zoo_fail(r->err, ZOO_EFORMAT, "%s: no tensor in its outermost dictionary; save model.state_dict() alone",
                        r->place);
    return rc;
}

int zoo_pickle_read(const char *bytes, size_t size, const char *place, zoo_pickled_fn fn, void *context, zoo_err *err)
{
    zoo_err own = { 0 };
    struct reader r = { .begin = (const unsigned char *)bytes, .at = (const unsigned char *)bytes,
                        .end = (const unsigned char *)bytes + size, .place = place, .err = &own };
    int rc = run(&r);

    if (!rc)
        rc = give_all(&r, fn, context);
    if (rc && err)
        *err = own;
    free(r.stack);
    free(r.memo);
    zoo_arena_release(&r.arena);
    return rc;
}
