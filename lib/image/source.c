/* Reads an image's bytes from memory or from a file. */
#include <errno.h>
#include <unistd.h>

#include "image/module.h"

static int64_t source_read_bytes(const struct image_source *source, int64_t offset, void *bytes, size_t len)
{
	if (offset < 0 || offset >= source->size)
		return 0;
	if ((uint64_t)(source->size - offset) < len)
		len = (size_t)(source->size - offset);
	if (source->bytes) {
		memcpy(bytes, source->bytes + source->from + offset, len);
		return (int64_t)len;
	}
	size_t got = 0;
	while (got < len) {
		ssize_t n = pread(source->fd, (char *)bytes + got, len - got, source->from + offset + (int64_t)got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			if (source->trouble)
				*source->trouble = errno;
			return -1;
		}
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (int64_t)got;
}

int64_t image_source_read(const struct image_source *source, int64_t offset, void *bytes, size_t len)
{
	int64_t got = source_read_bytes(source, offset, bytes, len);
	for (size_t i = 0; i < sizeof(source->patch) / sizeof(source->patch[0]); i++) {
		const struct image_patch *patch = &source->patch[i];
		for (size_t j = 0; j < patch->len; j++) {
			int64_t at = patch->at + (int64_t)j - offset;
			if (at >= 0 && at < got)
				((unsigned char *)bytes)[at] = patch->bytes[j];
		}
	}
	return got;
}
