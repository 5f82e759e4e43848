/* The files of a folder and its sub-folders, in the order a person expects: image2 before image10. */
#ifndef BASE_WALK_H
#define BASE_WALK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/config.h"
#include "base/err.h"

/* Why a file or folder was skipped. */
enum walk_skip {
	WALK_HIDDEN,     /* its name starts with '.' */
	WALK_LITTER,     /* a file of a system, a NAS or a camera: base/litter.h */
	WALK_NO_IMAGE,   /* judged by content */
	WALK_BAD_NAME,   /* not UTF-8, or too long */
	WALK_UNREADABLE, /* not permitted, or gone meanwhile */
	WALK_OUTSIDE,    /* a link to something outside the folder and image_roots */
	WALK_CIRCLE,     /* a link to a folder that is walked through anyway */
	WALK_SPECIAL,    /* a pipe, socket or device */
	WALK_SKIPS
};
const char *walk_skip_reason(enum walk_skip skip); /* "cannot be read" */

struct walk_file {
	char *path; /* relative to the folder, UTF-8 */
	bool link;
};

struct walk {
	struct walk_file *files; /* owned */
	size_t count;
	size_t skipped[WALK_SKIPS];
};

/* Called for each skipped file or folder that people should know of; its path is relative and may not be UTF-8. */
typedef void walk_told(void *data, enum walk_skip skip, const char *path);
/* Called now and then with the number of files seen, for a progress line. */
typedef void walk_seen(void *data, size_t count);

/* Fills walk with the regular files below base_dir (a real path), without looking into them. Links to files are kept
 * as they are; links to folders are followed only into those in `roots` outside base_dir, and never in circles.
 * Hidden files and folders are left out, and so is litter. Call walk_release at the end, also after a failure. */
int walk_folder(struct walk *walk, const char *base_dir, const struct config_list *roots, walk_told *told,
                walk_seen *seen, void *data, struct err *err);
void walk_release(struct walk *walk);

/* Appends a name in a form fit to show: control characters, and bytes that are not UTF-8, as \xNN. */
void walk_add_name(const char *name, struct buf *out);

/* Counts and reports a file that the caller skips. */
void walk_pass_over(struct walk *walk, enum walk_skip skip, const char *path, walk_told *told, void *data);

#endif
