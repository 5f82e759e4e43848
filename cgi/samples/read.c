/* Reading samples: a page of them, one, and its history. */
#include "samples.h"

#include "base/json.h"
#include "base/text.h"
#include "fastcgi/serve.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 1000 };

int samples_find(struct call *call, struct sample *out, struct err *err)
{
	int64_t id;

	if (text_int64(call->param[0], 0, INT64_MAX - 1, &id))
		return err_set(err, ERR_NOT_FOUND, "Sample not found");
	return call_place(call, err) || dataset_sample(call->dataset, id, out, err) ? -1 : 0;
}

static int reply_page(struct call *call, const struct sample *samples, size_t count, int64_t limit, struct err *err)
{
	cJSON *answer = json_new_object(), *items = json_new_array();
	char next[32] = "";

	json_add(answer, "items", items);
	for (size_t i = 0; i < count; i++) {
		cJSON *document = serve_document(call, &samples[i], err);

		if (!document) {
			cJSON_Delete(answer);
			return -1;
		}
		json_append(items, document);
	}
	if ((int64_t)count == limit)
		snprintf(next, sizeof(next), "%lld", (long long)samples[count - 1].id);
	json_add_string_or_null(answer, "next", *next ? next : NULL);
	reply_json(call->reply, 200, answer);
	return 0;
}

int samples_list(struct call *call, struct err *err)
{
	int64_t limit = LIMIT_DEFAULT, after = -1;
	struct sample *samples;
	size_t count;

	if (request_page(call->request, LIMIT_MAX, &limit, &after, err) || call_place(call, err) ||
	    dataset_samples(call->dataset, after, (size_t)limit, &samples, &count, err))
		return -1;
	int failed = reply_page(call, samples, count, limit, err);
	for (size_t i = 0; i < count; i++)
		sample_release(&samples[i]);
	free(samples);
	return failed;
}

int samples_show(struct call *call, struct err *err)
{
	struct sample sample = {0};
	cJSON *document = samples_find(call, &sample, err) ? NULL : serve_document(call, &sample, err);

	if (document)
		reply_json(call->reply, 200, document);
	sample_release(&sample);
	return document ? 0 : -1;
}
