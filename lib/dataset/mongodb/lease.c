/* Leases in MongoDB: the requests that wait in a process are served together; each sample is taken by
 * compare-and-set. */
#include "dataset/mongodb/internal.h"

enum { ROUNDS_MAX = 50 };

struct request {
	struct combine_job job;
	const char *user;
	size_t wanted;
	bool next;          /* as for /obtain: the user's own lease again, and a shared one when nothing is free */
	const int64_t *ids; /* of the samples that are wanted; NULL: any */
	struct task *out;
	size_t taken;

	/* an earlier request of the batch for the same user's next sample, which answers this one, too */
	struct request *same;
	bool settled; /* nothing more is tried for it */
	int result;
	struct err err;
};

/* A sample that a request gets if nobody was quicker. */
struct claim {
	struct request *request;
	size_t record;
	char token[DATASET_TOKEN_MAX];
	int64_t expires_at;
};

/* The requests of one batch, and how far they are. */
struct taking {
	struct mongodb_dataset *dataset;
	struct work *work;
	struct combine_job *jobs;
	struct window window;
	struct claim *claims;
	size_t claim_count;
};

static struct request *request_of(struct combine_job *job)
{
	return (struct request *)job; /* its first member */
}

static size_t lacking(const struct request *request)
{
	return request->settled ? 0 : request->wanted - request->taken;
}

static void lease_give(struct request *request, const struct sample *sample, const char *token, int64_t expires_at)
{
	struct task *task = &request->out[request->taken++];

	snprintf(task->token, sizeof(task->token), "%s", token);
	task->expires_at = expires_at;
	sample_copy(&task->sample, sample);
	request->settled = request->taken == request->wanted;
}

/* --- what is held ------------------------------------------------------------------------------------------------- */

/* The user's oldest live lease among the records found. */
static struct lease *oldest_own(struct records *found, const char *user, int64_t now, struct record **of)
{
	struct lease *oldest = NULL;

	for (size_t i = 0; i < found->count; i++) {
		struct lease *lease = record_lease(&found->item[i], user, NULL);

		if (!lease || lease->expires <= now || found->item[i].sample.state != SAMPLE_UNLABELLED)
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
		struct record *record;
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

static void lease_claim(struct taking *taking, struct request *request, size_t at)
{
	struct record *record = &taking->window.records.item[at];
	int64_t expires_at = taking->window.now + taking->window.policy.lease_seconds * MICROSECONDS;
	struct lease *lease = record_add_lease(record, request->user, taking->window.now, expires_at);
	struct claim *made = &taking->claims[taking->claim_count++];

	*made = (struct claim){.request = request, .record = at, .expires_at = expires_at};
	snprintf(made->token, sizeof(made->token), "%s", lease->token);
	record_refresh(record, rules_quorum_of(&taking->window.policy), taking->window.now);
}

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

static int read_these(struct taking *taking, const int64_t *ids, size_t count, struct records *found, struct err *err)
{
	bson_t *filter = BCON_NEW("dataset", BCON_UTF8(taking->dataset->base.name)), in, list = BSON_INITIALIZER;

	BSON_APPEND_DOCUMENT_BEGIN(filter, "id", &in);
	for (size_t i = 0; i < count; i++)
		BSON_APPEND_INT64(&list, "0", ids[i]);
	BSON_APPEND_ARRAY(&in, "$in", &list);
	bson_destroy(&list);
	bson_append_document_end(filter, &in);
	return work_find(taking->work, "images", filter, opts_hint("id", 0), records_visit, found, err);
}

/* Finds out which of the claims hold, when not all of them do. */
static int read_back(struct taking *taking, struct records *now_there, struct err *err)
{
	int64_t *ids = memory_new(taking->claim_count + 1, sizeof(*ids));

	for (size_t i = 0; i < taking->claim_count; i++)
		ids[i] = taking->window.records.item[taking->claims[i].record].sample.id;
	int failed = read_these(taking, ids, taking->claim_count, now_there, err);
	free(ids);
	return failed;
}

/* Where the sample's record is; records->count: nowhere. */
static size_t records_at(const struct records *records, int64_t id)
{
	size_t at = 0;

	while (at < records->count && records->item[at].sample.id != id)
		at++;
	return at;
}

static bool is_held(struct records *records, const struct claim *claim, int64_t id)
{
	size_t at = records_at(records, id);

	return at < records->count && record_lease(&records->item[at], claim->request->user, claim->token);
}

/* Writes the claims, each on condition that its sample is unchanged, and gives out those that hold. */
static int execute(struct taking *taking, struct err *err)
{
	mongoc_bulk_operation_t *bulk = work_bulk(taking->work, "images");
	struct records now_there = {.count = 0};
	int64_t changed = 0, matched = 0;
	int failed = 0;

	for (size_t i = 0; i < taking->window.records.count; i++) {
		if (!taking->window.records.item[i].changed)
			continue;
		changed++;
		failed = failed || record_update(bulk, taking->dataset->base.name, &taking->window.records.item[i], err);
	}
	if (work_bulk_run(taking->work, bulk, &matched, err))
		failed = -1;
	taking->window.contended = matched < changed;
	if (!failed && taking->window.contended)
		failed = read_back(taking, &now_there, err);
	for (size_t i = 0; i < taking->claim_count && !failed; i++) {
		const struct claim *made = &taking->claims[i];
		const struct sample *sample = &taking->window.records.item[made->record].sample;

		if (!taking->window.contended || is_held(&now_there, made, sample->id))
			lease_give(made->request, sample, made->token, made->expires_at);
	}
	taking->claim_count = 0;
	records_release(&now_there);
	return failed;
}

/* --- what was chosen ---------------------------------------------------------------------------------------------- */

/* False: one of the samples is not there, and the request is settled. */
static bool all_there(struct taking *taking, struct request *request)
{
	for (size_t i = 0; i < request->wanted && !request->settled; i++) {
		bool found = records_at(&taking->window.records, request->ids[i]) < taking->window.records.count;

		request->result = rules_check_found(request->ids[i], found, &request->err);
		request->settled = request->result != 0;
	}
	return !request->settled;
}

static void claim_chosen(struct taking *taking, struct request *request)
{
	struct records *records = &taking->window.records;
	struct rules_quorum quorum = rules_quorum_of(&taking->window.policy);

	for (size_t i = 0; i < records->count; i++)
		record_refresh(&records->item[i], quorum, taking->window.now);
	for (size_t i = 0; i < request->wanted; i++) {
		size_t at = records_at(records, request->ids[i]);

		if (at < records->count && record_may_choose(&records->item[at], request->user, quorum))
			lease_claim(taking, request, at);
	}
}

/* Later rounds have given what the first one missed. */
static void put_in_order(struct request *request)
{
	size_t done = 0;

	for (size_t i = 0; i < request->wanted; i++) {
		size_t at = done;

		while (at < request->taken && request->out[at].sample.id != request->ids[i])
			at++;
		if (at == request->taken)
			continue;
		struct task task = request->out[at];
		request->out[at] = request->out[done];
		request->out[done++] = task;
	}
}

/* Whoever loses a sample looks again whether it still can be had. */
static int serve_chosen(struct taking *taking, struct request *request, struct err *err)
{
	int round = 0;

	do {
		if (round > 0)
			work_back_off((unsigned)round);
		records_release(&taking->window.records);
		if (read_these(taking, request->ids, request->wanted, &taking->window.records, err))
			return -1;
		if (round == 0 && !all_there(taking, request))
			return 0;
		claim_chosen(taking, request);
		taking->window.contended = false;
		if (taking->claim_count > 0 && execute(taking, err))
			return -1;
	} while (taking->window.contended && ++round < ROUNDS_MAX);
	if (taking->window.contended)
		return err_set(err, ERR_UNAVAILABLE, "The queue is too busy");
	put_in_order(request);
	request->settled = true;
	return 0;
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
		return execute(taking, err);
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
		return execute(taking, err);
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
		return execute(taking, err);
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

		if (request->ids && !request->settled && serve_chosen(taking, request, err))
			return -1;
	}
	for (int round = 0; round < ROUNDS_MAX; round++) {
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
