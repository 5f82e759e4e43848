/* Puts samples that were passed over back into the queue once their files are there again. */
#include "fastcgi/recovery.h"

#include <pthread.h>

#include "base/log.h"
#include "base/memory.h"
#include "dataset/task.h"
#include "fastcgi/app.h"
#include "fastcgi/images.h"

enum {
	DATASETS_MAX = 64, /* noted at once; the others are looked at when a request finds nothing else to do */
	PAGE = 100,        /* samples looked at in one go */
	PAGES_MAX = 100,   /* pages looked at one after the other, as long as some samples come back */
	/* ticks between two looks at a dataset where none comes back: 6 requests/s for images gone from a bucket */
	PAUSE_MAX = 16,
};

struct noted {
	char *dataset;
	int64_t after;   /* the last id that was looked at; -1: none yet */
	int wait, pause; /* ticks until the next look, and how many there were before the last one */
};

struct recovery {
	pthread_mutex_t mutex;
	struct noted noted[DATASETS_MAX];
	size_t count;
};

struct recovery *recovery_new(void)
{
	struct recovery *recovery = memory_new(1, sizeof(*recovery));

	pthread_mutex_init(&recovery->mutex, NULL);
	return recovery;
}

void recovery_free(struct recovery *recovery)
{
	if (!recovery)
		return;
	for (size_t i = 0; i < recovery->count; i++)
		free(recovery->noted[i].dataset);
	pthread_mutex_destroy(&recovery->mutex);
	free(recovery);
}

/* Needs the mutex. */
static struct noted *recovery_find(struct recovery *recovery, const char *dataset)
{
	for (size_t i = 0; i < recovery->count; i++) {
		if (strcmp(recovery->noted[i].dataset, dataset) == 0)
			return &recovery->noted[i];
	}
	return NULL;
}

void recovery_expect(struct recovery *recovery, const char *dataset)
{
	pthread_mutex_lock(&recovery->mutex);
	struct noted *noted = recovery_find(recovery, dataset);
	if (!noted && recovery->count < DATASETS_MAX) {
		noted = &recovery->noted[recovery->count++];
		*noted = (struct noted){.dataset = memory_text(dataset), .after = -1};
	}
	if (noted)
		noted->wait = noted->pause = 1;
	pthread_mutex_unlock(&recovery->mutex);
}

/* Whether the image is there. The image store is asked about images in a bucket, unless `here` restricts the look to
 * this machine. */
static bool is_back(const struct images *images, const struct sample *sample, bool here)
{
	struct blob_info info;
	struct located file;
	struct err err;

	if (images_locate(images, sample, &file, &err))
		return false;
	return file.path[0] || (!here && blob_stat(images->blobs, sample->blob_key, &info, &err) == 0);
}

/* Looks at the page of unreadable samples after *after, and moves *after on; at the end it is -1. *back gets how
 * many are unlabelled again. */
static int look_recovery(const struct images *images, int64_t *after, bool here, size_t *back, struct err *err)
{
	struct sample *samples;
	int64_t ids[PAGE];
	size_t count;

	*back = 0;
	if (dataset_unreadable(images->dataset, *after, PAGE, &samples, &count, err))
		return -1;
	for (size_t i = 0; i < count; i++) {
		*after = samples[i].id;
		if (is_back(images, &samples[i], here))
			ids[(*back)++] = samples[i].id;
		sample_release(&samples[i]);
	}
	free(samples);
	if (count < PAGE)
		*after = -1;
	return dataset_mark_readable(images->dataset, ids, *back, err);
}

bool recovery_look(struct recovery *recovery, const struct images *images)
{
	const char *dataset = dataset_name(images->dataset);
	struct err err;
	size_t back;

	pthread_mutex_lock(&recovery->mutex);
	struct noted *noted = recovery_find(recovery, dataset);
	int64_t after = noted ? noted->after : -1;
	pthread_mutex_unlock(&recovery->mutex);
	return look_recovery(images, &after, true, &back, &err) == 0 && back > 0;
}

/* Looks at further pages as long as some samples come back; *left says whether any is still unreadable. */
static int recovery_pages(const struct images *images, int64_t *after, size_t *back, bool *left, struct err *err)
{
	struct sample *first;
	size_t page, count;

	*back = 0;
	for (int i = 0; i < PAGES_MAX; i++) {
		if (look_recovery(images, after, false, &page, err))
			return -1;
		*back += page;
		if (page == 0 || *after < 0)
			break;
	}
	if (dataset_unreadable(images->dataset, -1, 1, &first, &count, err))
		return -1;
	*left = count > 0;
	for (size_t i = 0; i < count; i++)
		sample_release(&first[i]);
	free(first);
	return 0;
}

/* Notes after a look when the next one is due, or forgets the dataset when none is. */
static void note_look(struct recovery *recovery, const char *dataset, int64_t after, bool any, bool left)
{
	pthread_mutex_lock(&recovery->mutex);
	struct noted *noted = recovery_find(recovery, dataset);
	if (noted && !left) {
		free(noted->dataset);
		*noted = recovery->noted[--recovery->count];
	} else if (noted) {
		noted->after = after;
		noted->pause = any ? 1 : noted->pause * 2 < PAUSE_MAX ? noted->pause * 2 : PAUSE_MAX;
		noted->wait = noted->pause;
	}
	pthread_mutex_unlock(&recovery->mutex);
}

static void visit(struct app *app, const char *dataset, int64_t after)
{
	struct dataset_place place = {.base_dir = NULL};
	struct images images = {.blobs = app->blobs, .place = &place, .roots = &app->config.image_roots};
	struct err err = {0};
	bool left = true;
	size_t back = 0;

	if (dataset_open(app->store, dataset, &images.dataset, &err) || dataset_place(images.dataset, &place, &err) ||
	    recovery_pages(&images, &after, &back, &left, &err))
		left = err.code != ERR_NOT_FOUND; /* the dataset is gone */
	dataset_place_release(&place);
	dataset_close(images.dataset);
	if (back > 0)
		log_write(LOG_INFO, "images can be read again", "dataset", dataset, NULL);
	note_look(app->recovery, dataset, after, back > 0, left);
}

void recovery_tick(struct app *app)
{
	struct recovery *recovery = app->recovery;

	for (size_t i = 0;; i++) {
		char *due = NULL;
		int64_t after = -1;

		pthread_mutex_lock(&recovery->mutex);
		bool more = i < recovery->count;
		if (more && --recovery->noted[i].wait <= 0) {
			due = memory_text(recovery->noted[i].dataset);
			after = recovery->noted[i].after;
		}
		pthread_mutex_unlock(&recovery->mutex);
		if (!more)
			return;
		if (due)
			visit(app, due, after);
		free(due);
	}
}
