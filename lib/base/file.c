/* Reads whole files with a bound; writes. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK_BYTES = 16 * 1024 };

int file_open(const char *path, struct err *err)
{
	struct stat stat;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* without waiting for a pipe's writer */

	if (fd < 0)
		return err_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_INTERNAL, "%s can't be opened",
		                 path);
	if (fstat(fd, &stat))
		err_errno(err, ERR_INTERNAL, "%s can't be read", path);
	else if (!S_ISREG(stat.st_mode))
		err_set(err, ERR_BAD_REQUEST, "%s is not a regular file", path);
	else
		return fd;
	close(fd);
	return -1;
}

ssize_t file_read_some(int fd, const char *path, void *bytes, size_t len, struct err *err)
{
	ssize_t got;

	do
		got = read(fd, bytes, len);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_errno(err, ERR_INTERNAL, "%s can't be read", path);
	return got;
}

static int file_read_all(int fd, const char *path, size_t max, struct buf *out, struct err *err)
{
	char chunk[CHUNK_BYTES];
	size_t start = out->len;
	ssize_t got;

	while ((got = file_read_some(fd, path, chunk, sizeof(chunk), err)) > 0)
		if ((size_t)got > max - (out->len - start) || buf_add(out, chunk, (size_t)got))
			return err_set(err, ERR_TOO_LARGE, "%s is larger than %zu bytes", path, max);
	return got < 0;
}

int file_read(const char *path, size_t max, struct buf *out, struct err *err)
{
	int fd = file_open(path, err);

	if (fd < 0)
		return -1;
	int failed = file_read_all(fd, path, max, out, err);
	close(fd);
	return failed;
}

int file_give(int fd, int folder)
{
	struct stat owner, made;

	if (geteuid() != 0)
		return 0;
	if (fstat(folder, &owner) || fstat(fd, &made))
		return -1;
	/* Some file systems have a single owner for all files, and refuse to change it. */
	return owner.st_uid == 0 || made.st_uid == owner.st_uid ? 0 : fchown(fd, owner.st_uid, owner.st_gid);
}

int file_sync_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return errno != EACCES;
	int failed = fsync(fd) && errno != EINVAL, why = errno;
	close(fd);
	errno = why;
	return failed;
}

int file_write(int fd, const void *bytes, size_t len)
{
	for (const char *at = bytes; len > 0;) {
		ssize_t written = write(fd, at, len);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -1;
		at += written;
		len -= (size_t)written;
	}
	return 0;
}
