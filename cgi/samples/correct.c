/* One sample's label, given directly, removed or undone. */
#include "samples.h"

#include "base/json.h"
#include "dataset/correct.h"

struct correction samples_correction(const struct call *call)
{
	return (struct correction){.user = call->request->user,
	                           .annotates = call->role < ROLE_CONTRIBUTOR,
	                           .request = call->request->id};
}

/* Reads the version in the body, if there is one. */
static int read_version(struct call *call, struct correction *out, struct err *err)
{
	int64_t version = -1;

	if (json_int64(call->body, "version", false, 0, INT64_MAX, &version, err))
		return -1;
	out->of_version = version >= 0;
	out->version = version;
	return 0;
}

int samples_label(struct call *call, struct err *err)
{
	struct correction correction = samples_correction(call);
	struct sample sample;
	const char *label;
	int64_t id;

	return call_body(call, err) || samples_id(call, &id, err) || json_string(call->body, "label", true, &label, err) ||
	       read_version(call, &correction, err) ||
	       sample_decide(call->dataset, id, label, &correction, &sample, err) || samples_reply(call, &sample, err);
}

int samples_undo(struct call *call, struct err *err)
{
	struct correction correction = samples_correction(call);
	struct sample sample;
	int64_t id;

	return call_body_or_none(call, err) || samples_id(call, &id, err) || read_version(call, &correction, err) ||
	       json_bool(call->body, "own", false, &correction.own, err) ||
	       sample_undo(call->dataset, id, &correction, &sample, err) || samples_reply(call, &sample, err);
}
