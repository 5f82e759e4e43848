/* Finds the file of a sample that lies in a dataset's base_dir, and refuses what lies outside. */
#include "blob/locate.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/image_type.h"

enum { ATTEMPTS = 5 }; /* looks at a file that others rename or replace meanwhile */

static int locate_not_found(struct err *err)
{
	return err_set(err, ERR_NOT_FOUND, "Image file not found");
}

/* Whether the error is about the file itself, not about this moment, this program or its machine. */
static bool is_proof(int error)
{
	return error == ENOENT || error == ENOTDIR || error == EACCES || error == ELOOP || error == ENAMETOOLONG ||
	       error == EXDEV /* it lies outside base_dir */;
}

/* Whether `path` is `root` or lies below it; both are real paths. */
static bool locate_lies_in(const char *path, const char *root)
{
	size_t len = strlen(root);
	if (len == 1 && root[0] == '/')
		return true;
	return strncmp(path, root, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static bool lies_in_real(struct located *located, const char *folder)
{
	char real[PATH_MAX];
	if (!realpath(folder, real) || !locate_lies_in(located->path, real))
		return false;
	located->root = real[1] ? strlen(real) : 0;
	return true;
}

static bool is_allowed(struct located *located, const char *base_dir, const struct config_list *roots)
{
	if (lies_in_real(located, base_dir))
		return true;
	for (size_t i = 0; roots && i < roots->count; i++)
		if (roots->item[i][0] == '/' && lies_in_real(located, roots->item[i]))
			return true;
	return false;
}

/* The path of an open file or folder, as the kernel knows it. Returns its length, -1 when it is too long or has
 * none. */
static ssize_t locate_path(int fd, char out[PATH_MAX])
{
	char link[64];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t len = readlink(link, out, PATH_MAX - 1);
	if (len <= 0 || len >= PATH_MAX - 1 || out[0] != '/')
		return -1;
	out[len] = '\0';
	return len;
}

/* Opens filepath as an O_PATH descriptor; the kernel resolves it without ever leaving base_dir. *root gets
 * base_dir's own real path. Fails with errno EXDEV when it would leave. O_PATH, because opening a device or a FIFO
 * for reading has effects. */
static int open_beneath(int base, const char *filepath, char root[PATH_MAX])
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	int fd = -1;
	for (int i = 0; i < ATTEMPTS; i++) {
		fd = (int)syscall(SYS_openat2, base, filepath, &how, sizeof(how));
		/* EAGAIN: something moved while `..` was followed */
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	int saved = errno;
	if (fd >= 0 && locate_path(base, root) < 0)
		root[0] = '\0';
	errno = saved;
	return fd;
}

/* Non-zero when it is too long (errno ENAMETOOLONG). */
static int join_anywhere(const char *base_dir, const char *filepath, char out[2 * PATH_MAX])
{
	int len = filepath[0] == '/' ? snprintf(out, 2 * PATH_MAX, "%s", filepath)
	                             : snprintf(out, 2 * PATH_MAX, "%s/%s", base_dir, filepath);

	errno = ENAMETOOLONG;
	return len < 0 || len >= 2 * PATH_MAX;
}

/* Opens filepath as an O_PATH descriptor wherever it lies; the caller checks where that is. */
static int open_anywhere(const char *base_dir, const char *filepath)
{
	char joined[2 * PATH_MAX];

	return join_anywhere(base_dir, filepath, joined) ? -1 : open(joined, O_PATH | O_CLOEXEC);
}

enum locate_glance locate_glance(const char *base_dir, const char *filepath, struct located_id *out)
{
	char joined[2 * PATH_MAX];
	struct stat st;

	if (join_anywhere(base_dir, filepath, joined))
		return LOCATE_UNSURE;
	if (stat(joined, &st) == 0) {
		located_id_of(&st, out);
		return S_ISREG(st.st_mode) ? LOCATE_THERE : LOCATE_UNSURE;
	}
	if (errno != ENOENT && errno != ENOTDIR)
		return LOCATE_UNSURE;
	return stat(base_dir, &st) == 0 && S_ISDIR(st.st_mode) ? LOCATE_GONE : LOCATE_UNSURE; /* a disk may be missing */
}

/* The present path of the descriptor's file; non-zero when it has none any more (errno ESTALE). */
static int locate_real_path(int fd, const struct stat *st, char out[PATH_MAX])
{
	if (locate_path(fd, out) < 0)
		return -1;

	/* For a file that was removed or replaced the kernel says "PATH (deleted)", which may also be a real name: what
	 * lies there now shows which. */
	static const char deleted[] = " (deleted)";
	size_t len = strlen(out);
	if (len < sizeof(deleted) || strcmp(out + len - (sizeof(deleted) - 1), deleted) != 0)
		return 0;
	struct stat there;
	if (lstat(out, &there) == 0 && there.st_dev == st->st_dev && there.st_ino == st->st_ino)
		return 0;
	errno = ESTALE;
	return -1;
}

void located_id_of(const struct stat *st, struct located_id *out)
{
	*out = (struct located_id){.inode = (int64_t)st->st_ino,
	                           .bytes = st->st_size,
	                           .modified_ns = clock_ns_of(st->st_mtim),
	                           .changed_ns = clock_ns_of(st->st_ctim)};
}

/* Fills in what kind of file it is. */
static int locate_describe(int fd, const struct stat *st, struct located *out)
{
	unsigned char magic[IMAGE_TYPE_MAGIC_BYTES];
	ssize_t len = pread(fd, magic, sizeof(magic), 0);
	if (len < 0)
		return -1;
	const struct image_type *type = image_type_sniff(magic, (size_t)len);
	if (!type)
		type = image_type_by_name(out->path);
	out->type = type ? type->media : "application/octet-stream";
	out->bytes = st->st_size;
	located_id_of(st, &out->id);
	return 0;
}

/* Opens the file again, since an O_PATH descriptor cannot be read. */
static int describe_path(int path_fd, const struct stat *st, struct located *out)
{
	char link[64];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", path_fd);
	int fd = open(link, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -1;
	int result = locate_describe(fd, st, out);
	close(fd);
	return result;
}

/* Whether a path has ".." in it. */
static bool goes_up(const char *path)
{
	for (const char *dots = path; (dots = strstr(dots, "..")); dots += 2)
		if ((dots == path || dots[-1] == '/') && (dots[2] == '/' || dots[2] == '\0'))
			return true;
	return false;
}

/* Joins base_dir and filepath, dropping filepath's "." and "//". Non-zero when the path is too long. */
static int locate_join(const char *base_dir, const char *filepath, struct located *out)
{
	size_t len = strlen(base_dir);
	while (len > 0 && base_dir[len - 1] == '/')
		len--;
	out->root = len;
	if (len + 1 + strlen(filepath) >= sizeof(out->path))
		return -1;
	memcpy(out->path, base_dir, len);
	for (const char *part = filepath; *part;) {
		size_t size = strcspn(part, "/");
		if (size > 0 && !(size == 1 && *part == '.')) {
			out->path[len++] = '/';
			memcpy(out->path + len, part, size);
			len += size;
		}
		part += size + (part[size] == '/');
	}
	out->path[len] = '\0';
	return 0;
}

/* Opens a regular file for reading, following no symlink. */
static int open_straight(const char *base_dir, const char *filepath, struct stat *st)
{
	struct open_how how = {
		.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	int base = open(base_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (base < 0)
		return -1;
	/* Does not even open a device or a FIFO, since that has effects. */
	int fd = fstatat(base, filepath, st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st->st_mode)
	                 ? (int)syscall(SYS_openat2, base, filepath, &how, sizeof(how))
	                 : -1;
	close(base);
	if (fd >= 0 && (fstat(fd, st) != 0 || !S_ISREG(st->st_mode))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The common case, at a third of the cost: no symlink and no ".." on the way. -1: look again in the general way. */
static int look_straight(const char *base_dir, const char *filepath, struct located *out)
{
	struct stat st;
	if (filepath[0] == '/' || goes_up(filepath) || goes_up(base_dir) || locate_join(base_dir, filepath, out) != 0)
		return -1;
	int fd = open_straight(base_dir, filepath, &st);
	if (fd < 0)
		return -1;
	int result = locate_describe(fd, &st, out);
	close(fd);
	return result;
}

/* Looks once; non-zero with errno (ESTALE: look again). */
static int locate_look(const char *base_dir, int base, const char *filepath, const struct config_list *roots,
                       struct located *out)
{
	char root[PATH_MAX];
	bool beneath = true;
	int fd = open_beneath(base, filepath, root);
	/* EXDEV: it leaves base_dir. ENOSYS, EPERM: a kernel or a container without openat2. */
	if (fd < 0 && (errno == EXDEV || errno == ENOSYS || errno == EPERM || errno == EAGAIN)) {
		beneath = false;
		fd = open_anywhere(base_dir, filepath);
	}
	if (fd < 0)
		return -1;

	int result = -1;
	struct stat st;
	errno = ENOENT;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && locate_real_path(fd, &st, out->path) == 0) {
		out->root = beneath && root[0] && root[1] && locate_lies_in(out->path, root) ? strlen(root) : 0;
		if (beneath || is_allowed(out, base_dir, roots))
			result = describe_path(fd, &st, out);
		else
			errno = EXDEV;
	}
	int saved = errno;
	close(fd);
	errno = saved;
	return result;
}

/* Opens base_dir, so that it stays the same while the file is looked for; fails when it cannot be opened or
 * searched. */
static int open_base(const char *base_dir, struct err *err)
{
	int base = open(base_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (base >= 0 && faccessat(base, ".", X_OK, AT_EACCESS) == 0)
		return base;
	err_errno(err, ERR_UNAVAILABLE, "The dataset's folder %s cannot be opened", base_dir);
	if (base >= 0)
		close(base);
	return -1;
}

int locate_file(const char *base_dir, const char *filepath, const struct config_list *roots,
                struct located *out, struct err *err)
{
	if (!base_dir || base_dir[0] != '/' || !filepath || filepath[0] == '\0')
		return locate_not_found(err);
	if (look_straight(base_dir, filepath, out) == 0)
		return 0;
	int base = open_base(base_dir, err);
	if (base < 0)
		return -1;
	int failed = -1;
	for (int i = 0; i < ATTEMPTS && failed; i++) {
		failed = locate_look(base_dir, base, filepath, roots, out);
		if (failed && errno != ESTALE)
			break;
	}
	int why = errno;
	close(base);
	if (!failed)
		return 0;
	errno = why;
	return is_proof(why) ? locate_not_found(err) : err_errno(err, ERR_UNAVAILABLE, "The image file cannot be opened");
}
