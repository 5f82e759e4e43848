/* Leases in MongoDB of particular samples: those whose answer is known, and those that a user chose. */
#include "dataset/mongodb/taking.h"

/* --- what is known ------------------------------------------------------------------------------------------------ */

enum { GOLD_AT_ONCE = 16 }; /* read for each that is wanted; most are open to most users */

/* Reads samples whose answer is known, from this id on up to below `to`; at_end: also those passed on until then. */
static int read_gold(struct taking *taking, const char *user, bool at_end, int64_t from, int64_t to, size_t most,
                     struct err *err)
{
	bson_t *filter = gold_filter(taking->dataset->base.name), *opts = opts_hint("gold", (int64_t)most);

	int64_t but = at_end ? RULES_VOTE_LATER : INT64_MIN; /* a vote with this number leaves it open */

	BCON_APPEND(filter, "id", "{", "$gte", BCON_INT64(from), "$lt", BCON_INT64(to), "}", "votes", "{", "$not", "{",
	            "$elemMatch", "{", "user", BCON_UTF8(user), "n", "{", "$ne", BCON_INT64(but), "}", "}", "}", "}");
	BCON_APPEND(opts, "sort", "{", "dataset", BCON_INT32(1), "gold", BCON_INT32(1), "id", BCON_INT32(1), "}");
	return work_find(taking->work, "images", filter, opts, records_visit, &taking->window.records, err);
}

static void claim_gold(struct taking *taking, struct request *request, size_t wanted, bool at_end)
{
	struct rules_quorum quorum = rules_quorum_of(&taking->window.policy);
	struct records *records = &taking->window.records;

	for (size_t i = 0; i < records->count && wanted > 0; i++) {
		record_refresh(&records->item[i], quorum, taking->window.now);
		if (!record_is_open_gold(&records->item[i], request->user, at_end, quorum))
			continue;
		lease_claim(taking, request, i);
		wanted--;
	}
}

int lease_serve_gold(struct taking *taking, struct request *request, size_t wanted, bool at_end, struct err *err)
{
	size_t most = wanted * GOLD_AT_ONCE;
	int64_t from = taking->window.end > 0
	                       ? (int64_t)(((uint64_t)arc4random() << 31 | arc4random() >> 1) % (uint64_t)taking->window.end)
	                       : 0;

	records_release(&taking->window.records);
	if (read_gold(taking, request->user, at_end, from, INT64_MAX, most, err) ||
	    (taking->window.records.count < most &&
	     read_gold(taking, request->user, at_end, 0, from, most - taking->window.records.count, err)))
		return -1;
	claim_gold(taking, request, wanted, at_end);
	return taking->claim_count > 0 ? lease_execute(taking, err) : 0;
}

int lease_serve_gold_due(struct taking *taking, struct request *request, struct err *err)
{
	size_t due = 0;

	for (size_t i = 0; i < lacking(request); i++)
		due += gold_is_due(&taking->window.policy, arc4random_uniform(100));
	return due > 0 ? lease_serve_gold(taking, request, due, false, err) : 0;
}

void lease_shuffle(struct request *request)
{
	for (size_t i = request->taken; i > 1; i--) {
		size_t other = arc4random_uniform((uint32_t)i);
		struct task task = request->out[i - 1];

		request->out[i - 1] = request->out[other];
		request->out[other] = task;
	}
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

int lease_serve_chosen(struct taking *taking, struct request *request, struct err *err)
{
	int round = 0;

	do {
		if (round > 0)
			work_back_off((unsigned)round);
		records_release(&taking->window.records);
		if (lease_read_these(taking, request->ids, request->wanted, &taking->window.records, err))
			return -1;
		if (round == 0 && !all_there(taking, request))
			return 0;
		claim_chosen(taking, request);
		taking->window.contended = false;
		if (taking->claim_count > 0 && lease_execute(taking, err))
			return -1;
	} while (taking->window.contended && ++round < LEASE_ROUNDS_MAX);
	if (taking->window.contended)
		return err_set(err, ERR_UNAVAILABLE, "The queue is too busy");
	put_in_order(request);
	request->settled = true;
	return 0;
}
