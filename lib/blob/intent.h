/* Notes of objects about to be stored, so that what a crash left between bytes and metadata is found without listing the
 * store, and nothing else is ever taken for it. Files in a folder of this machine; thread-safe. */
#ifndef BLOB_INTENT_H
#define BLOB_INTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct intent; /* one note */

/* Notes that `key` is about to be stored for a dataset; the folder is made when absent. Not synced: with power lost the note may be
 * lost, and then an object nobody refers to stays. */
int intent_begin(struct intent **out, const char *dir, const char *dataset, const char *key, struct err *err);
/* done: the metadata is durable (or nothing was stored), and the note goes; else it stays for the sweep. Frees. */
void intent_end(struct intent *intent, bool done);

/* Visits the notes older than older_than_seconds; one whose visit returns true is removed. */
typedef bool intent_visit(void *data, const char *dataset, const char *key);
int intent_each(const char *dir, int64_t older_than_seconds, intent_visit *visit, void *data, struct err *err);

#endif
