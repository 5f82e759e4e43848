/* Finds the filepath in an address. */
#include "reference.h"

#include <string.h>

#include "base/text.h"

static const char *behind(const char *address, const char *word)
{
	const char *found = strstr(address, word);

	return found ? found + strlen(word) : NULL;
}

/* Behind the next part of a path. */
static const char *behind_part(const char *path)
{
	const char *end = path ? strchr(path, '/') : NULL;

	return end ? end + 1 : NULL;
}

/* A bucket's keys are not escaped. */
static bool is_key(const char *address)
{
	static const char *const schemes[] = {"s3://", "gs://", "azure-blob://"};

	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
		if (strncmp(address, schemes[i], strlen(schemes[i])) == 0)
			return true;
	}
	return false;
}

static int reference_unescape(const char *path, const char *ends, struct buf *out)
{
	return path ? text_percent_decode(path, strcspn(path, ends), false, out) : -1;
}

static int reference_whole(const char *address, struct buf *out)
{
	const char *rest = behind(address, "://");

	if (!rest)
		return buf_str(out, address);
	rest = behind_part(rest);
	if (!rest || !is_key(address))
		return reference_unescape(rest, "?#", out);
	return buf_str(out, rest);
}

/* The name of an upload has eight hexadecimal digits and a hyphen before it. */
static int reference_upload(const char *address, struct buf *out)
{
	const char *name = behind(address, "/data/upload/"), *next = name;

	while ((next = behind_part(next)))
		name = next;
	if (name && strspn(name, "0123456789abcdef") == 8 && name[8] == '-')
		name += 9;
	return reference_unescape(name, "?#", out);
}

int reference_filepath(const char *address, enum reference reference, struct buf *out)
{
	buf_clear(out);
	switch (reference) {
	case REFERENCE_WHOLE:
		return reference_whole(address, out);
	case REFERENCE_IMAGES:
		return is_key(address) ? -1 : reference_unescape(behind_part(behind(address, "/images/")), "?#", out);
	case REFERENCE_BY_ID:
		return reference_unescape(behind(address, "/image#"), "", out);
	case REFERENCE_LOCAL:
		return reference_unescape(behind(address, "/data/local-files/?d="), "&#", out);
	case REFERENCE_UPLOAD:
		return reference_upload(address, out);
	default:
		return -1;
	}
}

/* Whether the first len bytes of path are the last parts of the folder. */
static bool is_end_of(const char *path, size_t len, const char *folder)
{
	size_t all = strlen(folder);

	return len > 0 && len < all && folder[all - len - 1] == '/' && strncmp(folder + all - len, path, len) == 0;
}

const char *reference_within(const char *filepath, const char *folder)
{
	const char *within = NULL, *path = filepath + (filepath[0] == '/');

	for (const char *end = strchr(path, '/'); end; end = strchr(end + 1, '/')) {
		if (is_end_of(path, (size_t)(end - path), folder))
			within = end + 1;
	}
	return within;
}
