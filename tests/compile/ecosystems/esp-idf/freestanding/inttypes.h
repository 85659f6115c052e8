/* ESP-IDF brings a C library; a bare compiler has no inttypes.h. */
#ifndef STUB_INTTYPES_H
#define STUB_INTTYPES_H

#include <stdint.h>

#define PRId64 "lld"

#endif
