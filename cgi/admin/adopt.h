/* Adopts, for the default dataset, what the older collecting system left in its database. */
#ifndef ADMIN_ADOPT_H
#define ADMIN_ADOPT_H

#include "base/buf.h"
#include "base/config.h"
#include "dataset/dataset.h"

/* Prints a line when anything was adopted; what was not is listed in warn. Does nothing without a default dataset. */
int adopt_collected(const struct config *config, struct dataset_store *store, struct buf *warn, struct err *err);

#endif
