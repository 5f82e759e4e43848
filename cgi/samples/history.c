/* The label events of a sample, and what each person says of it now. */
#include "samples.h"

#include "base/json.h"
#include "dataset/history.h"

static cJSON *history_event(const struct label_event *event, bool taken_back)
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
	json_add_bool(document, "taken_back", taken_back);
	return document;
}

static cJSON *history_vote(const struct rules_vote *vote)
{
	cJSON *document = json_new_object();

	json_add_string(document, "by", vote->user);
	json_add_string(document, "label", vote->label);
	json_add_time(document, "at", vote->at);
	return document;
}

static cJSON *history_document(const struct history *history)
{
	cJSON *answer = json_new_object(), *items = json_new_array(), *votes = json_new_array();

	json_add(answer, "items", items);
	json_add_null(answer, "next");
	json_add(answer, "votes", votes);
	for (size_t i = 0; i < history->events.count; i++) {
		if (history->shown[i])
			json_append(items, history_event(&history->events.item[i], history->taken_back[i]));
	}
	for (size_t i = 0; i < history->vote_count; i++)
		json_append(votes, history_vote(&history->votes[i]));
	return answer;
}

int samples_history(struct call *call, struct err *err)
{
	struct history history;
	struct sample sample;

	if (samples_find(call, &sample, err))
		return -1;
	int failed = history_load(call->dataset, &sample, call_seen_by(call), &history, err);
	if (!failed)
		reply_json(call->reply, 200, history_document(&history));
	history_release(&history);
	sample_release(&sample);
	return failed;
}
