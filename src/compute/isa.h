/* isa.h - functions for an instruction set that the rest of the program may not use. Between BEGIN and END every
 * function is compiled for the features named; whoever calls one has asked cpu.h. */
#ifndef ZOO_COMPUTE_ISA_H
#define ZOO_COMPUTE_ISA_H

#define ZOO_PRAGMA(text) _Pragma(#text)
#if defined __clang__
#define ZOO_ISA_BEGIN(features) ZOO_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define ZOO_ISA_END ZOO_PRAGMA(clang attribute pop)
#define ZOO_UNROLL ZOO_PRAGMA(clang loop unroll(full))
#else
#define ZOO_ISA_BEGIN(features) ZOO_PRAGMA(GCC push_options) ZOO_PRAGMA(GCC target(features))
#define ZOO_ISA_END ZOO_PRAGMA(GCC pop_options)
#define ZOO_UNROLL ZOO_PRAGMA(GCC unroll 16)
#endif
#endif
