/* What is done with one leased sample: a label, a skip, more time, or nothing. */
#include "tasks.h"

#include "base/json.h"
#include "dataset/task.h"
#include "fastcgi/serve.h"

/* a day: more than any person needs for one image */
enum { LEAD_TIME_MS_MAX = 24 * 3600 * 1000 };

int tasks_label(struct call *call, struct err *err)
{
	struct sample sample;
	const char *given;
	int64_t lead_time_ms = -1;

	if (call_body(call, err) || json_string(call->body, "label", true, &given, err) ||
	    json_int64(call->body, "lead_time_ms", false, 0, LEAD_TIME_MS_MAX, &lead_time_ms, err) ||
	    lease_label_once(call->dataset, call->request->user, call->param[0], given, lead_time_ms, call->request->id,
	                     &sample, err))
		return -1;
	cJSON *document = call_place(call, err) ? NULL : serve_document(call, &sample, err);
	sample_release(&sample);
	if (document)
		reply_json(call->reply, 200, document);
	return !document;
}

int tasks_renew(struct call *call, struct err *err)
{
	int64_t expires_at;

	if (call_body_or_none(call, err) ||
	    lease_renew(call->dataset, call->request->user, call->param[0], &expires_at, err))
		return -1;
	cJSON *answer = json_new_object();
	json_add_time(answer, "expires_at", expires_at);
	reply_json(call->reply, 200, answer);
	return 0;
}

int tasks_release_one(struct call *call, struct err *err)
{
	reply_empty(call->reply, 204);
	return call_body_or_none(call, err) ||
	       lease_give_back(call->dataset, call->request->user, call->param[0], err);
}

int tasks_skip(struct call *call, struct err *err)
{
	const char *named = NULL;

	if (call_body_or_none(call, err) || json_string(call->body, "policy", false, &named, err) || call_place(call, err))
		return -1;
	enum dataset_skip policy = call->info.place.policy.skip;
	reply_empty(call->reply, 204);
	return (named && dataset_skip_parse(named, &policy, err)) ||
	       lease_skip(call->dataset, call->request->user, call->param[0], policy, err);
}
