/* Takes leases in MongoDB by compare-and-set: claims them in the window's records, and gives those that hold. */
#include "dataset/mongodb/taking.h"

void lease_give(struct request *request, const struct sample *sample, const char *token, int64_t expires_at)
{
	struct task *task = &request->out[request->taken++];

	snprintf(task->token, sizeof(task->token), "%s", token);
	task->expires_at = expires_at;
	sample_copy(&task->sample, sample);
	request->settled = request->taken == request->wanted;
}

void lease_claim(struct taking *taking, struct request *request, size_t at)
{
	struct record *record = &taking->window.records.item[at];
	int64_t expires_at = taking->window.now + taking->window.policy.lease_seconds * MICROSECONDS;
	struct lease *lease = record_add_lease(record, request->user, taking->window.now, expires_at);
	struct claim *made = &taking->claims[taking->claim_count++];

	*made = (struct claim){.request = request, .record = at, .expires_at = expires_at};
	snprintf(made->token, sizeof(made->token), "%s", lease->token);
	record_refresh(record, rules_quorum_of(&taking->window.policy), taking->window.now);
}

int lease_read_these(struct taking *taking, const int64_t *ids, size_t count, struct records *found, struct err *err)
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
	int failed = lease_read_these(taking, ids, taking->claim_count, now_there, err);
	free(ids);
	return failed;
}

size_t records_at(const struct records *records, int64_t id)
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

int lease_execute(struct taking *taking, struct err *err)
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
