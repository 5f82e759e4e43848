/* Collects an image's bytes before they are stored. */
#include "intake/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"

void spool_init(struct spool *spool, const char *dir, int64_t max)
{
	memset(spool, 0, sizeof(*spool));
	spool->dir = dir;
	spool->max = max;
	spool->fd = -1;
	spool->hash = hash_stream_new("sha256");
	buf_init(&spool->memory, SPOOL_MEMORY_BYTES);
}

void spool_release(struct spool *spool)
{
	hash_stream_free(spool->hash);
	buf_release(&spool->memory);
	if (spool->fd >= 0)
		close(spool->fd);
	spool->hash = NULL;
	spool->fd = -1;
}

void spool_expect(struct spool *spool, int64_t length)
{
	if (length > 0 && length <= SPOOL_MEMORY_BYTES)
		buf_reserve(&spool->memory, (size_t)length);
}

static int write_to_file(int fd, const void *bytes, size_t len, struct err *err)
{
	return file_write(fd, bytes, len) ? err_errno(err, ERR_UNAVAILABLE, "The upload cannot be kept") : 0;
}

/* File systems without unnamed files (NFS, FUSE) get one whose name is removed at once. */
static int unnamed_file(const char *dir)
{
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return fd;
	struct buf path;
	buf_init(&path, 8192);
	buf_printf(&path, "%s/.spool-XXXXXX", dir);
	fd = path.overflow ? -1 : mkostemp(path.data, O_CLOEXEC);
	if (fd >= 0)
		unlink(path.data);
	buf_release(&path);
	return fd;
}

static int to_file(struct spool *spool, struct err *err)
{
	spool->fd = unnamed_file(spool->dir);
	if (spool->fd < 0)
		return err_errno(err, ERR_UNAVAILABLE, "No file for the upload can be made in %s", spool->dir);
	int failed = write_to_file(spool->fd, buf_text(&spool->memory), spool->memory.len, err);
	buf_release(&spool->memory);
	return failed;
}

int spool_write(struct spool *spool, const void *bytes, size_t len, struct err *err)
{
	if ((int64_t)len > spool->max - spool->length)
		return err_set(err, ERR_TOO_LARGE, "The file is larger than %lld bytes", (long long)spool->max);
	hash_stream_update(spool->hash, bytes, len);
	spool->length += (int64_t)len;
	if (spool->fd < 0 && buf_add(&spool->memory, bytes, len) == 0)
		return 0;
	if (spool->fd < 0 && to_file(spool, err))
		return -1;
	return write_to_file(spool->fd, bytes, len, err);
}

ssize_t spool_read(const struct spool *spool, int64_t offset, void *bytes, size_t len, struct err *err)
{
	int64_t left = spool->length - offset;

	if ((int64_t)len > left)
		len = (size_t)left;
	if (spool->fd < 0)
		memcpy(bytes, buf_text(&spool->memory) + offset, len);
	else if (len > 0 && pread(spool->fd, bytes, len, offset) != (ssize_t)len)
		return err_errno(err, ERR_UNAVAILABLE, "The upload cannot be read again");
	return (ssize_t)len;
}

void spool_finish(struct spool *spool)
{
	unsigned char digest[64];

	hash_stream_final(spool->hash, digest);
	spool->hash = NULL;
	memcpy(spool->sha256, digest, sizeof(spool->sha256));
}
