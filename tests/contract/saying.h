/* What tests of labels say of samples, and see of them. */
#ifndef CONTRACT_SAYING_H
#define CONTRACT_SAYING_H

#include "dataset/correct.h"
#include "dataset/dataset.h"

struct fixture;

/* Each fails the test unless it succeeds. */
void decide(struct dataset *dataset, int64_t id, const char *label, const struct correction *correction);
/* The sample as it is then: "cat labelled ada 3" (its label, state, by whom, and version). Valid until the next call. */
const char *undo(struct dataset *dataset, int64_t id, const struct correction *correction);
void nothing_to_undo(struct dataset *dataset, int64_t id, const struct correction *correction);
/* Labels that picture as the older client does; false when that is not accepted. */
bool classify(struct dataset *dataset, const char *user, int id, const char *label);
void rename_to(struct dataset *dataset, int64_t key, const char *name);
/* So many people label each sample. */
void ask(struct dataset *dataset, int overlap);
void seed_one(struct dataset *dataset, const char *filepath, const char *label);

struct sample sample_of(struct dataset *dataset, int64_t id); /* the caller releases it */
int64_t version_of(struct dataset *dataset, int64_t id);
/* The labels as text: "0 cat 2; 1 dog 0; …", in the order in which they are shown. Valid until the next call. */
const char *labels_shown(struct dataset *dataset);

/* A dataset "old" with one sample as an older database may have it: a label, who gave it and when, but no event that
 * says so. */
struct dataset *without_events(struct fixture *fixture, const char *label, const char *by, int64_t at);

#endif
