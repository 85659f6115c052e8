#ifndef STUB_ZEPHYR_PRINTK_H
#define STUB_ZEPHYR_PRINTK_H

#include "console.h"

#define printk stub_print

#endif
