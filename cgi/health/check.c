/* Asking the stores how they are. */
#include <pthread.h>
#include <time.h>

#include "health.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t checked;
static struct health last; /* with the lock held, like what follows */
static int64_t fresh_until_ms;
static bool asking;

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

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

static void *check_images(void *data)
{
	struct image_check *check = data;

	if (blob_ping(check->store, &check->err) == 0)
		check->err.code = ERR_NONE; /* it may have failed in one way before it succeeded in another */
	return NULL;
}

/* Both at once, so that two that hang cost no more time than one. */
static void ask(struct app *app, struct health *out)
{
	struct image_check images = {.store = app->blobs};
	pthread_t thread;

	memset(out, 0, sizeof(*out));
	bool apart = pthread_create(&thread, NULL, check_images, &images) == 0;
	if (apart)
		pthread_setname_np(thread, "check");
	dataset_store_ping(app->store, &out->datasets);
	if (apart)
		pthread_join(thread, NULL);
	else
		check_images(&images);
	out->images = images.err;
}

static void take_fresh(struct app *app)
{
	struct health fresh;
	int64_t begun = now_ms();

	asking = true;
	pthread_mutex_unlock(&lock);
	ask(app, &fresh);
	pthread_mutex_lock(&lock);
	asking = false;
	last = fresh;
	int64_t ended = now_ms(), took = ended - begun;
	fresh_until_ms = ended + (took < HEALTH_FRESH_MS ? took : HEALTH_FRESH_MS);
	pthread_cond_broadcast(&checked);
}

static bool is_fresh(void)
{
	return now_ms() < fresh_until_ms;
}

/* Until the one that asks has learnt something; false when that takes too long. */
static bool wait_for_other(void)
{
	int64_t until = now_ms() + HEALTH_WAIT_MS;
	struct timespec time = {.tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000};

	while (asking) {
		if (pthread_cond_timedwait(&checked, &lock, &time) != 0)
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
