/* Does work once for all threads that ask for the same at the same time, a few works at a time, users in turn. */
#include "fastcgi/once.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct work {
	const char *key, *user; /* of its first thread, which stays until the work is done */
	int64_t turn;           /* works with lower turns run sooner */
	bool running, done;
	size_t threads; /* threads that wait for this work or do it; the last one frees it */
	pthread_cond_t changed;
	struct buf made;
	int failed;
	struct err err;
	struct work *next;
};

/* A thread inside once_do; on that thread's stack. */
struct guest {
	const char *user;
	struct guest *next;
};

struct once {
	struct once_limits limits;
	pthread_mutex_t mutex; /* protects the fields below */
	struct work *works;    /* not done; oldest first */
	struct guest *guests;
	size_t running;
	int64_t turn; /* of the work that was begun last */
};

struct once *once_new(const struct once_limits *limits)
{
	struct once *once = memory_new(1, sizeof(*once));

	once->limits = *limits;
	pthread_mutex_init(&once->mutex, NULL);
	return once;
}

void once_free(struct once *once)
{
	if (!once)
		return;
	pthread_mutex_destroy(&once->mutex);
	free(once);
}

/* --- who may be inside (all with the mutex held) ------------------------------------------------------------------ */

static int enter(struct once *once, struct guest *guest, struct err *err)
{
	size_t all = 0, own = 0;

	for (const struct guest *other = once->guests; other; other = other->next) {
		all++;
		own += strcmp(other->user, guest->user) == 0;
	}
	if (all >= once->limits.inside || own >= once->limits.per_user)
		return err_set(err, ERR_UNAVAILABLE, "Too much is being made at the moment: ask again soon");
	guest->next = once->guests;
	once->guests = guest;
	return 0;
}

static void leave(struct once *once, const struct guest *guest)
{
	struct guest **at = &once->guests;

	while (*at != guest)
		at = &(*at)->next;
	*at = guest->next;
}

/* --- whose turn it is --------------------------------------------------------------------------------------------- */

/* Orders works as if each user's ran one after the other, and different users' side by side. */
static int64_t turn_of(const struct once *once, const char *user)
{
	int64_t last = once->turn;

	for (const struct work *work = once->works; work; work = work->next) {
		if (work->turn > last && strcmp(work->user, user) == 0)
			last = work->turn;
	}
	return last + 1;
}

static struct work *once_choose(struct once *once)
{
	struct work *chosen = NULL;

	for (struct work *work = once->works; work; work = work->next) {
		if (!work->running && (!chosen || work->turn < chosen->turn))
			chosen = work;
	}
	return chosen;
}

static void start_next(struct once *once)
{
	struct work *work;

	while (once->running < once->limits.at_once && (work = once_choose(once))) {
		work->running = true;
		once->running++;
		once->turn = work->turn;
		pthread_cond_broadcast(&work->changed);
	}
}

/* --- the work ----------------------------------------------------------------------------------------------------- */

static struct work *once_find(struct once *once, const char *key)
{
	struct work *work = once->works;

	while (work && strcmp(work->key, key) != 0)
		work = work->next;
	return work;
}

static struct work *once_add(struct once *once, const char *key, const char *user, size_t ceiling)
{
	struct work *work = memory_new(1, sizeof(*work)), **end = &once->works;

	work->key = key;
	work->user = user;
	work->turn = turn_of(once, user);
	buf_init(&work->made, ceiling);
	pthread_cond_init(&work->changed, NULL);
	while (*end)
		end = &(*end)->next;
	*end = work;
	return work;
}

/* Needs the mutex, which is released while the work runs. */
static void run_in_turn(struct once *once, struct work *work, once_run *run, void *data)
{
	start_next(once);
	while (!work->running)
		pthread_cond_wait(&work->changed, &once->mutex);
	pthread_mutex_unlock(&once->mutex);
	int failed = run(data, &work->made, &work->err);
	pthread_mutex_lock(&once->mutex);
	work->failed = failed;
	work->done = true;
	once->running--;
	struct work **at = &once->works;
	while (*at != work)
		at = &(*at)->next;
	*at = work->next;
	start_next(once);
	pthread_cond_broadcast(&work->changed);
}

static int once_take(const struct work *work, struct buf *out, struct err *err)
{
	if (work->failed) {
		*err = work->err;
		return -1;
	}
	return buf_add(out, work->made.data, work->made.len) ? err_set(err, ERR_INTERNAL, "What was made is too large") : 0;
}

static void once_drop(struct work *work)
{
	if (--work->threads > 0)
		return;
	pthread_cond_destroy(&work->changed);
	buf_release(&work->made);
	free(work);
}

size_t once_inside(struct once *once)
{
	size_t count = 0;

	pthread_mutex_lock(&once->mutex);
	for (const struct guest *guest = once->guests; guest; guest = guest->next)
		count++;
	pthread_mutex_unlock(&once->mutex);
	return count;
}

int once_do(struct once *once, const char *user, const char *key, once_run *run, void *data, struct buf *out,
            struct err *err)
{
	struct guest guest = {.user = user};

	pthread_mutex_lock(&once->mutex);
	int failed = enter(once, &guest, err);
	if (!failed) {
		struct work *work = once_find(once, key);
		bool first = !work;

		if (first)
			work = once_add(once, key, user, out->max);
		work->threads++;
		if (first)
			run_in_turn(once, work, run, data);
		while (!work->done)
			pthread_cond_wait(&work->changed, &once->mutex);
		failed = once_take(work, out, err);
		once_drop(work);
		leave(once, &guest);
	}
	pthread_mutex_unlock(&once->mutex);
	return failed;
}
