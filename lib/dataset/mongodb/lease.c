/* Leases in MongoDB: the requests that wait in a process are served together; each sample is taken by
 * compare-and-set. */
#include "dataset/mongodb/taking.h"

/* --- what is held ------------------------------------------------------------------------------------------------- */

/* Rather than corrected. */
static bool is_to_be_labelled(const struct record *record, const char *user)
{
	return record->sample.gold ? !record_has_vote(record, user) : record->sample.state == SAMPLE_UNLABELLED;
}

/* The user's oldest live lease among the records found. */
static struct lease *oldest_own(struct records *found, const char *user, int64_t now, struct record **of)
{
	struct lease *oldest = NULL;

	for (size_t i = 0; i < found->count; i++) {
		struct lease *lease = record_lease(&found->item[i], user, NULL);

		if (!lease || lease->expires <= now || !is_to_be_labelled(&found->item[i], user))
			continue;
		if (!oldest || lease->taken < oldest->taken ||
		    (lease->taken == oldest->taken && found->item[i].position < (*of)->position)) {
			oldest = lease;
			*of = &found->item[i];
		}
	}
	return oldest;
}

/* How many samples the user holds, or will get from earlier requests of the batch. */
static size_t count_held(struct taking *taking, struct records *found, const struct request *request)
{
	size_t count = 0;

	for (size_t i = 0; i < found->count; i++) {
		const struct lease *lease = record_lease(&found->item[i], request->user, NULL);

		count += lease && lease->expires > taking->window.now;
	}
	for (struct combine_job *job = taking->jobs; job != &request->job; job = job->next) {
		if (strcmp(request_of(job)->user, request->user) == 0)
			count += lacking(request_of(job));
	}
	return count;
}

/* Gives the user's own lease again, with enough time to work. */
static int give_own(struct taking *taking, struct request *request, struct record *record, struct lease *lease)
{
	int64_t length = taking->window.policy.lease_seconds * MICROSECONDS;
	int64_t expires_at = lease->expires;

	/* A lease that ends later than a new one would was taken before the clock went back. */
	if (expires_at - taking->window.now <= length / 2 || expires_at - taking->window.now > length) {
		struct sample_change renewal = {
			.act = SAMPLE_RENEW, .id = record->sample.id, .user = request->user, .token = lease->token};
		struct err err;

		/* Another user has rightly taken it meanwhile: then look for a new one. */
		if (mongodb_change(&taking->dataset->base, &renewal, 1, &err)) {
			if (err.code == ERR_CONFLICT)
				return 0;
			request->err = err;
			request->result = -1;
			request->settled = true;
			return -1;
		}
		expires_at = renewal.expires_at;
	}
	lease_give(request, &record->sample, lease->token, expires_at);
	return 0;
}

static int answer_from_held(struct taking *taking, struct err *err)
{
	bson_t *users = bson_new();
	struct records found = {.count = 0};

	for (struct combine_job *job = taking->jobs; job; job = job->next)
		BSON_APPEND_UTF8(users, "0", request_of(job)->user);
	if (work_find(taking->work, "images", leases_held_filter(taking->dataset->base.name, users), opts_hint("holders", 0),
	              records_visit, &found, err)) {
		records_release(&found);
		return -1;
	}
	for (struct combine_job *job = taking->jobs; job; job = job->next) {
		struct request *request = request_of(job);
		struct record *record = NULL;
		struct lease *own;

		if (!request->next) {
			size_t held = count_held(taking, &found, request);

			if (held + request->wanted > DATASET_TASKS_HELD_MAX) {
				request->settled = true;
				request->result = err_set(&request->err, ERR_CONFLICT,
				                          "You hold %zu tasks; at most %d may be held at once", held,
				                          DATASET_TASKS_HELD_MAX);
			}
		} else if (!request->same && (own = oldest_own(&found, request->user, taking->window.now, &record))) {
			give_own(taking, request, record, own);
		}
	}
	records_release(&found);
	return 0;
}

/* --- what is free ------------------------------------------------------------------------------------------------- */

/* Gives the request samples from the window, in order; after others were quicker, from a random place on. */
static void lease_choose(struct taking *taking, struct request *request)
{
	size_t count = taking->window.records.count, lack = lacking(request);
	size_t start = taking->window.contended && count > 0 ? arc4random_uniform((uint32_t)count) : 0;

	for (size_t i = 0; i < count && lack > 0; i++) {
		size_t at = (start + i) % count;

		if (!record_open_to(&taking->window.records.item[at], request->user, rules_quorum_of(&taking->window.policy)))
			continue;
		lease_claim(taking, request, at);
		lack--;
	}
}

/* --- what is shared ----------------------------------------------------------------------------------------------- */

static int64_t first_taken(const struct record *record)
{
	int64_t first = INT64_MAX;

	for (size_t i = 0; i < record->lease_count; i++) {
		if (record->leases[i].taken < first)
			first = record->leases[i].taken;
	}
	return first;
}

/* Claims a share in the oldest lease; settles the request when there is none. */
static int share(struct taking *taking, struct request *request, struct err *err)
{
	bson_t *filter = BCON_NEW("dataset", BCON_UTF8(taking->dataset->base.name), "state", BCON_UTF8("unlabelled"),
	                          "free_at", "{", "$gt", BCON_INT64(taking->window.now), "$lt", BCON_INT64(INT64_MAX), "}",
	                          "votes.user", "{", "$ne", BCON_UTF8(request->user), "}");
	struct records *window = &taking->window.records;
	size_t oldest = SIZE_MAX;

	records_release(window);
	if (work_find(taking->work, "images", filter, opts_hint("queue", WINDOW_MAX), records_visit, window, err))
		return -1;
	for (size_t i = 0; i < window->count; i++) {
		record_refresh(&window->item[i], rules_quorum_of(&taking->window.policy), taking->window.now);
		int64_t taken = first_taken(&window->item[i]);

		if (taken == INT64_MAX)
			continue;
		if (oldest == SIZE_MAX || taken < first_taken(&window->item[oldest]) ||
		    (taken == first_taken(&window->item[oldest]) &&
		     window->item[i].position < window->item[oldest].position))
			oldest = i;
	}
	if (oldest != SIZE_MAX) {
		lease_claim(taking, request, oldest);
		return lease_execute(taking, err);
	}
	request->settled = true;
	request->result = err_set(&request->err, ERR_NOT_FOUND, "Sample not found");
	return 0;
}

/* For a user to whom the common window gave nothing: looks for samples that this user may have. */
static int take_alone(struct taking *taking, struct request *request, struct err *err)
{
	if (window_fill(&taking->window, taking->work, request->user, lacking(request), err))
		return -1;
	lease_choose(taking, request);
	if (taking->claim_count > 0)
		return lease_execute(taking, err);
	size_t before = request->taken;
	if (taking->window.policy.gold_rate > 0 && lease_serve_gold(taking, request, lacking(request), true, err))
		return -1;
	if (request->taken > before)
		return 0;
	if (request->next)
		return share(taking, request, err);
	request->settled = true;
	return 0;
}

/* --- a batch ------------------------------------------------------------------------------------------------------ */

static int take_round(struct taking *taking, size_t wanted, struct err *err)
{
	if (window_fill(&taking->window, taking->work, NULL, wanted, err))
		return -1;
	for (struct combine_job *job = taking->jobs; job; job = job->next)
		lease_choose(taking, request_of(job));
	if (taking->claim_count > 0)
		return lease_execute(taking, err);
	for (struct combine_job *job = taking->jobs; job; job = job->next) {
		if (lacking(request_of(job)) > 0 && take_alone(taking, request_of(job), err))
			return -1;
	}
	return 0;
}

static int taking_all(struct taking *taking, struct err *err)
{
	if (answer_from_held(taking, err))
		return -1;
	for (struct combine_job *job = taking->jobs; job; job = job->next) {
		struct request *request = request_of(job);

		if (request->settled)
			continue;
		if (request->ids ? lease_serve_chosen(taking, request, err) : lease_serve_gold_due(taking, request, err))
			return -1;
	}
	for (int round = 0; round < LEASE_ROUNDS_MAX; round++) {
		size_t wanted = 0;

		for (struct combine_job *job = taking->jobs; job; job = job->next)
			wanted += lacking(request_of(job));
		if (wanted == 0)
			return 0;
		if (taking->window.contended)
			work_back_off((unsigned)round);
		if (take_round(taking, wanted, err))
			return -1;
	}
	return err_set(err, ERR_UNAVAILABLE, "The queue is too busy");
}

/* Treats requests for a user's next sample at the same time as one request. */
static void find_same(struct combine_job *jobs)
{
	for (struct combine_job *job = jobs; job; job = job->next) {
		struct request *request = request_of(job);

		for (struct combine_job *earlier = jobs; earlier != job && request->next && !request->same; earlier = earlier->next) {
			struct request *other = request_of(earlier);

			if (other->next && !other->same && strcmp(other->user, request->user) == 0)
				request->same = other;
		}
		request->settled = request->same;
	}
}

static void answer_same(struct request *request)
{
	const struct request *same = request->same;

	request->result = same->result;
	request->err = same->err;
	if (same->taken > 0)
		lease_give(request, &same->out[0].sample, same->out[0].token, same->out[0].expires_at);
}

static void run_lease_jobs(void *owner, struct combine_job *jobs)
{
	struct mongodb_dataset *dataset = owner;
	struct taking taking = {.dataset = dataset, .jobs = jobs};
	struct work work;
	struct err err;
	size_t wanted = 0;

	find_same(jobs);
	for (struct combine_job *job = jobs; job; job = job->next)
		wanted += request_of(job)->wanted;
	taking.work = &work;
	taking.claims = memory_new(wanted, sizeof(*taking.claims));
	(void)catch_up_step(dataset, &err); /* after a failure it goes on from there next time */
	int failed = work_begin(&work, dataset->store, &err) || window_open(&taking.window, dataset, &work, &err) ||
	             taking_all(&taking, &err);
	for (struct combine_job *job = jobs; job; job = job->next) {
		struct request *request = request_of(job);

		if (failed && request->result == 0 && !request->same && lacking(request) > 0) {
			request->result = -1;
			request->err = err;
		}
	}
	for (struct combine_job *job = jobs; job; job = job->next) {
		if (request_of(job)->same)
			answer_same(request_of(job));
		else if (taking.window.policy.gold_rate > 0 && !request_of(job)->ids)
			lease_shuffle(request_of(job));
	}
	work_end(&work);
	free(taking.claims);
	window_close(&taking.window);
}

static void lease_lead(void *dataset, struct combine *line)
{
	run_lease_jobs(dataset, combine_take(line));
}

/* --- the operations ----------------------------------------------------------------------------------------------- */

static int lease_ask(struct mongodb_dataset *dataset, struct request *request, struct err *err)
{
	memset(request->out, 0, request->wanted * sizeof(*request->out));
	/* One batch at a time, so that a user's own lease is found again, and a process doesn't compete with itself. */
	combine_do(&dataset->leases, &request->job, lease_lead, dataset, 0);
	if (request->result == 0)
		return 0;
	for (size_t i = 0; i < request->taken; i++)
		task_release(&request->out[i]);
	*err = request->err;
	return -1;
}

int mongodb_next(struct dataset *dataset, const char *user, struct task *out, struct err *err)
{
	struct request request = {.user = user, .wanted = 1, .next = true, .out = out};

	return lease_ask(mongodb_dataset(dataset), &request, err);
}

int mongodb_lease(struct dataset *dataset, const char *user, size_t count, struct task *out, size_t *taken,
                  struct err *err)
{
	struct request request = {.user = user, .wanted = count, .out = out};

	if (lease_ask(mongodb_dataset(dataset), &request, err))
		return -1;
	*taken = request.taken;
	return 0;
}

int mongodb_lease_chosen(struct dataset *dataset, const char *user, const int64_t *ids, size_t count,
                         struct task *out, size_t *taken, struct err *err)
{
	struct request request = {.user = user, .wanted = count, .ids = ids, .out = out};

	if (lease_ask(mongodb_dataset(dataset), &request, err))
		return -1;
	*taken = request.taken;
	return 0;
}
