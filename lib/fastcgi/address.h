/* Addresses as the client that asks can use them: with scheme and host. One request, one thread. */
#ifndef FASTCGI_ADDRESS_H
#define FASTCGI_ADDRESS_H

#include "dataset/dataset.h"
#include "fastcgi/app.h"

/* Appends the address at which this client reaches the server, as a trusted proxy tells it: without a slash at its
 * end. */
void address_of_server(const struct request *request, struct buf *out);

/* Appends a lasting address of a sample's image (call_place before): where it is public, its own; else the server's,
 * which asks for a password. */
int address_of_image(struct call *call, const struct sample *sample, struct buf *out, struct err *err);

#endif
