/* Notes of objects about to be stored: by them, objects that a crash left without metadata are found without listing
 * the store, and nothing else is taken for one. Files in a folder of this machine.
 *
 * A process writes its notes again and again into a few files of its own, which it locks: making and removing a file
 * for each image took a third of an upload's processor time (measured: ext4 without a journal, which avoids the
 * inodes of files that were removed in the last minutes). */
#ifndef INTAKE_INTENT_H
#define INTAKE_INTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct intents; /* a process's notes; thread-safe */
struct intent;  /* one note */

/* In this folder, which is made with the first note. Free it when no note is open any more. */
struct intents *intents_new(const char *dir);
void intents_free(struct intents *intents); /* NULL is fine */

/* Notes that `key` is about to be stored for a dataset; waits while intent_each visits a note of the same key. The
 * note is not synced: a power loss may lose it, and then an object without a sample stays. */
int intent_begin(struct intents *intents, struct intent **out, const char *dataset, const char *key, struct err *err);
/* done: the metadata is durable (or nothing was stored), and the note is removed; else it stays for the sweep. */
void intent_end(struct intents *intents, struct intent *intent, bool done);

/* Visits the notes older than older_than_seconds of processes that are gone, or that ended without being done;
 * removes those for which visit returns true. Keys that are being stored again on this machine are skipped, so what
 * visit finds out about a key stays true until it returns. */
typedef bool intent_visit(void *data, const char *dataset, const char *key);
int intent_each(const char *dir, int64_t older_than_seconds, intent_visit *visit, void *data, struct err *err);

/* Runs visit for the key unless it is being stored on this machine, which waits meanwhile; *visited says whether. */
int intent_alone(const char *dir, const char *dataset, const char *key, intent_visit *visit, void *data, bool *visited,
                 struct err *err);

#endif
