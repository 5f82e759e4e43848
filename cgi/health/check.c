/* Checks whether the stores work. */
#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "health.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t checked;
static struct health last; /* protected by the lock, like what follows */
static int64_t fresh_until;
static bool asking;

static void make_condition(void)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&checked, &attributes);
	pthread_condattr_destroy(&attributes);
}

struct image_check {
	struct blob_store *store;
	struct err err;
};

static void *check_image_store(void *data)
{
	struct image_check *check = data;

	if (blob_ping(check->store, &check->err) == 0)
		check->err.code = ERR_NONE; /* an earlier attempt may have failed */
	return NULL;
}

/* Checks both at once, so that two stores that hang cost no more time than one. */
static void check_ask(struct app *app, struct health *out)
{
	struct image_check images = {.store = app->blobs};
	pthread_t thread;

	memset(out, 0, sizeof(*out));
	bool apart = pthread_create(&thread, NULL, check_image_store, &images) == 0;
	if (apart)
		pthread_setname_np(thread, "check");
	dataset_store_ping(app->store, &out->datasets);
	if (apart)
		pthread_join(thread, NULL);
	else
		check_image_store(&images);
	out->images = images.err;
}

static void take_fresh(struct app *app)
{
	struct health fresh;
	int64_t begun = clock_us();

	asking = true;
	pthread_mutex_unlock(&lock);
	check_ask(app, &fresh);
	pthread_mutex_lock(&lock);
	asking = false;
	last = fresh;
	int64_t ended = clock_us(), took = ended - begun;
	fresh_until = ended + (took < HEALTH_FRESH_MS * 1000 ? took : HEALTH_FRESH_MS * 1000);
	pthread_cond_broadcast(&checked);
}

static bool is_fresh(void)
{
	return clock_us() < fresh_until;
}

/* Waits for the result of the thread that asks; false when that takes too long. */
static bool wait_for_other(void)
{
	struct timespec until = clock_timespec(clock_us() + HEALTH_WAIT_MS * 1000);

	while (asking) {
		if (pthread_cond_timedwait(&checked, &lock, &until) != 0)
			return !asking;
	}
	return true;
}

void health_check(struct app *app, struct health *out)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_condition);
	pthread_mutex_lock(&lock);
	bool waited = asking, known = wait_for_other();
	if (!waited && !is_fresh())
		take_fresh(app);
	*out = last;
	pthread_mutex_unlock(&lock);
	if (!known)
		err_set(&out->datasets, ERR_UNAVAILABLE, "no answer from the stores within %d s", HEALTH_WAIT_MS / 1000);
}
