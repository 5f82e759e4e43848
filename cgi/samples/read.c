/* Reading samples: a page of them, and a single one. */
#include "samples.h"

#include "base/json.h"
#include "base/text.h"
#include "fastcgi/cursor.h"
#include "fastcgi/filter.h"
#include "fastcgi/serve.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = DATASET_PAGE_MAX };
static const char LIST[] = "samples";

int samples_id(struct call *call, int64_t *id, struct err *err)
{
	return text_int64(call->param[0], 0, INT64_MAX - 1, id) ? err_set(err, ERR_NOT_FOUND, "Sample not found") : 0;
}

int samples_find(struct call *call, struct sample *out, struct err *err)
{
	int64_t id;

	return samples_id(call, &id, err) || call_place(call, err) || dataset_sample(call->dataset, id, out, err);
}

static int samples_reply_page(struct call *call, const struct sample *samples, size_t count, int64_t limit,
                              struct err *err)
{
	cJSON *answer = json_new_object(), *items = json_new_array();

	json_add(answer, "items", items);
	for (size_t i = 0; i < count; i++) {
		cJSON *document = serve_document(call, &samples[i], err);

		if (!document) {
			cJSON_Delete(answer);
			return -1;
		}
		json_append(items, document);
	}
	bool more = (int64_t)count == limit;
	int failed = cursor_add_next_number(call, LIST, more ? samples[count - 1].id : 0, more, answer, err);
	reply_json(call->reply, 200, answer);
	return failed;
}

int samples_list(struct call *call, struct err *err)
{
	int64_t limit = LIMIT_DEFAULT, after = -1;
	struct sample_filter filter;
	struct gold_view view;
	struct sample *samples;
	size_t count;

	if (filter_of_query(call->request, &filter, err) ||
	    cursor_page(call, LIST, LIMIT_MAX, &limit, &after, err) || call_place(call, err) || call_view(call, &view, err))
		return -1;
	int failed =
		gold_view_samples(call->dataset, &view, &filter, after, (size_t)limit, &samples, &count, err);
	gold_view_release(&view);
	if (failed)
		return -1;
	failed = samples_reply_page(call, samples, count, limit, err);
	for (size_t i = 0; i < count; i++)
		sample_release(&samples[i]);
	free(samples);
	return failed;
}

int samples_reply(struct call *call, struct sample *sample, struct err *err)
{
	cJSON *document = call_place(call, err) ? NULL : serve_document(call, sample, err);

	if (document)
		reply_json(call->reply, 200, document);
	sample_release(sample);
	return !document;
}

int samples_show(struct call *call, struct err *err)
{
	struct sample sample = {0};

	return samples_find(call, &sample, err) || samples_reply(call, &sample, err);
}
