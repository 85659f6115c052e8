/* What an Arduino core does with a sketch: setup once, loop again and again; here once. */
#include "Arduino.h"

extern "C" __attribute__((used)) void run(void)
{
    setup();
    loop();
}
