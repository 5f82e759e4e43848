/* Finds the folder that holds a sample's file, without leaving base_dir, and removes the file from it. */
#include "blob/discard.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "blob/locate.h"

/* A file in its folder. */
struct discard {
	int folder;     /* -1: it is not there, or lies outside */
	bool outside;   /* the folder lies outside base_dir */
	char *path;     /* of the folder below base_dir, or absolute; */
	char *name;     /* of the file in it */
	struct stat st; /* of the file or link */
};

static void discard_end(struct discard *discard)
{
	if (discard->folder >= 0)
		close(discard->folder);
	free(discard->path);
	free(discard->name);
}

static bool discard_lies_in(const char *path, const char *root)
{
	size_t len = strcmp(root, "/") == 0 ? 0 : strlen(root);

	return strncmp(path, root, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* A folder that the kernel does not reach from base_dir alone (an absolute path or symlink, a kernel without openat2)
 * may lie in base_dir all the same. */
static int open_resolved(const char *base_dir, struct discard *discard)
{
	char real[PATH_MAX], base[PATH_MAX];
	char *joined = discard->path[0] == '/' ? memory_text(discard->path) : memory_format("%s/%s", base_dir, discard->path);
	bool there = realpath(joined, real) && realpath(base_dir, base);

	free(joined);
	if (!there)
		return -1;
	discard->outside = !discard_lies_in(real, base);
	if (discard->outside) {
		errno = EXDEV;
		return -1;
	}
	const struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, real, &how, sizeof(how));
	return fd < 0 && (errno == ENOSYS || errno == EPERM) ? open(real, O_PATH | O_DIRECTORY | O_CLOEXEC) : fd;
}

static void open_folder(const char *base_dir, int base, struct discard *discard)
{
	const struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
	                             .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};

	discard->folder = (int)syscall(SYS_openat2, base, discard->path, &how, sizeof(how));
	if (discard->folder < 0 && (errno == EXDEV || errno == ENOSYS || errno == EPERM || errno == EAGAIN))
		discard->folder = open_resolved(base_dir, discard);
}

static bool is_absence(int error)
{
	return error == ENOENT || error == ENOTDIR || error == ELOOP || error == ENAMETOOLONG || error == EXDEV;
}

/* Keeps the folder only where it holds the file. */
static int look_in_folder(struct discard *discard, struct err *err)
{
	int why = errno;

	if (discard->folder >= 0 && fstatat(discard->folder, discard->name, &discard->st, AT_SYMLINK_NOFOLLOW)) {
		why = errno;
		close(discard->folder);
		discard->folder = -1;
	} else if (discard->folder >= 0 && !S_ISREG(discard->st.st_mode) && !S_ISLNK(discard->st.st_mode)) {
		close(discard->folder);
		discard->folder = -1;
		return 0;
	}
	if (discard->folder >= 0 || is_absence(why))
		return 0;
	errno = why;
	return err_errno(err, ERR_UNAVAILABLE, "The image file cannot be looked for");
}

static int discard_begin(const char *base_dir, const char *filepath, struct discard *out, struct err *err)
{
	const char *slash = strrchr(filepath, '/');

	*out = (struct discard){.folder = -1};
	if (base_dir[0] != '/')
		return 0;
	int base = open(base_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (base < 0)
		return err_errno(err, ERR_UNAVAILABLE, "The dataset's folder %s cannot be opened", base_dir);
	out->name = memory_text(slash ? slash + 1 : filepath);
	out->path = !slash ? memory_text(".") : memory_text_part(filepath, slash == filepath ? 1 : (size_t)(slash - filepath));
	if (out->name[0]) {
		open_folder(base_dir, base, out);
		close(base);
		return look_in_folder(out, err);
	}
	close(base);
	return 0;
}

/* Whether the kernel would let this program remove the file: the folder's permissions, its sticky bit, and a file that
 * may not be changed (chattr +i, +a). Sets errno if not. */
static bool may_remove(const struct discard *discard)
{
	struct statx file;
	struct stat folder;
	uid_t self = geteuid();

	if (faccessat(discard->folder, ".", W_OK | X_OK, AT_EACCESS))
		return false;
	errno = EPERM;
	if (fstat(discard->folder, &folder) == 0 && (folder.st_mode & S_ISVTX) && self != 0 && self != folder.st_uid &&
	    self != discard->st.st_uid)
		return false;
	return statx(discard->folder, discard->name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &file) ||
	       !(file.stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND));
}

static int check_outside(const char *base_dir, const char *filepath, const struct config_list *roots, struct err *err)
{
	struct located file;
	struct err ignored;

	return locate_file(base_dir, filepath, roots, &file, &ignored)
	               ? 0
	               : err_set(err, ERR_CONFLICT,
	                         "The image lies outside the dataset's folder, at %s, where the server removes nothing: "
	                         "remove it there, and try again",
	                         file.path);
}

int discard_check(const char *base_dir, const char *filepath, const struct config_list *roots, struct err *err)
{
	struct discard discard;
	int failed = discard_begin(base_dir, filepath, &discard, err);

	if (!failed && discard.outside)
		failed = check_outside(base_dir, filepath, roots, err);
	if (!failed && discard.folder >= 0 && !may_remove(&discard)) {
		const char *why = strerror(errno);

		failed = err_set(err, ERR_CONFLICT,
		                 "The server may not remove %s from %s%s%s (%s): let the user that it runs as write that folder, or "
		                 "remove the file yourself, and try again",
		                 discard.name, discard.path[0] == '/' ? "" : base_dir, discard.path[0] == '/' ? "" : "/",
		                 discard.path, why);
	}
	discard_end(&discard);
	return failed;
}

static int sync_folder_of(int folder)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", folder);
	return file_sync_folder(path);
}

int discard_file(const char *base_dir, const char *filepath, struct err *err)
{
	struct discard discard;
	int failed = discard_begin(base_dir, filepath, &discard, err);

	if (!failed && discard.folder >= 0) {
		if ((unlinkat(discard.folder, discard.name, 0) && errno != ENOENT) || sync_folder_of(discard.folder))
			failed = err_errno(err, ERR_UNAVAILABLE, "The image file cannot be removed");
	}
	discard_end(&discard);
	return failed;
}
