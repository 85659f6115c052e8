/* The firmware of a board: what the host says goes to the protocol. */
#include "port.h"
#include "protocol.h"

int main(void);

int main(void)
{
    protocol_start();
    for (;;) {
        protocol_take(port_read());
    }
}
