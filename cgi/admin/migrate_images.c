/* Copies and looks for the images of a dataset that moves, several at once. */
#include "migrate_images.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/memory.h"
#include "intake/spool.h"
#include "dataset/move.h"

enum { PIECE = 1024 * 1024, LINE_MAX_BYTES = 2048 };

struct page {
	struct migrate_images *images;
	const struct dataset_record *records;
	size_t count;
	bool look;
	pthread_mutex_t mutex; /* protects the fields below, and the counts of images */
	size_t next;
	bool failed;
	struct err err;
};

/* --- one image ---------------------------------------------------------------------------------------------------- */

/* ERR_UNPROCESSABLE: the image is not what the dataset says; about an adopted image it says nothing. */
static int check_spool(const struct spool *spool, const struct sample *sample, struct err *err)
{
	char sha256[HASH_SHA256_HEX];

	hash_hex(spool->sha256, sizeof(spool->sha256), sha256);
	if (sample->bytes > 0 && spool->length != sample->bytes)
		return err_set(err, ERR_UNPROCESSABLE, "it has %lld bytes in the source, and should have %lld",
		               (long long)spool->length, (long long)sample->bytes);
	if (sample->sha256[0] && strcmp(sha256, sample->sha256) != 0)
		return err_set(err, ERR_UNPROCESSABLE, "its bytes in the source are not those that were uploaded");
	return 0;
}

static int fetch(struct blob_store *from, const struct sample *sample, struct spool *spool, struct err *err)
{
	size_t room = sample->bytes > 0 && sample->bytes < PIECE ? (size_t)sample->bytes + 1 : PIECE, got = room;
	char *piece = memory_raw(room);
	int failed = 0;

	while (!failed && got == room && (sample->bytes == 0 || spool->length <= sample->bytes)) {
		failed = blob_read(from, sample->blob_key, spool->length, piece, room, &got, err);
		if (!failed)
			failed = spool_write(spool, piece, got, err);
	}
	free(piece);
	spool_finish(spool);
	return failed || check_spool(spool, sample, err);
}

static int migrate_images_copy(const struct migrate_images *images, const struct sample *sample, struct err *err)
{
	struct spool spool;

	spool_init(&spool, images->spool_dir, INT64_MAX);
	int failed = fetch(images->from, sample, &spool, err);
	if (!failed && images->to) {
		struct blob_put put = {.key = sample->blob_key,
		                       .type = sample->type,
		                       .public_read = images->public_read,
		                       .sha256 = spool.sha256,
		                       .length = spool.length,
		                       .bytes = spool.fd < 0 ? buf_text(&spool.memory) : NULL,
		                       .fd = spool.fd,
		                       .handover = true};
		failed = blob_put(images->to, &put, err);
		if (failed && err->code == ERR_NOT_FOUND) /* about the bucket: not this image's fault */
			err->code = ERR_UPSTREAM;
	}
	spool_release(&spool);
	return failed;
}

/* Whether the destination has the image as it should be. */
static int look_there(const struct migrate_images *images, const struct sample *sample, bool *there, struct err *err)
{
	struct blob_info info;

	*there = false;
	if (blob_stat(images->to, sample->blob_key, &info, err))
		return err->code != ERR_NOT_FOUND;
	if ((sample->bytes > 0 && info.bytes != sample->bytes) ||
	    (info.sha256[0] && sample->sha256[0] && strcmp(info.sha256, sample->sha256) != 0))
		return err_set(err, ERR_CONFLICT, "other bytes lie under the key %s in the destination", sample->blob_key);
	*there = true;
	return images->publish ? blob_set_public(images->to, sample->blob_key, images->public_read, err) : 0;
}

static int migrate_images_take_next(struct page *page, const struct sample *sample, bool *copied, struct err *err)
{
	const struct migrate_images *images = page->images;
	bool there = false;

	if (images->to && (page->look || images->same) && look_there(images, sample, &there, err))
		return -1;
	if (there)
		return 0;
	if (images->same || !images->from)
		return err_set(err, ERR_NOT_FOUND, "it is not there");
	*copied = true;
	return migrate_images_copy(images, sample, err);
}

/* --- a page of them ----------------------------------------------------------------------------------------------- */

static void migrate_images_missing(struct migrate_images *images, const struct sample *sample, const struct err *err)
{
	char line[LINE_MAX_BYTES];

	images->missing++;
	snprintf(line, sizeof(line), "image %lld (%s): %s", (long long)sample->id, sample->blob_key, err->text);
	images->tell(images->data, line);
}

/* Notes the result of one image; needs the mutex. */
static void migrate_images_note(struct page *page, const struct sample *sample, int failed, bool copied,
                                const struct err *err)
{
	struct migrate_images *images = page->images;

	if (failed && (err->code == ERR_NOT_FOUND || err->code == ERR_UNPROCESSABLE)) {
		migrate_images_missing(images, sample, err);
	} else if (failed && !page->failed) {
		page->failed = true;
		page->err = *err;
		err_prefix(&page->err, "Image %lld", (long long)sample->id);
	} else if (!failed && copied) {
		images->copied++;
		images->copied_bytes += sample->bytes;
	}
}

static void *work(void *data)
{
	struct page *page = data;

	pthread_mutex_lock(&page->mutex);
	while (!page->failed && page->next < page->count) {
		const struct sample *sample = &page->records[page->next++].sample;
		bool copied = false;
		struct err err = {0};

		if (!sample->blob_key[0])
			continue;
		pthread_mutex_unlock(&page->mutex);
		int failed = migrate_images_take_next(page, sample, &copied, &err);
		pthread_mutex_lock(&page->mutex);
		migrate_images_note(page, sample, failed, copied, &err);
	}
	pthread_mutex_unlock(&page->mutex);
	return NULL;
}

int migrate_images_take(struct migrate_images *images, const struct dataset_record *records, size_t count, bool look,
                        struct err *err)
{
	struct page page = {.images = images, .records = records, .count = count, .look = look};
	pthread_t threads[MIGRATE_JOBS_MAX];
	size_t uploaded = 0;
	unsigned started = 0;

	for (size_t i = 0; i < count; i++)
		uploaded += records[i].sample.blob_key[0] != '\0';
	pthread_mutex_init(&page.mutex, NULL);
	/* This thread works, too. */
	while (started + 1 < images->jobs && started + 1 < uploaded &&
	       pthread_create(&threads[started], NULL, work, &page) == 0)
		started++;
	if (uploaded > 0)
		work(&page);
	while (started > 0)
		pthread_join(threads[--started], NULL);
	pthread_mutex_destroy(&page.mutex);
	if (page.failed)
		*err = page.err;
	return page.failed;
}

/* --- stores ------------------------------------------------------------------------------------------------------- */

static bool same_path(const char *one, const char *other)
{
	char *real = memory_real_path(one), *of_other = memory_real_path(other);
	bool same = strcmp(real ? real : one, of_other ? of_other : other) == 0;

	free(real);
	free(of_other);
	return same;
}

bool migrate_images_same(const struct config *from, const struct config *to)
{
	if (strcmp(from->image_store.type, to->image_store.type) != 0)
		return false;
	if (config_images_are_files(from))
		return same_path(from->image_store.dir, to->image_store.dir);
	return strcmp(from->image_store.endpoint, to->image_store.endpoint) == 0 &&
	       strcmp(from->image_store.bucket, to->image_store.bucket) == 0;
}

const char *migrate_images_spool(struct blob_store *to, config_env *env)
{
	const char *own = to ? blob_spool_dir(to) : NULL, *tmp = env("TMPDIR");

	return own ? own : tmp && *tmp ? tmp
	                               : "/tmp";
}
