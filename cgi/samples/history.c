/* The label events of a sample. */
#include "samples.h"

#include "base/json.h"

static void history_event(void *data, const struct label_event *event)
{
	cJSON *document = json_new_object();

	json_add_string(document, "label", event->label);
	json_add_string_or_null(document, "by", *event->by ? event->by : NULL);
	json_add_time(document, "at", event->at);
	json_add_string(document, "source", event->source);
	if (event->lead_time_ms >= 0)
		json_add_int64(document, "lead_time_ms", event->lead_time_ms);
	else
		json_add_null(document, "lead_time_ms");
	json_append(data, document);
}

int samples_history(struct call *call, struct err *err)
{
	struct sample sample;

	const char *user = call_seen_by(call);

	if (samples_find(call, &sample, err))
		return -1;
	cJSON *answer = json_new_object(), *items = json_new_array();
	json_add(answer, "items", items);
	json_add_null(answer, "next");
	int failed = user && sample.gold
	                     ? gold_history(call->dataset, user, sample.id, history_event, items, err)
	                     : dataset_history(call->dataset, sample.id, history_event, items, err);
	sample_release(&sample);
	reply_json(call->reply, 200, answer);
	return failed;
}
