/* Addresses as the client that asks can use them: with scheme and host. One request, one thread. */
#ifndef FASTCGI_ADDRESS_H
#define FASTCGI_ADDRESS_H

#include "dataset/dataset.h"
#include "fastcgi/app.h"

/* The address at which this client reaches the server, as a trusted proxy tells it, "https://host/label": without a
 * slash at its end. It lives as long as the call. */
const char *address_of_server(struct call *call);

/* Appends a lasting address of a sample's image (call_place before): where it is public, its own; else the server's,
 * which asks for a password. */
int address_of_image(struct call *call, const struct sample *sample, struct buf *out, struct err *err);

#endif
