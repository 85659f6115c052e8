#ifndef STUB_FREERTOS_TASK_H
#define STUB_FREERTOS_TASK_H

/* The example never returns; the stub ends the program at its first pause. */
void vTaskDelay(TickType_t ticks);

#endif
