/* A file system in memory (FUSE) that knows which of its bytes and names were synced: it can fail as a disk does, and forget
 * what a power cut would make a disk forget.
 *
 * Usage: disk FOLDER, which is where it is mounted. Commands are lines on standard input, each answered by a line:
 *   mount                       mounts it (again)
 *   sync                        all is kept from now on, as after sync(1)
 *   fail OPERATIONS ERRNO P     some of open,read,write,sync,name fail from now on, each with probability P; "none 0 0": none
 *   cut NAMES DATA SEED         the power fails: from now on every operation does. What is there at the next mount are the
 *                               names (in folders) that were synced, or "all", and the bytes that were, or also "some" of the
 *                               others' sectors, which SEED chooses
 *   unmount
 * An answer is "ok", with the number of failures since the last one, or says what is wrong.
 *
 * Why it is here: Debian's libfiu lets calls fail but forgets nothing; dm-flakey and dm-log-writes need a kernel that has
 * them, and know nothing of a sync that failed.
 *
 * A file's bytes are kept by fsync of the file, its name by fsync of the folder, and nothing else is: POSIX promises no more.
 * But a file grows only as its bytes reach the disk, as on ext4, XFS and Btrfs.
 * Bytes whose fsync has failed are as good as synced to the next one, but are not on the disk, which is what Linux does; each
 * descriptor that was open then is told so once. A folder's names wait for the next fsync. */
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fuse_lowlevel.h>
#include <linux/fuse.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, SECTOR = 512, ROOT_MODE = S_IFDIR | 0755, TMPFILE = 51 /* FUSE_TMPFILE of Linux 6.2 */ };
#define FOREVER 86400.0 /* seconds: nobody but the kernel changes anything */

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
	struct names now_names, disk_names; /* a folder's */
	struct bytes now, disk;             /* a file's, or a link's target */
	bool *dirty;                        /* of each page: written since the last fsync */
	size_t pages;
	unsigned failed_syncs;
	bool memory; /* that programs share (SQLite's -shm): it never fails, since on no disk it is needed again */
	bool seen; /* while those that nothing leads to are looked for */
};

struct handle {
	unsigned failed_syncs; /* that it was told of */
};

enum operation { OPEN, READ, WRITE, SYNC, NAME, OPERATIONS };
static const char *const operation_names[OPERATIONS] = {"open", "read", "write", "sync", "name"};

static struct {
	struct node *root, *all;
	ino_t last;
	bool off; /* the power is */
	int why[OPERATIONS];
	double chance[OPERATIONS];
	unsigned long failed;
	struct fuse_session *session;
	char **words;
} disk;

static void *must(void *allocated)
{
	if (!allocated)
		abort();
	return allocated;
}

/* The errno with which the operation fails; 0: it doesn't. */
static int trouble(enum operation operation)
{
	if (disk.off)
		return EIO;
	if (disk.chance[operation] <= drand48())
		return 0;
	disk.failed++;
	return disk.why[operation];
}

static bool refused(fuse_req_t request, enum operation operation)
{
	int why = trouble(operation);

	if (why)
		fuse_reply_err(request, why);
	return why;
}

/* --- nodes -------------------------------------------------------------------------------------------------------- */

static struct node *node_of(fuse_ino_t number)
{
	return number == FUSE_ROOT_ID ? disk.root : (struct node *)number;
}

static void touch(struct node *node)
{
	clock_gettime(CLOCK_REALTIME, &node->stat.st_mtim);
	node->stat.st_ctim = node->stat.st_mtim;
}

static struct node *node_new(mode_t mode, const struct fuse_ctx *who)
{
	struct node *node = must(calloc(1, sizeof(*node)));

	node->stat.st_ino = ++disk.last;
	node->stat.st_mode = mode;
	node->stat.st_uid = who ? who->uid : geteuid();
	node->stat.st_gid = who ? who->gid : getegid();
	node->stat.st_nlink = S_ISDIR(mode) ? 2 : 0;
	node->stat.st_blksize = PAGE;
	touch(node);
	node->stat.st_atim = node->stat.st_mtim;
	node->next = disk.all;
	disk.all = node;
	return node;
}

static void names_clear(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->list[i].name);
	free(names->list);
	memset(names, 0, sizeof(*names));
}

static void names_copy(struct names *to, const struct names *from)
{
	names_clear(to);
	to->list = must(calloc(from->count + 1, sizeof(*to->list)));
	for (; to->count < from->count; to->count++) {
		to->list[to->count].node = from->list[to->count].node;
		to->list[to->count].name = must(strdup(from->list[to->count].name));
	}
}

static struct entry *names_find(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->list[i].name, name) == 0)
			return &names->list[i];
	return NULL;
}

static void name_add(struct node *folder, const char *name, struct node *node)
{
	struct names *names = &folder->now_names;

	names->list = must(reallocarray(names->list, names->count + 1, sizeof(*names->list)));
	names->list[names->count].name = must(strdup(name));
	names->list[names->count++].node = node;
	node->memory = strlen(name) > 4 && strcmp(name + strlen(name) - 4, "-shm") == 0;
	if (S_ISDIR(node->stat.st_mode))
		folder->stat.st_nlink++;
	else
		node->stat.st_nlink++;
	touch(folder);
	clock_gettime(CLOCK_REALTIME, &node->stat.st_ctim);
}

static void name_remove(struct node *folder, struct entry *entry)
{
	struct names *names = &folder->now_names;

	if (S_ISDIR(entry->node->stat.st_mode))
		folder->stat.st_nlink--;
	else
		entry->node->stat.st_nlink--;
	touch(folder);
	clock_gettime(CLOCK_REALTIME, &entry->node->stat.st_ctim);
	free(entry->name);
	*entry = names->list[--names->count];
}

static void bytes_resize(struct bytes *bytes, size_t length)
{
	if (length > bytes->room) {
		bytes->room = length * 2;
		bytes->data = must(realloc(bytes->data, bytes->room));
	}
	if (length > bytes->length)
		memset(bytes->data + bytes->length, 0, length - bytes->length);
	bytes->length = length;
}

static void note_dirty(struct node *node, size_t from, size_t to)
{
	size_t pages = (to + PAGE - 1) / PAGE;

	if (pages > node->pages) {
		node->dirty = must(realloc(node->dirty, pages * 2));
		memset(node->dirty + node->pages, 0, pages * 2 - node->pages);
		node->pages = pages * 2;
	}
	for (size_t page = from / PAGE; page < pages; page++)
		node->dirty[page] = true;
}

static void node_resize(struct node *node, size_t length)
{
	size_t was = node->now.length;

	bytes_resize(&node->now, length);
	note_dirty(node, was < length ? was : length, was < length ? length : was);
	node->stat.st_size = (off_t)length;
	node->stat.st_blocks = (blkcnt_t)((length + SECTOR - 1) / SECTOR);
	touch(node);
}

/* Copies what the page has now, sector by sector: all, or before `all_from` those that chance chooses. */
static void page_keep(struct node *node, size_t page, size_t all_from)
{
	for (size_t at = page * PAGE; at < (page + 1) * PAGE && at < node->disk.length; at += SECTOR) {
		size_t length = node->disk.length - at < SECTOR ? node->disk.length - at : SECTOR;

		if (at + length <= all_from && drand48() < 0.5)
			continue;
		memset(node->disk.data + at, 0, length);
		if (at < node->now.length)
			memcpy(node->disk.data + at, node->now.data + at, node->now.length - at < length ? node->now.length - at : length);
	}
}

static void node_keep(struct node *node, bool some)
{
	size_t was = node->disk.length, length = node->now.length;

	if (some && length > was)
		length = was + (size_t)((double)(length - was) * drand48());
	bytes_resize(&node->disk, length);
	for (size_t page = 0; page < node->pages; page++) {
		if (node->dirty[page])
			page_keep(node, page, some ? was : 0);
		node->dirty[page] = false;
	}
}

static void node_free(struct node *node)
{
	names_clear(&node->now_names);
	names_clear(&node->disk_names);
	free(node->now.data);
	free(node->disk.data);
	free(node->dirty);
	free(node);
}

/* --- what is kept ------------------------------------------------------------------------------------------------- */

static void keep_all(void)
{
	for (struct node *node = disk.all; node; node = node->next) {
		node_keep(node, false);
		names_copy(&node->disk_names, &node->now_names);
	}
}

static void note_reached(struct node *node)
{
	bool again = node->seen;

	node->seen = true;
	for (size_t i = 0; i < node->disk_names.count; i++) {
		struct node *below = node->disk_names.list[i].node;

		if (S_ISDIR(below->stat.st_mode))
			node->stat.st_nlink += !again;
		else
			below->stat.st_nlink += !again;
		if (!below->seen)
			note_reached(below);
	}
}

/* What is on the disk is what there is. A folder that has two names after all, since only one end of its move was synced,
 * keeps both. */
static void cut_power(bool all_names, bool some_data)
{
	disk.off = true;
	for (struct node *node = disk.all; node; node = node->next) {
		if (some_data)
			node_keep(node, true);
		if (all_names)
			names_copy(&node->disk_names, &node->now_names);
		node->seen = false;
		node->stat.st_nlink = S_ISDIR(node->stat.st_mode) ? 2 : 0;
	}
	note_reached(disk.root);
}

static void forget_the_rest(void)
{
	for (struct node **at = &disk.all; *at;) {
		struct node *node = *at;

		if (!node->seen) {
			*at = node->next;
			node_free(node);
			continue;
		}
		names_copy(&node->now_names, &node->disk_names);
		bytes_resize(&node->now, 0);
		bytes_resize(&node->now, node->disk.length);
		if (node->disk.length > 0)
			memcpy(node->now.data, node->disk.data, node->disk.length);
		node->stat.st_size = (off_t)node->disk.length;
		if (node->pages > 0)
			memset(node->dirty, 0, node->pages);
		at = &node->next;
	}
	disk.off = false;
}

/* --- the file system ---------------------------------------------------------------------------------------------- */

static void entry_of(struct node *node, struct fuse_entry_param *out)
{
	memset(out, 0, sizeof(*out));
	out->ino = node == disk.root ? FUSE_ROOT_ID : (fuse_ino_t)node;
	out->attr = node->stat;
	out->attr_timeout = out->entry_timeout = FOREVER;
}

static void reply_entry(fuse_req_t request, struct node *node)
{
	struct fuse_entry_param entry;

	entry_of(node, &entry);
	fuse_reply_entry(request, &entry);
}

static uint64_t handle_new(const struct node *node)
{
	struct handle *handle = must(malloc(sizeof(*handle)));

	handle->failed_syncs = node->failed_syncs;
	return (uint64_t)handle;
}

static void do_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	const struct entry *entry = names_find(&node_of(parent)->now_names, name);

	if (disk.off)
		fuse_reply_err(request, EIO);
	else if (!entry)
		fuse_reply_err(request, ENOENT);
	else
		reply_entry(request, entry->node);
}

static void do_getattr(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *file)
{
	(void)file;
	if (disk.off)
		fuse_reply_err(request, EIO);
	else
		fuse_reply_attr(request, &node_of(number)->stat, FOREVER);
}

static void do_setattr(fuse_req_t request, fuse_ino_t number, struct stat *wanted, int what, struct fuse_file_info *file)
{
	struct node *node = node_of(number);
	struct stat *stat = &node->stat;

	(void)file;
	if (refused(request, WRITE))
		return;
	clock_gettime(CLOCK_REALTIME, &stat->st_ctim);
	if (what & FUSE_SET_ATTR_MODE)
		stat->st_mode = (stat->st_mode & S_IFMT) | (wanted->st_mode & 07777);
	if (what & FUSE_SET_ATTR_UID)
		stat->st_uid = wanted->st_uid;
	if (what & FUSE_SET_ATTR_GID)
		stat->st_gid = wanted->st_gid;
	if (what & FUSE_SET_ATTR_SIZE)
		node_resize(node, (size_t)wanted->st_size);
	if (what & FUSE_SET_ATTR_ATIME)
		stat->st_atim = what & FUSE_SET_ATTR_ATIME_NOW ? stat->st_ctim : wanted->st_atim;
	if (what & FUSE_SET_ATTR_MTIME)
		stat->st_mtim = what & FUSE_SET_ATTR_MTIME_NOW ? stat->st_ctim : wanted->st_mtim;
	fuse_reply_attr(request, stat, FOREVER);
}

static void do_readlink(fuse_req_t request, fuse_ino_t number)
{
	fuse_reply_readlink(request, node_of(number)->now.data); /* ended by a NUL */
}

/* A new node under the name; NULL: the request is answered. */
static struct node *make(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode)
{
	if (refused(request, NAME))
		return NULL;
	struct node *node = node_new(mode, fuse_req_ctx(request));
	name_add(node_of(parent), name, node);
	return node;
}

static void do_mknod(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode, dev_t device)
{
	struct node *node = make(request, parent, name, mode);

	if (!node)
		return;
	node->stat.st_rdev = device;
	reply_entry(request, node);
}

static void do_mkdir(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode)
{
	do_mknod(request, parent, name, S_IFDIR | mode, 0);
}

static void do_symlink(fuse_req_t request, const char *target, fuse_ino_t parent, const char *name)
{
	struct node *node = make(request, parent, name, S_IFLNK | 0777);

	if (!node)
		return;
	bytes_resize(&node->now, strlen(target) + 1);
	memcpy(node->now.data, target, node->now.length);
	node->stat.st_size = (off_t)strlen(target);
	node_keep(node, false); /* it is in the inode */
	reply_entry(request, node);
}

static void do_unlink(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	struct entry *entry = names_find(&node_of(parent)->now_names, name);

	if (refused(request, NAME))
		return;
	if (entry)
		name_remove(node_of(parent), entry);
	fuse_reply_err(request, entry ? 0 : ENOENT);
}

static void do_rmdir(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	const struct entry *entry = names_find(&node_of(parent)->now_names, name);

	if (entry && entry->node->now_names.count > 0)
		fuse_reply_err(request, ENOTEMPTY);
	else
		do_unlink(request, parent, name);
}

static void do_rename(fuse_req_t request, fuse_ino_t parent, const char *name, fuse_ino_t to, const char *new_name, unsigned flags)
{
	struct entry *there = names_find(&node_of(to)->now_names, new_name);
	const struct entry *entry = names_find(&node_of(parent)->now_names, name);

	if (refused(request, NAME))
		return;
	if (!entry || flags & ~1U || (there && flags & 1U /* RENAME_NOREPLACE */)) {
		fuse_reply_err(request, !entry ? ENOENT : there ? EEXIST : EINVAL);
		return;
	}
	if (there && there->node->now_names.count > 0) {
		fuse_reply_err(request, ENOTEMPTY);
		return;
	}
	struct node *node = entry->node;
	if (!there || there->node != node) {
		if (there)
			name_remove(node_of(to), there);
		name_add(node_of(to), new_name, node);
		name_remove(node_of(parent), names_find(&node_of(parent)->now_names, name));
	}
	fuse_reply_err(request, 0);
}

static void do_link(fuse_req_t request, fuse_ino_t number, fuse_ino_t parent, const char *name)
{
	if (refused(request, NAME))
		return;
	name_add(node_of(parent), name, node_of(number));
	reply_entry(request, node_of(number));
}

static void do_open(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *file)
{
	if (refused(request, OPEN))
		return;
	file->fh = handle_new(node_of(number));
	file->keep_cache = 1;
	fuse_reply_open(request, file);
}

static void do_create(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *file)
{
	struct node *node = make(request, parent, name, S_IFREG | (mode & 07777));
	struct fuse_entry_param entry;

	if (!node)
		return;
	entry_of(node, &entry);
	file->fh = handle_new(node);
	file->keep_cache = 1;
	fuse_reply_create(request, &entry, file);
}

static void do_release(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *file)
{
	(void)number;
	free((struct handle *)file->fh);
	fuse_reply_err(request, 0);
}

static void do_read(fuse_req_t request, fuse_ino_t number, size_t length, off_t at, struct fuse_file_info *file)
{
	const struct bytes *bytes = &node_of(number)->now;

	(void)file;
	if (!node_of(number)->memory && refused(request, READ))
		return;
	if ((size_t)at >= bytes->length)
		fuse_reply_buf(request, NULL, 0);
	else
		fuse_reply_buf(request, bytes->data + at, bytes->length - (size_t)at < length ? bytes->length - (size_t)at : length);
}

static void do_write(fuse_req_t request, fuse_ino_t number, const char *data, size_t length, off_t at, struct fuse_file_info *file)
{
	struct node *node = node_of(number);

	(void)file;
	if (!node->memory && refused(request, WRITE))
		return;
	if ((size_t)at + length > node->now.length)
		node_resize(node, (size_t)at + length);
	memcpy(node->now.data + at, data, length);
	note_dirty(node, (size_t)at, (size_t)at + length);
	touch(node);
	fuse_reply_write(request, length);
}

static void do_fsync(fuse_req_t request, fuse_ino_t number, int data_only, struct fuse_file_info *file)
{
	struct node *node = node_of(number);
	struct handle *handle = (struct handle *)file->fh;
	int why = trouble(SYNC);

	(void)data_only;
	if (why) {
		node->failed_syncs++;
		if (node->pages > 0)
			memset(node->dirty, 0, node->pages);
	} else {
		node_keep(node, false);
		if (handle->failed_syncs != node->failed_syncs)
			why = EIO;
	}
	handle->failed_syncs = node->failed_syncs;
	fuse_reply_err(request, why);
}

static void do_fsyncdir(fuse_req_t request, fuse_ino_t number, int data_only, struct fuse_file_info *file)
{
	struct node *node = node_of(number);

	(void)data_only;
	(void)file;
	if (refused(request, SYNC))
		return;
	names_copy(&node->disk_names, &node->now_names);
	fuse_reply_err(request, 0);
}

static void do_readdir(fuse_req_t request, fuse_ino_t number, size_t room, off_t at, struct fuse_file_info *file)
{
	const struct names *names = &node_of(number)->now_names;
	char *list = must(malloc(room));
	size_t used = 0;

	(void)file;
	for (size_t i = (size_t)at; i < names->count + 2; i++) {
		const char *name = i == 0 ? "." : i == 1 ? ".." : names->list[i - 2].name;
		const struct stat *stat = i < 2 ? &node_of(number)->stat : &names->list[i - 2].node->stat;
		size_t size = fuse_add_direntry(request, list + used, room - used, name, stat, (off_t)i + 1);

		if (size > room - used)
			break;
		used += size;
	}
	if (!refused(request, READ))
		fuse_reply_buf(request, list, used);
	free(list);
}

static void do_statfs(fuse_req_t request, fuse_ino_t number)
{
	struct statvfs space = {.f_bsize = PAGE, .f_frsize = PAGE, .f_blocks = 1 << 20, .f_bfree = 1 << 19, .f_bavail = 1 << 19,
		.f_files = 1 << 20, .f_ffree = 1 << 19, .f_namemax = 255};

	(void)number;
	fuse_reply_statfs(request, &space);
}

static const struct fuse_lowlevel_ops operations = {
	.lookup = do_lookup,
	.getattr = do_getattr,
	.setattr = do_setattr,
	.readlink = do_readlink,
	.mknod = do_mknod,
	.mkdir = do_mkdir,
	.symlink = do_symlink,
	.unlink = do_unlink,
	.rmdir = do_rmdir,
	.rename = do_rename,
	.link = do_link,
	.open = do_open,
	.create = do_create,
	.release = do_release,
	.read = do_read,
	.write = do_write,
	.fsync = do_fsync,
	.readdir = do_readdir,
	.fsyncdir = do_fsyncdir,
	.statfs = do_statfs,
};

/* libfuse 3.14 does not know of files without a name (O_TMPFILE). */
static bool answered_tmpfile(const struct fuse_buf *buffer)
{
	const struct fuse_in_header *in = buffer->mem;
	const struct fuse_create_in *wanted = (const void *)(in + 1);
	struct {
		struct fuse_out_header head;
		struct fuse_entry_out entry;
		struct fuse_open_out open;
	} out = {.head = {.unique = in->unique}};

	if (in->opcode != TMPFILE)
		return false;
	out.head.error = -trouble(NAME);
	out.head.len = out.head.error ? sizeof(out.head) : sizeof(out);
	if (!out.head.error) {
		struct fuse_ctx who = {.uid = in->uid, .gid = in->gid};
		struct node *node = node_new(S_IFREG | (wanted->mode & 07777), &who);
		struct timespec made = node->stat.st_mtim;

		out.entry.nodeid = (uint64_t)node;
		out.entry.entry_valid = out.entry.attr_valid = (uint64_t)FOREVER;
		out.entry.attr.ino = node->stat.st_ino;
		out.entry.attr.mode = node->stat.st_mode;
		out.entry.attr.uid = in->uid;
		out.entry.attr.gid = in->gid;
		out.entry.attr.blksize = PAGE;
		out.entry.attr.atime = out.entry.attr.mtime = out.entry.attr.ctime = (uint64_t)made.tv_sec;
		out.entry.attr.atimensec = out.entry.attr.mtimensec = out.entry.attr.ctimensec = (uint32_t)made.tv_nsec;
		out.open.fh = handle_new(node);
		out.open.open_flags = FOPEN_KEEP_CACHE;
	}
	if (write(fuse_session_fd(disk.session), &out, out.head.len) < 0 && errno != ENOENT)
		perror("disk: tmpfile");
	return true;
}

/* --- the commands ------------------------------------------------------------------------------------------------- */

static void disk_unmount(const char *folder)
{
	if (!disk.session)
		return;
	umount2(folder, MNT_DETACH);
	fuse_session_unmount(disk.session);
	fuse_session_destroy(disk.session);
	disk.session = NULL;
}

static bool disk_mount(char *program, const char *folder)
{
	char *words[] = {program, "-o", "default_permissions,fsname=disk,subtype=fault"};
	struct fuse_args arguments = FUSE_ARGS_INIT(3, words);

	disk_unmount(folder);
	if (disk.off)
		forget_the_rest();
	disk.session = fuse_session_new(&arguments, &operations, sizeof(operations), NULL);
	fuse_opt_free_args(&arguments);
	if (!disk.session)
		return false;
	if (fuse_session_mount(disk.session, folder) == 0)
		return true;
	fuse_session_destroy(disk.session);
	disk.session = NULL;
	return false;
}

static bool set_failures(char *which, int why, double chance)
{
	bool known = strcmp(which, "none") == 0;

	memset(disk.chance, 0, sizeof(disk.chance));
	for (char *name = strtok(which, ","); name; name = strtok(NULL, ","))
		for (size_t i = 0; i < OPERATIONS; i++)
			if (strcmp(name, operation_names[i]) == 0) {
				disk.why[i] = why;
				disk.chance[i] = chance;
				known = true;
			}
	return known;
}

static bool obey(char **arguments, char *line)
{
	char first[64], second[16];
	int why;
	double chance;
	long seed;

	if (strcmp(line, "mount\n") == 0)
		return disk_mount(arguments[0], arguments[1]);
	if (strcmp(line, "unmount\n") == 0)
		disk_unmount(arguments[1]);
	else if (strcmp(line, "sync\n") == 0)
		keep_all();
	else if (sscanf(line, "fail %63s %d %lf", first, &why, &chance) == 3)
		return set_failures(first, why, chance);
	else if (sscanf(line, "cut %63s %15s %ld", first, second, &seed) == 3) {
		srand48(seed);
		cut_power(strcmp(first, "all") == 0, strcmp(second, "some") == 0);
	} else
		return false;
	return true;
}

static bool serve_commands(char **arguments)
{
	char line[256];

	if (!fgets(line, sizeof(line), stdin))
		return false;
	if (obey(arguments, line))
		printf("ok %lu\n", disk.failed);
	else
		printf("failed: %s", line);
	disk.failed = 0;
	fflush(stdout);
	return true;
}

int main(int count, char **arguments)
{
	struct fuse_buf buffer = {.mem = NULL};

	if (count != 2) {
		fprintf(stderr, "Usage: disk FOLDER\n");
		return 1;
	}
	setvbuf(stdin, NULL, _IONBF, 0);
	disk.root = node_new(ROOT_MODE, NULL);
	for (;;) {
		struct pollfd ready[] = {{.fd = 0, .events = POLLIN}, {.fd = disk.session ? fuse_session_fd(disk.session) : -1, .events = POLLIN}};

		if (poll(ready, 2, -1) < 0 && errno != EINTR)
			break;
		if (ready[0].revents && !serve_commands(arguments))
			break;
		if (!disk.session || !(ready[1].revents & POLLIN))
			continue;
		int got = fuse_session_receive_buf(disk.session, &buffer);
		if (got > 0 && !answered_tmpfile(&buffer))
			fuse_session_process_buf(disk.session, &buffer);
	}
	disk_unmount(arguments[1]);
	return 0;
}
