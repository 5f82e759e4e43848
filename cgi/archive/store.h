/* Reads images out of an archive, and stores several at once. */
#ifndef ARCHIVE_STORE_H
#define ARCHIVE_STORE_H

#include "base/text.h"
#include "intake/archive.h"
#include "crew.h"
#include "fastcgi/ingest.h"
#include "intake/filename.h"

/* One image under way. It is entry_read, given to a crew with entry_work, waited for, and then entry_finished. */
struct entry {
	struct crew_job job; /* first */
	struct call call;    /* a copy */
	struct ingest_image image;
	struct ingest_step step;
	struct spool file;
	char path[TEXT_FILEPATH_MAX + 1], label[TEXT_LABEL_MAX + 1], filename[FILENAME_CLEAN_MAX];
	bool failed; /* err says why */
	struct err err;
	bool duplicate;
	struct sample sample;
};

/* Its filepath is its path, its label the folder it lies in. A failure is the entry's. The caller ends with
 * entry_release. */
void entry_read(struct entry *entry, struct call *call, struct archive_reader *reader, const struct archive_item *item);
/* Makes its bytes durable. */
crew_work entry_work;
/* Makes it a sample. */
void entry_finish(struct entry *entry);
void entry_release(struct entry *entry);

/* Whether it must wait for `other` to be finished: it has the same bytes, or the same filepath. */
bool entry_follows(const struct entry *entry, const struct entry *other);

/* The dataset's labels and policy are to be read, again or at first, for an image of that label; the label is added to
 * them when it is new. Nobody may use *call meanwhile. */
bool store_needs_label(const struct call *call, const char *label);
int store_add_label(struct call *call, const char *label, struct err *err);
/* Spells a label as the dataset has it. */
void store_spell_label(const struct call *call, char label[TEXT_LABEL_MAX + 1]);

#endif
