/* Corrections: labels that are given or removed directly, without a lease, and undone. As thread-safe as dataset.h
 * says, and with its errors. Each call is one durable write. */
#ifndef DATASET_CORRECT_H
#define DATASET_CORRECT_H

#include "dataset/dataset.h"

/* Who corrects, and which version. */
struct correction {
	const char *user;
	/* the user is one of several who are asked, where the policy asks several: then the user may not decide alone
	 * (ERR_FORBIDDEN), and undoes only the user's own events */
	bool annotates;
	bool own;            /* undoes only the user's own events in any case */
	const char *request; /* as for lease_label_once; "" = none */
	bool of_version;     /* only for this version of the sample; for another one: ERR_CONFLICT, which names it */
	int64_t version;
};

/* Sets the sample's label; "" removes it, and everybody may be asked again. Leases of a sample that is decided end.
 * ERR_NOT_FOUND for an unknown sample, ERR_UNPROCESSABLE for an unknown label. *out is the sample as it is now. */
int sample_decide(struct dataset *dataset, int64_t id, const char *label, const struct correction *correction,
                  struct sample *out, struct err *err);

/* Takes back the newest event of the sample that is not taken back already: its label, state, and who gave it when, are
 * again what they were before. ERR_CONFLICT when there is nothing to undo, or the
 * label to which it leads was removed. */
int sample_undo(struct dataset *dataset, int64_t id, const struct correction *correction, struct sample *out,
                struct err *err);

/* Says that the sample's answer is known: label, or "" = the label that it has (ERR_UNPROCESSABLE when it has none). It
 * is the sample's label from now on, whatever people answer. ERR_CONFLICT: DATASET_GOLD_MAX others are already. */
int sample_mark_gold(struct dataset *dataset, int64_t id, const char *label, const struct correction *correction,
                     struct sample *out, struct err *err);
/* It is one like others again, with the label that it has. */
int sample_unmark_gold(struct dataset *dataset, int64_t id, const struct correction *correction, struct sample *out,
                       struct err *err);

/* The same as sample_decide for many samples, all of them or none. versions: for each sample, as its user saw it;
 * NULL: any. An id that comes twice counts once; *done gets how many samples there are. */
enum { SAMPLES_DECIDED_MAX = 10000 };
int samples_decide(struct dataset *dataset, const int64_t *ids, const int64_t *versions, size_t count,
                   const char *label, const struct correction *correction, size_t *done, struct err *err);

/* The same as sample_undo for many samples, all of them or none. */
int samples_take_back(struct dataset *dataset, const int64_t *ids, const int64_t *versions, size_t count,
                      const struct correction *correction, size_t *done, struct err *err);

/* Labels that another system kept, as if they had been given there and then. All of them or none: ERR_NOT_FOUND for
 * an unknown sample, ERR_UNPROCESSABLE for an unknown label. No sample twice. What was said of a sample before adds
 * nothing, whatever was said of it since (rules_was_told). user, at: who imports, and when: that is who gave a
 * label, and when, unless the label says it. The same for all calls of one import. */
enum { LABELS_IMPORTED_MAX = 1000 };
struct imported_label {
	int64_t id;
	const char *filepath; /* unless NULL: every sample with this one is meant, and not the id */
	const char *label;    /* as the dataset spells it */
	const char *by;       /* NULL: not said */
	int64_t at;           /* 0: not said */
	bool added;           /* set by a call that returns 0: whether it was new to a sample */
};
int labels_import(struct dataset *dataset, struct imported_label *labels, size_t count, const char *user, int64_t at,
                  struct err *err);

#endif
