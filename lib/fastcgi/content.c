/* Identifies the content of a sample's image. */
#include "fastcgi/content.h"

#include <sys/stat.h>

#include "base/text.h"

enum { GRAIN_US = 20 * 1000 }; /* two ticks of the slowest kernel clock (100 Hz) that stamps files */

static void content_add_number(struct hash_stream *stream, int64_t number)
{
	hash_stream_update(stream, &number, sizeof(number));
}

static void version_of(const struct dataset_place *place, const struct sample *sample, const struct located_id *id,
                       char out[CONTENT_VERSION_MAX])
{
	struct hash_stream *stream = hash_stream_new("sha256");
	unsigned char digest[64];

	hash_stream_text(stream, place->uuid);
	if (sample->blob_key[0]) {
		hash_stream_text(stream, sample->sha256[0] ? "sha256" : "key");
		hash_stream_text(stream, sample->sha256[0] ? sample->sha256 : sample->blob_key);
	} else {
		hash_stream_text(stream, "file");
		hash_stream_text(stream, sample->filepath);
		content_add_number(stream, id->inode);
		content_add_number(stream, id->bytes);
		content_add_number(stream, id->modified_ns);
		content_add_number(stream, id->changed_ns);
	}
	hash_stream_final(stream, digest);
	hash_hex(digest, (CONTENT_VERSION_MAX - 1) / 2, out);
}

void content_version(const struct dataset_place *place, const struct sample *sample, const struct located *file,
                     char out[CONTENT_VERSION_MAX])
{
	version_of(place, sample, &file->id, out);
}

void content_version_told(const struct dataset_place *place, const struct sample *sample, char out[CONTENT_VERSION_MAX])
{
	struct located_id id = {.inode = 0};
	struct stat st;
	char path[PATH_MAX];

	out[0] = '\0';
	if (!sample->blob_key[0]) {
		int len = sample->filepath[0] == '/' ? snprintf(path, sizeof(path), "%s", sample->filepath)
		                                     : snprintf(path, sizeof(path), "%s/%s", place->base_dir, sample->filepath);

		if (len < 0 || (size_t)len >= sizeof(path) || stat(path, &st) || !S_ISREG(st.st_mode))
			return;
		located_id_of(&st, &id);
	}
	version_of(place, sample, &id, out);
}

bool content_is_settled(const struct sample *sample, const struct located *file)
{
	int64_t age = text_now() - file->id.changed_ns / 1000;

	return sample->blob_key[0] || age < 0 || age > GRAIN_US; /* below 0: stamped by another machine's clock */
}
