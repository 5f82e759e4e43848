/* The queue in MongoDB: a window of the samples that may be given now. */
#include "dataset/mongodb/internal.h"

enum {
	WINDOW_SLACK = 8,
	RUN_OUT_US = 100 * 1000, /* how often to look for leases that ran out; also done when nothing else is free */
	AHEAD_MIN = 1000,        /* skipping this many positions is quicker than remembering them */
	AHEAD_MAX = 1000,        /* users remembered for a dataset */
	AHEAD_RATIO = 20,        /* so that looking takes at most 5 % of the time */
};

int window_open(struct window *window, struct mongodb_dataset *dataset, struct work *work, struct err *err)
{
	*window = (struct window){.dataset = dataset, .policy = current_policy(dataset)};
	pthread_mutex_lock(&dataset->mutex);
	window->end = dataset->settings.next_id;
	pthread_mutex_unlock(&dataset->mutex);
	return work_now(work, &window->now, err);
}

void window_close(struct window *window)
{
	records_release(&window->records);
}

/* --- who is ahead of the others ----------------------------------------------------------------------------------- */

/* Before this position nothing was open to the user, who has voted on every free sample there. Finding that out took
 * the store some time, so it does not look there again for AHEAD_RATIO times as long: a sample given back there
 * reaches this user only then, but others at once. */
struct ahead {
	char *user;
	int64_t position, until; /* until: by the steady clock */
};

static struct ahead *ahead_of(struct mongodb_dataset *dataset, const char *user)
{
	for (size_t i = 0; i < dataset->ahead_count; i++) {
		if (strcmp(dataset->ahead[i].user, user) == 0)
			return &dataset->ahead[i];
	}
	return NULL;
}

void ahead_release(struct mongodb_dataset *dataset)
{
	for (size_t i = 0; i < dataset->ahead_count; i++)
		free(dataset->ahead[i].user);
	free(dataset->ahead);
	dataset->ahead = NULL;
	dataset->ahead_count = 0;
}

static struct ahead *ahead_add(struct mongodb_dataset *dataset, const char *user)
{
	if (dataset->ahead_count == AHEAD_MAX)
		ahead_release(dataset);
	dataset->ahead = memory_grow(dataset->ahead, dataset->ahead_count + 1, sizeof(*dataset->ahead));
	struct ahead *made = &dataset->ahead[dataset->ahead_count++];
	*made = (struct ahead){.user = memory_text(user)};
	return made;
}

/* Where the user's part of the queue begins, as far as that is known. */
static int64_t ahead_position(struct window *window, const char *user)
{
	const struct ahead *known = user ? ahead_of(window->dataset, user) : NULL;

	return known && clock_us() < known->until ? known->position : 0;
}

/* Notes what a look from `from`, which took `took`, has found for the user. */
static void ahead_note(struct window *window, const char *user, int64_t from, int64_t took)
{
	struct mongodb_dataset *dataset = window->dataset;
	int64_t position = window->records.count > 0 ? window->records.item[0].position : window->end;
	struct ahead *known = ahead_of(dataset, user);

	if (from > 0 && known && position > known->position) {
		known->position = position;
	} else if (from == 0 && position >= AHEAD_MIN) {
		known = known ? known : ahead_add(dataset, user);
		known->position = position;
		known->until = clock_us() + took * AHEAD_RATIO;
	}
}

/* --- looking ------------------------------------------------------------------------------------------------------ */

enum { RUN_OUT = -1 }; /* a value of `from` */

/* Adds candidates in order of the queue: those that are free, from position `from` to below `to`, or those whose
 * lease ran out. user: only those that this user may have (NULL: that anybody may have). */
static int queue_look(struct window *window, struct work *work, int64_t from, int64_t to, const char *user,
                      size_t limit, struct err *err)
{
	bool run_out = from == RUN_OUT;
	bson_t *filter = BCON_NEW("dataset", BCON_UTF8(window->dataset->base.name), "state", BCON_UTF8("unlabelled"));
	bson_t *opts = opts_hint("queue", (int64_t)limit);

	if (run_out)
		BCON_APPEND(filter, "free_at", "{", "$gt", BCON_INT64(0), "$lte", BCON_INT64(window->now), "}");
	else
		BCON_APPEND(filter, "free_at", BCON_INT64(0), "position", "{", "$gte", BCON_INT64(from), "$lt",
		            BCON_INT64(to), "}");
	if (user)
		BCON_APPEND(filter, "votes.user", "{", "$ne", BCON_UTF8(user), "}", "leases", "{", "$not", "{", "$elemMatch",
		            "{", "user", BCON_UTF8(user), "expires", "{", "$gt", BCON_INT64(window->now), "}", "}", "}", "}");
	if (run_out)
		BCON_APPEND(opts, "sort", "{", "dataset", BCON_INT32(1), "free_at", BCON_INT32(1), "position", BCON_INT32(1),
		            "}");
	else
		BCON_APPEND(opts, "sort", "{", "position", BCON_INT32(1), "}");
	return work_find(work, "images", filter, opts, records_visit, &window->records, err);
}

/* Chooses where to start looking in a random order. */
static int random_start(struct window *window, int64_t *from, struct err *err)
{
	int64_t size; /* with gaps among the ids the last samples are never the start, but are reached all the same */

	if (mongodb_size(&window->dataset->base, &size, err))
		return -1;
	*from = size > 0 ? (int64_t)(((uint64_t)arc4random() << 31 | arc4random() >> 1) % (uint64_t)size) : 0;
	return 0;
}

/* In order; a single user's part from where it begins. */
static int look_in_line(struct window *window, struct work *work, const char *user, size_t limit, struct err *err)
{
	int64_t from = ahead_position(window, user), begun = clock_us();

	if (queue_look(window, work, from, INT64_MAX, user, limit, err))
		return -1;
	if (user)
		ahead_note(window, user, from, clock_us() - begun);
	return 0;
}

/* Even in a random order, samples put to the queue's end come after all others. */
static int look_at_random(struct window *window, struct work *work, const char *user, size_t limit, struct err *err)
{
	int64_t from;

	if (random_start(window, &from, err) || queue_look(window, work, from, POSITION_END, user, limit, err) ||
	    (from > 0 && window->records.count < limit && queue_look(window, work, 0, from, user, limit, err)))
		return -1;
	return window->records.count < limit ? queue_look(window, work, POSITION_END, INT64_MAX, user, limit, err) : 0;
}

static int by_end(const void *a, const void *b)
{
	const struct record *one = a, *other = b;
	bool at_end = one->position >= POSITION_END || other->position >= POSITION_END;

	return at_end ? record_by_position(a, b) : 0;
}

/* A lease that ends later than a new one would was taken before the clock went back: it now ends when the new one
 * would. */
static int cap_leases(struct window *window, struct work *work, struct err *err)
{
	int64_t last = window->now + window->policy.lease_seconds * MICROSECONDS;
	mongoc_bulk_operation_t *bulk = work_bulk(work, "images");
	bson_t *filter = BCON_NEW("dataset", BCON_UTF8(window->dataset->base.name), "state", BCON_UTF8("unlabelled"),
	                          "free_at", "{", "$gt", BCON_INT64(last), "$lt", BCON_INT64(INT64_MAX), "}");
	bson_t *pipeline = BCON_NEW(
		"0", "{", "$set", "{", "free_at", BCON_INT64(last), "revision", "{", "$add", "[", BCON_UTF8("$revision"),
		BCON_INT64(1), "]", "}", "leases", "{", "$map", "{", "input", BCON_UTF8("$leases"), "in", "{", "$mergeObjects",
		"[", BCON_UTF8("$$this"), "{", "expires", "{", "$min", "[", BCON_UTF8("$$this.expires"), BCON_INT64(last), "]",
		"}", "}", "]", "}", "}", "}", "}", "}");
	bson_t *opts = BCON_NEW("hint", BCON_UTF8("queue"));
	bson_error_t error;
	int failed = 0;

	if (!mongoc_bulk_operation_update_many_with_opts(bulk, filter, pipeline, opts, &error))
		failed = err_set(err, ERR_INTERNAL, "MongoDB: %s", error.message);
	bson_destroy(filter);
	bson_destroy(pipeline);
	bson_destroy(opts);
	return work_bulk_run(work, bulk, NULL, err) || failed;
}

/* Whether to look for leases that ran out. For a single user it always is time. */
static bool run_out_due(struct window *window, const char *user)
{
	struct mongodb_dataset *dataset = window->dataset;

	/* even if the clock was set back */
	if (!user && window->now < dataset->run_out_at && window->now >= dataset->run_out_at - RUN_OUT_US)
		return false;
	dataset->run_out_at = window->now + RUN_OUT_US;
	return true;
}

int window_fill(struct window *window, struct work *work, const char *user, size_t wanted, struct err *err)
{
	size_t most = wanted + (window->contended ? wanted : 0) + WINDOW_SLACK;
	size_t limit = most < WINDOW_MAX ? most : WINDOW_MAX;
	bool at_random = dataset_policy_shuffles(&window->policy);

	records_release(&window->records);
	if (at_random ? look_at_random(window, work, user, limit, err) : look_in_line(window, work, user, limit, err))
		return -1;
	if (run_out_due(window, user) &&
	    (queue_look(window, work, RUN_OUT, 0, user, limit, err) || cap_leases(window, work, err)))
		return -1;
	records_drop_twins(&window->records);
	if (window->records.count > 1)
		qsort(window->records.item, window->records.count, sizeof(*window->records.item),
		      at_random ? by_end : record_by_position);
	for (size_t i = 0; i < window->records.count; i++)
		record_refresh(&window->records.item[i], rules_quorum_of(&window->policy), window->now);
	return 0;
}
