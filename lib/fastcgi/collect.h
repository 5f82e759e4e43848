/* What the collecting programs share: the dataset that a request means, and the answer to a GET of an upload's
 * address. One request, one thread. */
#ifndef FASTCGI_COLLECT_H
#define FASTCGI_COLLECT_H

#include "fastcgi/app.h"

/* Opens the dataset named by ?dataset=, else the configuration's default_dataset, as call_dataset does. */
int collect_dataset(struct call *call, struct err *err);

/* {"Response": "Available", "Post-Request-Body": ["label", "Files"]} */
app_handler collect_available;

#endif
