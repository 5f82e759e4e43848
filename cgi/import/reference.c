/* Finds the filepath in an address. */
#include "reference.h"

#include <string.h>

#include "base/text.h"

static const char *behind_dataset(const char *path)
{
	const char *start = strstr(path, "/images/"), *end = start ? strchr(start + strlen("/images/"), '/') : NULL;

	return end ? end + 1 : NULL;
}

int reference_filepath(const char *reference, bool of_images, struct buf *out)
{
	bool is_key = strncmp(reference, "s3://", strlen("s3://")) == 0; /* not escaped, and never this server's */
	const char *host = strstr(reference, "://"), *path = host ? strchr(host + strlen("://"), '/') : reference;

	buf_clear(out);
	if (path && of_images)
		path = is_key ? NULL : behind_dataset(path);
	else if (path && host)
		path++;
	if (!path)
		return -1;
	if ((!host && !of_images) || is_key)
		return buf_str(out, path);
	return text_percent_decode(path, strcspn(path, "?#"), false, out);
}
