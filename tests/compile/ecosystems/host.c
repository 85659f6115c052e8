/* Runs an example on this computer and prints what it would have sent to its console. */
#include <stdio.h>

#include "console.h"

void run(void);

int main(void)
{
    run();
    fputs(stub_output, stdout);
    return 0;
}
