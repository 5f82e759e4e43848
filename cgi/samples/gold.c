/* Says that a sample's answer is known, or no longer. */
#include "samples.h"

#include "base/json.h"
#include "dataset/correct.h"

static int gold_reply(struct call *call, struct sample *sample, const char *detail, struct err *err)
{
	if (call_audit(call, "sample.gold", call->param[0], detail, err)) {
		sample_release(sample);
		return -1;
	}
	return samples_reply(call, sample, err);
}

int samples_mark_gold(struct call *call, struct err *err)
{
	struct correction correction = samples_correction(call);
	struct sample sample;
	const char *label = "";
	int64_t id;

	return call_body_or_none(call, err) || samples_id(call, &id, err) ||
	       json_string(call->body, "label", false, &label, err) ||
	       sample_mark_gold(call->dataset, id, label, &correction, &sample, err) ||
	       gold_reply(call, &sample, sample.label, err);
}

int samples_unmark_gold(struct call *call, struct err *err)
{
	struct correction correction = samples_correction(call);
	struct sample sample;
	int64_t id;

	return call_body_or_none(call, err) || samples_id(call, &id, err) ||
	       sample_unmark_gold(call->dataset, id, &correction, &sample, err) ||
	       gold_reply(call, &sample, "taken away", err);
}
