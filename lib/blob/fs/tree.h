/* What the files of the fs backend share: where an object lies, and how a new one is made durable.
 *
 * <image_store.dir>/private/KEY and /public/KEY hold the objects; nginx serves the second without a password. /tmp
 * holds unfinished files, only where the file system has no O_TMPFILE. */
#ifndef BLOB_FS_TREE_H
#define BLOB_FS_TREE_H

#include <pthread.h>

#include "blob/backend.h"

enum fs_tree { FS_PRIVATE, FS_PUBLIC, FS_TREES };

/* Folders known to be durable up to their tree's root, so that a put syncs only the folder that it changed. */
enum { FS_DURABLE_MAX = 4096, FS_DURABLE_SLOTS = 2 * FS_DURABLE_MAX };
struct fs_durable {
	pthread_mutex_t lock;
	size_t count;
	char *slot[FS_DURABLE_SLOTS]; /* "0/images/cat": the tree and the folder */
};

struct fs_store {
	struct blob_store base;
	const struct config *config;
	char dir[PATH_MAX]; /* real path */
	int root;           /* its descriptor; tree[] and tmp are within it */
	int tree[FS_TREES];
	int tmp;
	struct fs_durable durable;
};

int fs_put(struct blob_store *store, const struct blob_put *put, struct err *err);
int fs_set_public(struct blob_store *store, const char *key, bool public_read, struct err *err);

/* list.c */
int fs_list(struct blob_store *store, const char *prefix, blob_visit *visit, void *data, struct err *err);

/* Empties the set; its lock stays. */
void fs_durable_clear(struct fs_durable *durable);

#endif
