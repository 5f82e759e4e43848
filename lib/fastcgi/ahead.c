/* Fetches images ahead. */
#include "fastcgi/ahead.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum slot_state { SLOT_FREE, SLOT_WANTED, SLOT_FETCHING, SLOT_HELD, SLOT_FAILED };

struct slot {
	enum slot_state state;
	int64_t id;
	char *key, *bytes;
	size_t size;
};

struct ahead {
	struct blob_store *blobs;
	pthread_mutex_t lock; /* protects what follows */
	pthread_cond_t changed;
	struct slot slot[AHEAD_IMAGES];
	bool ending;
	pthread_t thread[AHEAD_IMAGES];
	size_t threads;
};

static atomic_int at_once;

struct ahead *ahead_new(struct blob_store *blobs)
{
	if (!blob_is_direct(blobs))
		return NULL;
	if (atomic_fetch_add(&at_once, 1) >= AHEAD_AT_ONCE) {
		atomic_fetch_sub(&at_once, 1);
		return NULL;
	}
	struct ahead *ahead = memory_new(1, sizeof(*ahead));
	ahead->blobs = blobs;
	pthread_mutex_init(&ahead->lock, NULL);
	pthread_cond_init(&ahead->changed, NULL);
	return ahead;
}

static void slot_clear(struct slot *slot)
{
	free(slot->key);
	free(slot->bytes);
	*slot = (struct slot){.state = SLOT_FREE};
}

void ahead_free(struct ahead *ahead)
{
	if (!ahead)
		return;
	pthread_mutex_lock(&ahead->lock);
	ahead->ending = true;
	pthread_cond_broadcast(&ahead->changed);
	pthread_mutex_unlock(&ahead->lock);
	for (size_t i = 0; i < ahead->threads; i++)
		pthread_join(ahead->thread[i], NULL);
	for (size_t i = 0; i < AHEAD_IMAGES; i++)
		slot_clear(&ahead->slot[i]);
	pthread_cond_destroy(&ahead->changed);
	pthread_mutex_destroy(&ahead->lock);
	free(ahead);
	atomic_fetch_sub(&at_once, 1);
}

/* The one that is wanted first; NULL: none is. */
static struct slot *slot_next(struct ahead *ahead)
{
	struct slot *next = NULL;

	for (size_t i = 0; i < AHEAD_IMAGES; i++) {
		struct slot *slot = &ahead->slot[i];

		if (slot->state == SLOT_WANTED && (!next || slot->id < next->id))
			next = slot;
	}
	return next;
}

static bool slot_fetch(struct blob_store *blobs, const struct slot *slot)
{
	struct err err;
	size_t got;

	return blob_read(blobs, slot->key, 0, slot->bytes, slot->size, &got, &err) == 0 && got == slot->size;
}

static void *ahead_work(void *data)
{
	struct ahead *ahead = data;
	struct slot *slot;

	pthread_mutex_lock(&ahead->lock);
	while (!ahead->ending) {
		if (!(slot = slot_next(ahead))) {
			pthread_cond_wait(&ahead->changed, &ahead->lock);
			continue;
		}
		slot->state = SLOT_FETCHING; /* and nobody else changes it */
		pthread_mutex_unlock(&ahead->lock);
		bool fetched = slot_fetch(ahead->blobs, slot);
		pthread_mutex_lock(&ahead->lock);
		slot->state = fetched ? SLOT_HELD : SLOT_FAILED;
		pthread_cond_broadcast(&ahead->changed);
	}
	pthread_mutex_unlock(&ahead->lock);
	return NULL;
}

static struct slot *slot_of(struct ahead *ahead, int64_t id)
{
	for (size_t i = 0; i < AHEAD_IMAGES; i++) {
		if (ahead->slot[i].state != SLOT_FREE && ahead->slot[i].id == id)
			return &ahead->slot[i];
	}
	return NULL;
}

static struct slot *slot_unused(struct ahead *ahead)
{
	for (size_t i = 0; i < AHEAD_IMAGES; i++) {
		if (ahead->slot[i].state == SLOT_FREE)
			return &ahead->slot[i];
	}
	return NULL;
}

/* As many threads as there are slots in use; without any, images are read by those who need them. */
static void ahead_begin(struct ahead *ahead, struct slot *slot, const struct sample *sample)
{
	if (ahead->threads < AHEAD_IMAGES &&
	    pthread_create(&ahead->thread[ahead->threads], NULL, ahead_work, ahead) == 0)
		ahead->threads++;
	if (ahead->threads == 0)
		return;
	*slot = (struct slot){.state = SLOT_WANTED,
	                      .id = sample->id,
	                      .key = memory_text(sample->blob_key),
	                      .bytes = memory_raw((size_t)sample->bytes),
	                      .size = (size_t)sample->bytes};
	pthread_cond_broadcast(&ahead->changed);
}

void ahead_want(struct ahead *ahead, const struct sample *sample)
{
	if (!sample->blob_key[0] || sample->bytes <= 0 || sample->bytes > AHEAD_IMAGE_BYTES)
		return;
	pthread_mutex_lock(&ahead->lock);
	struct slot *slot = slot_of(ahead, sample->id) ? NULL : slot_unused(ahead);
	if (slot)
		ahead_begin(ahead, slot, sample);
	pthread_mutex_unlock(&ahead->lock);
}

void ahead_pass(struct ahead *ahead, int64_t id)
{
	pthread_mutex_lock(&ahead->lock);
	for (size_t i = 0; i < AHEAD_IMAGES; i++) {
		struct slot *slot = &ahead->slot[i];

		if (slot->state != SLOT_FREE && slot->state != SLOT_FETCHING && slot->id < id)
			slot_clear(slot);
	}
	pthread_mutex_unlock(&ahead->lock);
}

bool ahead_read(struct ahead *ahead, int64_t id, int64_t offset, void *bytes, size_t len, size_t *got)
{
	pthread_mutex_lock(&ahead->lock);
	struct slot *slot = slot_of(ahead, id);
	while (slot && (slot->state == SLOT_WANTED || slot->state == SLOT_FETCHING))
		pthread_cond_wait(&ahead->changed, &ahead->lock);
	bool held = slot && slot->state == SLOT_HELD && offset >= 0;
	pthread_mutex_unlock(&ahead->lock); /* a slot that is held changes only by ahead_pass, which the same thread calls */
	if (!held)
		return false;
	size_t left = (size_t)offset < slot->size ? slot->size - (size_t)offset : 0;
	*got = left < len ? left : len;
	memcpy(bytes, slot->bytes + offset, *got);
	return true;
}
