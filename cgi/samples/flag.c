/* Flags: a note on a sample, for others to look at it. */
#include "samples.h"

#include "base/json.h"

static int set_flag(struct call *call, const char *note, struct err *err)
{
	struct sample sample;
	int64_t id;

	if (samples_id(call, &id, err) || dataset_flag(call->dataset, id, call->request->user, note, &sample, err))
		return -1;
	if (call_audit(call, "sample.flag", call->param[0], note ? note : "taken away", err)) {
		sample_release(&sample);
		return -1;
	}
	return samples_reply(call, &sample, err);
}

int samples_flag(struct call *call, struct err *err)
{
	const char *note = "";

	return call_body_or_none(call, err) || json_string(call->body, "note", false, &note, err) ||
	       set_flag(call, note, err);
}

int samples_unflag(struct call *call, struct err *err)
{
	return set_flag(call, NULL, err);
}
