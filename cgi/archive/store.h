/* Stores one image of an archive. */
#ifndef ARCHIVE_STORE_H
#define ARCHIVE_STORE_H

#include "blob/archive.h"
#include "fastcgi/app.h"

/* Its filepath is its path, its label the folder it lies in, which is added to the dataset's labels when it is new. */
int store_entry(struct call *call, struct archive_reader *reader, const struct archive_item *item, struct sample *out,
                bool *duplicate, struct err *err);

#endif
