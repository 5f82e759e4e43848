/* Reads an image's bytes, wherever they lie. */
#include <errno.h>
#include <unistd.h>

#include "blob/image_module.h"

int64_t image_source_read(const struct image_source *source, int64_t offset, void *bytes, size_t len)
{
	if (offset < 0 || offset >= source->size)
		return 0;
	if ((uint64_t)(source->size - offset) < len)
		len = (size_t)(source->size - offset);
	if (source->bytes != NULL) {
		memcpy(bytes, source->bytes + offset, len);
		return (int64_t)len;
	}
	size_t got = 0;
	while (got < len) {
		ssize_t n = pread(source->fd, (char *)bytes + got, len - got, offset + (int64_t)got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (int64_t)got;
}
