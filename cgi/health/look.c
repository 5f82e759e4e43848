/* Looks whether every dataset can be served. */
#include <pthread.h>

#include "base/clock.h"
#include "base/log.h"
#include "health.h"

/* Opening all datasets takes time, and anybody may ask for it: the result is kept for this many times as long as it
 * took. */
enum { FRESH_TIMES = 30, FRESH_MIN_US = MICROSECONDS };

struct look {
	struct app *app;
	struct health_datasets found;
	bool tell; /* log the names of broken datasets */
};

static pthread_mutex_t looking = PTHREAD_MUTEX_INITIALIZER; /* held by the thread that looks */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;    /* protects what follows */
static struct health_datasets last;
static bool looked;
static int64_t fresh_until; /* by clock_us */

static bool look_at(void *data, const char *name)
{
	struct look *look = data;
	struct dataset *dataset = NULL;
	struct err err = {0};
	int failed = dataset_open(look->app->store, name, &dataset, &err) || dataset_check(dataset, &err);

	dataset_close(dataset);
	if (failed && err.code == ERR_NOT_FOUND) /* removed since the list was read */
		return true;
	look->found.count++;
	look->found.broken += failed ? 1 : 0;
	if (failed && look->tell)
		log_write(LOG_WARN, "dataset cannot be served", "dataset", name, "error", err.text, NULL);
	return true;
}

static void look_again(struct app *app, const struct health_datasets *before)
{
	struct look now = {.app = app, .tell = false};
	int64_t begun = clock_us();

	if (dataset_store_list(app->store, "", SIZE_MAX, look_at, &now, &now.found.list) == 0 &&
	    now.found.broken != before->broken) {
		now = (struct look){.app = app, .tell = true}; /* logged once, not at each request */
		dataset_store_list(app->store, "", SIZE_MAX, look_at, &now, &now.found.list);
	}
	int64_t ended = clock_us(), fresh = (ended - begun) * FRESH_TIMES;

	pthread_mutex_lock(&lock);
	last = now.found;
	looked = true;
	fresh_until = ended + (fresh > FRESH_MIN_US ? fresh : FRESH_MIN_US);
	pthread_mutex_unlock(&lock);
}

/* The last result; false: there is none, since the first look is still under way. */
static bool known(struct health_datasets *out, bool *fresh)
{
	pthread_mutex_lock(&lock);
	*out = last;
	*fresh = looked && clock_us() < fresh_until;
	bool any = looked;
	pthread_mutex_unlock(&lock);
	return any;
}

bool health_look(struct app *app, struct health_datasets *out)
{
	bool fresh;
	bool any = known(out, &fresh);

	if (fresh || pthread_mutex_trylock(&looking) != 0)
		return any;
	look_again(app, out);
	pthread_mutex_unlock(&looking);
	return known(out, &fresh);
}
