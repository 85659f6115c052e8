/* The part of ESP-IDF's log API that the example uses. */
#ifndef STUB_ESP_LOG_H
#define STUB_ESP_LOG_H

#include "console.h"

#define ESP_LOGI(tag, format, ...) stub_print("I (%s) " format "\n", tag, ##__VA_ARGS__)
#define ESP_LOGE(tag, format, ...) stub_print("E (%s) " format "\n", tag, ##__VA_ARGS__)

#endif
