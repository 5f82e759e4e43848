/* Finds where shards begin, and stores that in notes of the dataset. */
#include "shards.h"

#include <stdlib.h>

#include "base/text.h"
#include "fastcgi/bytes.h"

enum { KEY_MAX = 40, MEMBERS_BYTES = 2560, PAGE = 1000 };

static const char *shards_note(int64_t number, char out[KEY_MAX])
{
	snprintf(out, KEY_MAX, "webdataset.%lld", (long long)number);
	return out;
}

/* *from is -1 when it is not known. */
static int shards_read(const struct images *images, int64_t number, int64_t *from, struct err *err)
{
	char key[KEY_MAX], *value = NULL;

	*from = -1;
	if (dataset_note_get(images->dataset, shards_note(number, key), &value, err))
		return -1;
	int failed = value && text_int64(value, 0, INT64_MAX - 1, from);
	free(value);
	return failed ? err_set(err, ERR_INTERNAL, "The note %s of the dataset is no number", key) : 0;
}

static int shards_keep(const struct images *images, int64_t number, int64_t from, struct err *err)
{
	char key[KEY_MAX], value[KEY_MAX];

	snprintf(value, sizeof(value), "%lld", (long long)from);
	return dataset_note_set(images->dataset, shards_note(number, key), value, err);
}

/* The bytes that a sample takes; next to nothing if its image is missing. */
static int shards_weigh(const struct images *images, const struct sample *sample, int64_t *bytes, struct err *err)
{
	struct bytes image;

	*bytes = sample->bytes > 0 ? sample->bytes : sample->file_bytes;
	if (*bytes == 0 && bytes_open(&image, images, sample, err)) {
		if (err->code != ERR_NOT_FOUND)
			return -1;
	} else if (*bytes == 0) {
		*bytes = image.size;
		bytes_close(&image);
	}
	*bytes += MEMBERS_BYTES;
	return 0;
}

/* The id of the first sample for which the shard beginning at `from` has no room; -1: it has room for all. */
static int shards_next(const struct images *images, int64_t from, int64_t *next, struct err *err)
{
	int64_t total = 0, after = from - 1, bytes;
	size_t count = PAGE;
	int failed = 0;

	*next = -1;
	while (!failed && *next < 0 && count == PAGE) {
		struct sample *page;

		if (dataset_samples(images->dataset, NULL, after, PAGE, &page, &count, err))
			return -1;
		for (size_t i = 0; i < count; i++) {
			if (!failed && *next < 0 && !(failed = shards_weigh(images, &page[i], &bytes, err))) {
				if (total > 0 && total + bytes > SHARD_BYTES)
					*next = page[i].id;
				total += bytes;
				after = page[i].id;
			}
			sample_release(&page[i]);
		}
		free(page);
	}
	return failed;
}

/* Where the shard after the one beginning at `from` begins; -1: there is none. */
static int shards_follow(const struct images *images, int64_t number, int64_t from, int64_t *next, struct err *err)
{
	if (shards_read(images, number, next, err))
		return -1;
	if (*next >= 0)
		return 0;
	return shards_next(images, from, next, err) || (*next >= 0 && shards_keep(images, number, *next, err));
}

int shards_step(const struct images *images, int64_t number, struct shard *shard, struct err *err)
{
	int64_t from = number == 0 ? 0 : shard->to, next;

	if (shards_follow(images, number + 1, from, &next, err))
		return -1;
	*shard = (struct shard){.from = from, .to = next < 0 ? INT64_MAX : next};
	return 0;
}

int shards_find(const struct images *images, int64_t number, struct shard *out, struct err *err)
{
	/* The first that is not there ends it, however large the number is that is asked for. */
	for (int64_t at = 0; at <= number; at++) {
		if (at > 0 && out->to == INT64_MAX)
			return err_set(err, ERR_NOT_FOUND, "The dataset has no shard %06lld", (long long)number);
		if (shards_step(images, at, out, err))
			return -1;
	}
	return 0;
}
