/* Addresses with scheme and host, as the client can use them. One request, one thread. */
#ifndef FASTCGI_ADDRESS_H
#define FASTCGI_ADDRESS_H

#include "dataset/dataset.h"
#include "fastcgi/app.h"

/* The address at which this client reaches the server, as a trusted proxy reports it: "https://host/label", without
 * a slash at its end. It lives as long as the call. */
const char *address_of_server(struct call *call);

/* Appends a lasting address of a sample's image (call_place before): if the image is public, its own; else this
 * server's, which needs a password. */
int address_of_image(struct call *call, const struct sample *sample, struct buf *out, struct err *err);

#endif
