/* What ESP-IDF does with an application: on a computer until its first pause, without a C library (only linked, not run) for ever. */
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

void app_main(void);
void run(void);

#if __STDC_HOSTED__
#include <setjmp.h>

static jmp_buf stub_end;

void vTaskDelay(TickType_t ticks)
{
    (void)ticks;
    longjmp(stub_end, 1);
}

void run(void)
{
    if (setjmp(stub_end) == 0) {
        app_main();
    }
}
#else
void vTaskDelay(TickType_t ticks)
{
    (void)ticks;
}

void run(void)
{
    app_main();
}
#endif
