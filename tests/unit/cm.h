/* cm.h - cmocka with what it wants included before it. */
#ifndef ZOO_TESTS_CM_H
#define ZOO_TESTS_CM_H
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#endif
