/* Notes of objects about to be stored, so that what a crash left between bytes and metadata is found without listing
 * the store, and nothing else is ever taken for it. Files in a folder of this machine.
 *
 * A process writes its notes over and over into a few files of its own, which it locks: making and removing a file an
 * image took a third of an upload's processor time (measured: ext4 without a journal, which passes over the inodes of
 * files that were removed in the last minutes). */
#ifndef INTAKE_INTENT_H
#define INTAKE_INTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct intents; /* a process's notes; thread-safe */
struct intent;  /* one note */

/* In that folder, which is made when the first note is. Free it when no note is open any more. */
struct intents *intents_new(const char *dir);
void intents_free(struct intents *intents); /* NULL is fine */

/* Notes that `key` is about to be stored for a dataset; waits while intent_each visits a note of the same key. Not
 * synced: with power lost the note may be lost, and then an object nobody refers to stays. */
int intent_begin(struct intents *intents, struct intent **out, const char *dataset, const char *key, struct err *err);
/* done: the metadata is durable (or nothing was stored), and the note goes; else it stays for the sweep. */
void intent_end(struct intents *intents, struct intent *intent, bool done);

/* Visits the notes older than older_than_seconds of processes that are gone, or that ended without being done; one
 * whose visit returns true is removed. A key that is being stored again, on this machine, is left for another time:
 * what visit finds out about a key holds until it returns. */
typedef bool intent_visit(void *data, const char *dataset, const char *key);
int intent_each(const char *dir, int64_t older_than_seconds, intent_visit *visit, void *data, struct err *err);

#endif
