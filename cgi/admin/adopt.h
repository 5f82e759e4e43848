/* Takes what the older collecting system left in the default dataset's database over into that dataset. */
#ifndef ADMIN_ADOPT_H
#define ADMIN_ADOPT_H

#include "base/buf.h"
#include "base/config.h"
#include "dataset/dataset.h"

/* Prints a line when anything was taken; what was left is listed in warn. Without a default dataset there is nothing to
 * do. */
int adopt_collected(const struct config *config, struct dataset_store *store, struct buf *warn, struct err *err);

#endif
