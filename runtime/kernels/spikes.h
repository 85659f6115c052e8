
/* Spiking networks. An event is the index of an input or neuron that spiked in this time step; a list of them is in rising order. */
#ifndef NEARWIRE_EVENT_TYPE
#define NEARWIRE_EVENT_TYPE uint16_t
#endif
typedef NEARWIRE_EVENT_TYPE nearwire_event;
