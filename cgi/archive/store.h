/* Reads images out of an archive, and stores several at once. */
#ifndef ARCHIVE_STORE_H
#define ARCHIVE_STORE_H

#include "base/text.h"
#include "crew.h"
#include "fastcgi/app.h"
#include "intake/filename.h"
#include "intake/ingest.h"
#include "intake/unpacker.h"

/* One image under way: call entry_read, give it to a crew with entry_work, wait for it, then call entry_finish. */
struct entry {
	struct crew_job job;   /* must be the first field */
	struct ingest *ingest; /* belongs to the import */
	struct ingest_image image;
	struct ingest_step step;
	struct spool file;
	char path[TEXT_FILEPATH_MAX + 1], label[TEXT_LABEL_MAX + 1], filename[FILENAME_CLEAN_MAX];
	bool failed; /* err says why */
	struct err err;
	bool duplicate;
	struct sample sample;
};

/* Reads an image; its filepath is its path, its label the folder it lies in. A failure is noted in the entry. Call
 * entry_release at the end. */
void entry_read(struct entry *entry, struct call *call, struct unpacker *unpacker, const struct archive_item *item);
/* Makes the image's bytes durable. */
crew_work entry_work;
/* Makes the image a sample. */
void entry_finish(struct entry *entry);
void entry_release(struct entry *entry);

/* Whether it must wait until `other` is finished, which has the same bytes or the same filepath. */
bool entry_follows(const struct entry *entry, const struct entry *other);

/* Reads what storing an image with this label needs and is not known yet: fills *ingest and call->info.labels, and
 * adds the label if it is new. */
int store_prepare(struct call *call, struct ingest *ingest, const char *label, struct err *err);
/* Spells a label as the dataset does. */
void store_spell_label(const struct call *call, char label[TEXT_LABEL_MAX + 1]);

#endif
