/* GET /readyz: whether every dataset can be served. */
#include <pthread.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "health.h"

/* Opening all datasets takes time, and anybody may ask for it: the result is kept for this many times as long as it
 * took. */
enum { FRESH_TIMES = 30, FRESH_MIN_US = MICROSECONDS };

struct look {
	struct app *app;
	size_t datasets, broken;
	struct err store; /* set when the datasets could not be listed */
	bool tell;        /* log the names of broken datasets */
};

static pthread_mutex_t looking = PTHREAD_MUTEX_INITIALIZER; /* held by the thread that looks */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;    /* protects what follows */
static struct look last;
static int64_t looked_at, fresh_until;

static bool readyz_look(void *data, const char *name)
{
	struct look *look = data;
	struct dataset *dataset = NULL;
	struct err err = {0};
	int failed = dataset_open(look->app->store, name, &dataset, &err) || dataset_check(dataset, &err);

	dataset_close(dataset);
	if (failed && err.code == ERR_NOT_FOUND) /* removed since the list was read */
		return true;
	look->datasets++;
	look->broken += failed ? 1 : 0;
	if (failed && look->tell)
		log_write(LOG_WARN, "dataset cannot be served", "dataset", name, "error", err.text, NULL);
	return true;
}

static void look_again(struct app *app, const struct look *before)
{
	struct look now = {.app = app, .tell = false};
	int64_t begun = text_now();

	if (dataset_store_list(app->store, "", SIZE_MAX, readyz_look, &now, &now.store) == 0 && now.broken != before->broken) {
		now = (struct look){.app = app, .tell = true}; /* logged once, not at each request */
		dataset_store_list(app->store, "", SIZE_MAX, readyz_look, &now, &now.store);
	}
	int64_t ended = text_now(), fresh = (ended - begun) * FRESH_TIMES;

	pthread_mutex_lock(&lock);
	last = now;
	looked_at = ended;
	fresh_until = ended + (fresh > FRESH_MIN_US ? fresh : FRESH_MIN_US);
	pthread_mutex_unlock(&lock);
}

/* The last result; false: there is none, since the first look is still under way. */
static bool known(struct look *out, bool *fresh)
{
	int64_t now = text_now();

	pthread_mutex_lock(&lock);
	*out = last;
	*fresh = looked_at > 0 && now >= looked_at && now < fresh_until; /* even if the clock was set back */
	bool any = looked_at > 0;
	pthread_mutex_unlock(&lock);
	return any;
}

static bool readyz_ask(struct app *app, struct look *out)
{
	bool fresh;
	bool any = known(out, &fresh);

	if (fresh || pthread_mutex_trylock(&looking) != 0)
		return any;
	look_again(app, out);
	pthread_mutex_unlock(&looking);
	return known(out, &fresh);
}

int health_readyz(struct call *call, struct err *err)
{
	struct look look;
	cJSON *answer = json_new_object();
	struct err failure = {0};

	(void)err;
	if (!readyz_ask(call->app, &look))
		err_set(&failure, ERR_UNAVAILABLE, "it is not known yet");
	else if (look.store.code != ERR_NONE)
		failure = look.store;
	else if (look.broken > 0)
		err_set(&failure, ERR_UNAVAILABLE, "%zu of %zu datasets cannot be served; the log says which", look.broken,
		        look.datasets);
	json_add_string(answer, "status", failure.code == ERR_NONE ? "ready" : "unavailable");
	json_add_int64(answer, "datasets", (int64_t)look.datasets);
	json_add_int64(answer, "unavailable", (int64_t)look.broken);
	failure.code = failure.code == ERR_NONE ? ERR_NONE : ERR_UNAVAILABLE;
	if (failure.code != ERR_NONE)
		reply_error_with(call->reply, &failure, answer);
	else
		reply_json(call->reply, 200, answer);
	return 0;
}
