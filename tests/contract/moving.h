/* A dataset of which there is a bit of everything, and its restoration under another name. */
#ifndef CONTRACT_MOVING_H
#define CONTRACT_MOVING_H

#include "dataset/move.h"
#include "fixture.h"

#define ORIGIN "another store / animals"

/* A bit of everything: labels given, given again, taken; skipped, requeued, passed on, unreadable; an upload; a
 * note. */
void use_dataset(struct dataset *dataset);
/* Leases the user's next one and passes it over. */
void skip_next(struct dataset *dataset, const char *user, enum dataset_skip skip);

/* Begins to restore `from` under this name; the copy is not there for others yet. */
struct dataset *restore_begin(struct dataset_store *store, const char *name, struct dataset *from);
void copy_records(struct dataset *from, struct dataset *to, int64_t after);
/* Restores `from` under another name of the same store, and opens that. */
struct dataset *move_dataset(struct fixture *fixture, struct dataset *from, const char *name);

void assert_same_records(struct dataset *a, struct dataset *b);
void assert_same_info(struct dataset *a, struct dataset *b);
/* Fails unless the store has exactly these datasets: "animals copy ". */
void assert_listed(struct dataset_store *store, const char *wanted);

#endif
