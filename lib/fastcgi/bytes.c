/* Reads images from files and from the image store, and hashes them. */
#include "fastcgi/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

enum { PIECE_BYTES = 256 * 1024, SETTLED_US = 20 * 1000 /* as in content.c */ };

static int bytes_open_file(struct bytes *bytes, const struct located *file, struct err *err)
{
	struct stat st;

	bytes->fd = open(file->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (bytes->fd < 0 && errno != ENOENT && errno != ELOOP)
		return err_errno(err, ERR_UNAVAILABLE, "The image file cannot be opened");
	if (bytes->fd < 0)
		return err_set(err, ERR_NOT_FOUND, "Image file not found");
	if (fstat(bytes->fd, &st) || !S_ISREG(st.st_mode)) {
		bytes_close(bytes);
		return err_set(err, ERR_NOT_FOUND, "Image file not found");
	}
	bytes->size = st.st_size;
	bytes->modified_ns = bytes->sample->blob_key[0] ? 0 : clock_ns_of(st.st_mtim);
	return 0;
}

/* For images that the older collecting system stored, only the store knows the size. */
static int find_size(struct bytes *bytes, struct err *err)
{
	struct blob_info info;

	if (bytes->size > 0)
		return 0;
	if (blob_stat(bytes->images.blobs, bytes->sample->blob_key, &info, err))
		return err->code == ERR_NOT_FOUND ? err_set(err, ERR_NOT_FOUND, "Image file not found") : -1;
	bytes->size = info.bytes;
	return 0;
}

int bytes_open(struct bytes *bytes, const struct images *images, const struct sample *sample, struct err *err)
{
	struct located file;

	*bytes = (struct bytes){.images = *images, .sample = sample, .fd = -1};
	if (images_locate(images, sample, &file, err))
		return -1;
	bytes->type = file.type;
	bytes->size = file.bytes;
	return file.path[0] ? bytes_open_file(bytes, &file, err) : find_size(bytes, err);
}

ssize_t bytes_read(struct bytes *bytes, int64_t offset, void *out, size_t len, struct err *err)
{
	size_t from_store;
	ssize_t got;

	if (bytes->fd < 0) {
		struct ahead *ahead = bytes->images.ahead;

		if (ahead && ahead_read(ahead, bytes->sample->id, offset, out, len, &from_store))
			return (ssize_t)from_store;
		if (blob_read(bytes->images.blobs, bytes->sample->blob_key, offset, out, len, &from_store, err))
			return -1;
		return (ssize_t)from_store;
	}
	do
		got = pread(bytes->fd, out, len, offset);
	while (got < 0 && errno == EINTR);
	return got < 0 ? err_errno(err, ERR_UNAVAILABLE, "The image file cannot be read") : got;
}

void bytes_close(struct bytes *bytes)
{
	if (bytes->fd >= 0)
		close(bytes->fd);
	bytes->fd = -1;
}

/* --- digests ------------------------------------------------------------------------------------------------------ */

void digests_init(struct digests *digests, const struct images *images)
{
	digests->images = *images;
	digests->count = 0;
}

static void digests_set(char out[HASH_SHA256_HEX], const char *sha256)
{
	snprintf(out, HASH_SHA256_HEX, "%s", strlen(sha256) == HASH_SHA256_HEX - 1 ? sha256 : "");
}

int digests_known(const struct digests *digests, const struct sample *sample, char out[HASH_SHA256_HEX],
                  struct err *err)
{
	struct located_id now;

	digests_set(out, sample->sha256);
	if (!out[0] && sample->blob_key[0])
		digests_set(out, sample->file_sha256); /* bytes in the store never change */
	if (out[0] || sample->blob_key[0])
		return 0;
	enum locate_glance glance = locate_glance(digests->images.place->base_dir, sample->filepath, &now);
	if (glance == LOCATE_GONE)
		return err_set(err, ERR_NOT_FOUND, "Image file not found");
	if (glance == LOCATE_THERE && now.bytes == sample->file_bytes && now.modified_ns == sample->file_modified_ns)
		digests_set(out, sample->file_sha256);
	return 0;
}

void digests_keep(struct digests *digests)
{
	struct err err;

	if (digests->count > 0 && dataset_set_contents(digests->images.dataset, digests->held, digests->count, &err))
		log_write(LOG_WARN, "digests of images could not be kept", "error", err.text, NULL);
	digests->count = 0;
}

void digests_add(struct digests *digests, const struct bytes *bytes, const char sha256[HASH_SHA256_HEX])
{
	if (bytes->modified_ns / 1000 > text_now() - SETTLED_US)
		return; /* it may change again, and look the same */
	struct dataset_content *content = &digests->held[digests->count++];

	*content = (struct dataset_content){
		.id = bytes->sample->id, .bytes = bytes->size, .modified_ns = bytes->modified_ns};
	snprintf(content->sha256, sizeof(content->sha256), "%s", sha256);
	if (digests->count == DIGESTS_HELD)
		digests_keep(digests);
}

static int hash_bytes(struct bytes *bytes, char out[HASH_SHA256_HEX], struct err *err)
{
	struct hash_stream *stream = hash_stream_new("sha256");
	unsigned char digest[64];
	char *piece = memory_raw(PIECE_BYTES);
	int64_t at = 0;
	ssize_t got = 0;

	if (!stream)
		abort();
	while (at < bytes->size && (got = bytes_read(bytes, at, piece, PIECE_BYTES, err)) > 0) {
		hash_stream_update(stream, piece, (size_t)got);
		at += got;
	}
	hash_hex(digest, hash_stream_final(stream, digest), out);
	free(piece);
	if (got < 0)
		return -1;
	return at == bytes->size ? 0 : err_set(err, ERR_UNAVAILABLE, "The image changed while it was read");
}

int digests_of(struct digests *digests, const struct sample *sample, char out[HASH_SHA256_HEX], struct err *err)
{
	struct bytes bytes;

	if (digests_known(digests, sample, out, err))
		return -1;
	if (out[0])
		return 0;
	if (bytes_open(&bytes, &digests->images, sample, err))
		return -1;
	int failed = hash_bytes(&bytes, out, err);
	if (!failed)
		digests_add(digests, &bytes, out);
	bytes_close(&bytes);
	return failed;
}
