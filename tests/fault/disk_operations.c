/* The disk's file system. */
#include "disk_operations.h"

#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fuse_lowlevel.h>
#include <linux/fuse.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "disk_nodes.h"

enum { TMPFILE = 51 /* FUSE_TMPFILE of Linux 6.2 */ };
#define FOREVER 86400.0 /* seconds: nobody but the kernel changes anything */

/* An open file's. */
struct handle {
	unsigned failed_syncs; /* that it was told of */
};

static struct fuse_session *session;

/* --- failures ----------------------------------------------------------------------------------------------------- */

enum operation { OPEN, READ, WRITE, SYNC, NAME, OPERATIONS };
static const char *const operation_names[OPERATIONS] = {"open", "read", "write", "sync", "name"};

static struct {
	bool off; /* the power is */
	int why[OPERATIONS];
	double chance[OPERATIONS];
	char *name; /* NULL: of all */
	unsigned long count;
} failures;

void operations_power(bool on)
{
	failures.off = !on;
}

bool operations_fail(char *which, int why, double chance, const char *name)
{
	bool known = strcmp(which, "none") == 0;
	char *rest;

	memset(failures.chance, 0, sizeof(failures.chance));
	for (char *word = strtok_r(which, ",", &rest); word; word = strtok_r(NULL, ",", &rest))
		for (size_t i = 0; i < OPERATIONS; i++)
			if (strcmp(word, operation_names[i]) == 0) {
				failures.why[i] = why;
				failures.chance[i] = chance;
				known = true;
			}
	free(failures.name);
	failures.name = *name ? memory_text(name) : NULL;
	return known;
}

unsigned long operations_failed(void)
{
	unsigned long count = failures.count;

	failures.count = 0;
	return count;
}

/* The errno with which the operation fails on what has this name; 0: it doesn't. */
static int trouble(enum operation operation, const char *name)
{
	if (failures.off)
		return EIO;
	if ((failures.name && strcmp(failures.name, name) != 0) || failures.chance[operation] <= drand48())
		return 0;
	failures.count++;
	return failures.why[operation];
}

static bool refused(fuse_req_t request, enum operation operation, const char *name)
{
	int why = trouble(operation, name);

	if (why)
		fuse_reply_err(request, why);
	return why;
}

/* Memory that programs share (SQLite's -shm) never fails, since on no disk it is needed again. */
static bool data_refused(fuse_req_t request, enum operation operation, const struct node *node)
{
	size_t length = strlen(node->name);
	bool memory = length > 4 && strcmp(node->name + length - 4, "-shm") == 0;

	return !memory && refused(request, operation, node->name);
}

/* --- the file system ---------------------------------------------------------------------------------------------- */

static struct node *node_of(fuse_ino_t number)
{
	return number == FUSE_ROOT_ID ? nodes_root() : (struct node *)number;
}

static void entry_of(struct node *node, struct fuse_entry_param *out)
{
	memset(out, 0, sizeof(*out));
	out->ino = node == nodes_root() ? FUSE_ROOT_ID : (fuse_ino_t)node;
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
	struct handle *handle = memory_new(1, sizeof(*handle));

	handle->failed_syncs = node->failed_syncs;
	return (uint64_t)handle;
}

static void do_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	struct node *node = name_find(node_of(parent), name);

	if (failures.off)
		fuse_reply_err(request, EIO);
	else if (!node)
		fuse_reply_err(request, ENOENT);
	else
		reply_entry(request, node);
}

static void do_getattr(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *file)
{
	(void)file;
	if (failures.off)
		fuse_reply_err(request, EIO);
	else
		fuse_reply_attr(request, &node_of(number)->stat, FOREVER);
}

static void do_setattr(fuse_req_t request, fuse_ino_t number, struct stat *wanted, int what,
                       struct fuse_file_info *file)
{
	struct node *node = node_of(number);
	struct stat *stat = &node->stat;

	(void)file;
	if (refused(request, WRITE, node->name))
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
	const struct bytes *target = &node_of(number)->now;

	fuse_reply_buf(request, target->data, target->length);
}

/* A new node under the name; NULL: the request is answered. */
static struct node *make(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode)
{
	const struct fuse_ctx *who = fuse_req_ctx(request);

	if (refused(request, NAME, name))
		return NULL;
	struct node *node = node_new(mode, who->uid, who->gid);
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
	node_write(node, target, strlen(target), 0);
	node_sync(node); /* it is in the inode */
	reply_entry(request, node);
}

static void do_unlink(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	bool there = name_find(node_of(parent), name);

	if (refused(request, NAME, name))
		return;
	if (there)
		name_remove(node_of(parent), name);
	fuse_reply_err(request, there ? 0 : ENOENT);
}

static void do_rmdir(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	const struct node *node = name_find(node_of(parent), name);

	if (node && node->now_names.count > 0)
		fuse_reply_err(request, ENOTEMPTY);
	else
		do_unlink(request, parent, name);
}

static void do_rename(fuse_req_t request, fuse_ino_t parent, const char *name, fuse_ino_t to, const char *new_name,
                      unsigned flags)
{
	struct node *node = name_find(node_of(parent), name), *there = name_find(node_of(to), new_name);

	if (refused(request, NAME, name))
		return;
	if (!node || flags & ~1U || (there && flags & 1U /* RENAME_NOREPLACE */)) {
		fuse_reply_err(request, !node ? ENOENT : there ? EEXIST : EINVAL);
		return;
	}
	if (there && there->now_names.count > 0) {
		fuse_reply_err(request, ENOTEMPTY);
		return;
	}
	if (there != node) {
		if (there)
			name_remove(node_of(to), new_name);
		name_remove(node_of(parent), name);
		name_add(node_of(to), new_name, node);
	}
	fuse_reply_err(request, 0);
}

static void do_link(fuse_req_t request, fuse_ino_t number, fuse_ino_t parent, const char *name)
{
	if (refused(request, NAME, name))
		return;
	name_add(node_of(parent), name, node_of(number));
	reply_entry(request, node_of(number));
}

static void do_open(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *file)
{
	if (refused(request, OPEN, node_of(number)->name))
		return;
	file->fh = handle_new(node_of(number));
	file->keep_cache = 1;
	fuse_reply_open(request, file);
}

static void do_create(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode,
                      struct fuse_file_info *file)
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
	size_t left = (size_t)at < bytes->length ? bytes->length - (size_t)at : 0;

	(void)file;
	if (data_refused(request, READ, node_of(number)))
		return;
	fuse_reply_buf(request, left ? bytes->data + at : NULL, left < length ? left : length);
}

static void do_write(fuse_req_t request, fuse_ino_t number, const char *data, size_t length, off_t at,
                     struct fuse_file_info *file)
{
	struct node *node = node_of(number);

	(void)file;
	if (data_refused(request, WRITE, node))
		return;
	node_write(node, data, length, (size_t)at);
	fuse_reply_write(request, length);
}

/* Each descriptor that was open when a sync failed is told so once. */
static void do_fsync(fuse_req_t request, fuse_ino_t number, int data_only, struct fuse_file_info *file)
{
	struct node *node = node_of(number);
	struct handle *handle = (struct handle *)file->fh;
	int why = trouble(SYNC, node->name);

	(void)data_only;
	if (why) {
		node_sync_failed(node);
	} else {
		node_sync(node);
		if (handle->failed_syncs != node->failed_syncs)
			why = EIO;
	}
	handle->failed_syncs = node->failed_syncs;
	fuse_reply_err(request, why);
}

static void do_fsyncdir(fuse_req_t request, fuse_ino_t number, int data_only, struct fuse_file_info *file)
{
	(void)data_only;
	(void)file;
	if (refused(request, SYNC, node_of(number)->name))
		return;
	node_sync(node_of(number));
	fuse_reply_err(request, 0);
}

static void do_readdir(fuse_req_t request, fuse_ino_t number, size_t room, off_t at, struct fuse_file_info *file)
{
	const struct names *names = &node_of(number)->now_names;
	char *list = memory_raw(room);
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
	if (!refused(request, READ, node_of(number)->name))
		fuse_reply_buf(request, list, used);
	free(list);
}

static void do_statfs(fuse_req_t request, fuse_ino_t number)
{
	struct statvfs space = {.f_bsize = 4096, .f_frsize = 4096, .f_namemax = 255};

	space.f_blocks = space.f_files = 1 << 20;
	space.f_bfree = space.f_bavail = space.f_ffree = 1 << 19;
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
	out.head.error = -trouble(NAME, "");
	out.head.len = out.head.error ? sizeof(out.head) : sizeof(out);
	if (!out.head.error) {
		struct node *node = node_new(S_IFREG | (wanted->mode & 07777), in->uid, in->gid);
		struct timespec made = node->stat.st_mtim;

		out.entry.nodeid = (uint64_t)node;
		out.entry.entry_valid = out.entry.attr_valid = (uint64_t)FOREVER;
		out.entry.attr.ino = node->stat.st_ino;
		out.entry.attr.mode = node->stat.st_mode;
		out.entry.attr.uid = in->uid;
		out.entry.attr.gid = in->gid;
		out.entry.attr.blksize = (uint32_t)node->stat.st_blksize;
		out.entry.attr.atime = out.entry.attr.mtime = out.entry.attr.ctime = (uint64_t)made.tv_sec;
		out.entry.attr.atimensec = out.entry.attr.mtimensec = out.entry.attr.ctimensec = (uint32_t)made.tv_nsec;
		out.open.fh = handle_new(node);
		out.open.open_flags = FOPEN_KEEP_CACHE;
	}
	if (write(fuse_session_fd(session), &out, out.head.len) < 0 && errno != ENOENT)
		perror("disk: tmpfile");
	return true;
}

/* --- the session -------------------------------------------------------------------------------------------------- */

void operations_unmount(const char *folder)
{
	if (!session)
		return;
	umount2(folder, MNT_DETACH);
	fuse_session_unmount(session);
	fuse_session_destroy(session);
	session = NULL;
}

bool operations_mount(char *program, const char *folder)
{
	char *words[] = {program, "-o", "default_permissions,fsname=disk,subtype=fault"};
	struct fuse_args arguments = FUSE_ARGS_INIT(3, words);

	session = fuse_session_new(&arguments, &operations, sizeof(operations), NULL);
	fuse_opt_free_args(&arguments);
	if (session && fuse_session_mount(session, folder) == 0)
		return true;
	if (session)
		fuse_session_destroy(session);
	session = NULL;
	return false;
}

int operations_fd(void)
{
	return session ? fuse_session_fd(session) : -1;
}

void operations_answer(void)
{
	static struct fuse_buf buffer;
	int got = fuse_session_receive_buf(session, &buffer);

	if (got > 0 && !answered_tmpfile(&buffer))
		fuse_session_process_buf(session, &buffer);
}
