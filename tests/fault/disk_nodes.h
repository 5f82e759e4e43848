/* What a disk remembers and what it forgets: files and folders as they are now, and as they are on the disk.
 *
 * A file's bytes are kept by node_sync of the file, its name by node_sync of the folder, and nothing else is: POSIX
 * promises no more. But a file grows only as its bytes reach the disk, as on ext4, XFS and Btrfs.
 * Bytes whose sync has failed are as good as synced to the next one, but are not on the disk, which is what Linux does.
 * A folder's names wait for the next sync. */
#ifndef FAULT_DISK_NODES_H
#define FAULT_DISK_NODES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

struct entry {
	char *name;
	struct node *node;
};

struct names {
	struct entry *list;
	size_t count;
};

struct bytes {
	char *data;
	size_t length, room;
};

struct node {
	struct node *next; /* of all */
	struct stat stat;
	char *name;                         /* that it was given last; "": none */
	struct names now_names, disk_names; /* a folder's */
	struct bytes now, disk;             /* a file's, or a link's target */
	bool *dirty;                        /* of each page: written since the last sync */
	size_t pages;
	unsigned failed_syncs;
	bool seen; /* while those that nothing leads to are looked for */
};

/* The folder in which all is; made at first. */
struct node *nodes_root(void);
/* It lives until the power is cut and no name on the disk leads to it. */
struct node *node_new(mode_t mode, uid_t user, gid_t group);
void node_resize(struct node *file, size_t length);
void node_write(struct node *file, const char *data, size_t length, size_t at);

/* NULL: there is none. */
struct node *name_find(const struct node *folder, const char *name);
void name_add(struct node *folder, const char *name, struct node *node);
void name_remove(struct node *folder, const char *name);

void node_sync(struct node *node);
/* Of a file: its bytes count as clean from now on. */
void node_sync_failed(struct node *file);
void nodes_sync_all(void);

/* The power fails. On the disk are the names (in folders) that were synced, or all, and the bytes that were, or also
 * some of the others' sectors, which drand48 chooses. Nodes may still be looked at until nodes_forget, by which what is
 * on the disk is what there is. */
void nodes_cut(bool all_names, bool some_bytes);
void nodes_forget(void);

#endif
