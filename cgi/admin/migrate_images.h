/* The images of a dataset that moves: copied to the other image store, and looked for there, several at once. */
#ifndef ADMIN_MIGRATE_IMAGES_H
#define ADMIN_MIGRATE_IMAGES_H

#include "blob/blob.h"
#include "dataset/dataset.h"
#include "dataset/move.h"

enum { MIGRATE_JOBS_MAX = 64 };

struct migrate_images {
	struct blob_store *from; /* NULL: the source has no images */
	struct blob_store *to;   /* NULL: they are only read and checked */
	bool same;               /* both are the same store: nothing is copied */
	unsigned jobs;           /* images at once */
	const char *spool_dir;   /* for images on their way */
	bool public_read;        /* as the dataset's policy says */
	bool publish;            /* images that are there already get this policy, too */

	/* Results. */
	int64_t copied, copied_bytes;
	int64_t missing;                            /* not in the source, or damaged there */
	void (*tell)(void *data, const char *line); /* reports each missing image; called from any thread, one at a time */
	void *data;
};

/* Makes sure that the images of these records are in the destination, with their size and, where the store knows it,
 * their SHA-256. look: they may be there already, and are then not sent again. Images missing in the source are
 * counted in `missing` and reported; other failures are returned. */
int migrate_images_take(struct migrate_images *images, const struct dataset_record *records, size_t count, bool look,
                        struct err *err);

/* Whether two configurations mean the same image store. */
bool migrate_images_same(const struct config *from, const struct config *to);
/* The best folder for images on their way into a store: on its own file system, which saves another copy of each. */
const char *migrate_images_spool(struct blob_store *to, config_env *env);

#endif
