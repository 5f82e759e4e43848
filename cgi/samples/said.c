/* GET …/samples?said_by=USER: what one person says of samples, the newest first, whatever the samples' labels are. */
#include "samples.h"

#include "base/json.h"
#include "base/text.h"
#include "dataset/sayings.h"
#include "fastcgi/cursor.h"
#include "fastcgi/serve.h"

enum { PARTS = 3 }; /* of a cursor's key: a place in the list */
static const char LIST[] = "samples/said";

/* What others said, before it is decided, might sway who is asked. */
static int check_asker(const struct call *call, const char *user, struct err *err)
{
	if (!user[0])
		return err_set(err, ERR_BAD_REQUEST, "\"said_by\" must be a user");
	return call->role >= ROLE_CONTRIBUTOR || strcmp(user, call->request->user) == 0
	               ? 0
	               : err_set(err, ERR_FORBIDDEN, "Only a contributor may list what others say; you may list what you do");
}

static int check_others(const struct call *call, struct err *err)
{
	size_t known = 1;

	known += request_query(call->request, "limit") ? 1 : 0;
	known += request_query(call->request, "after") ? 1 : 0;
	return call->request->query_count == known
	               ? 0
	               : err_set(err, ERR_BAD_REQUEST, "Beside \"said_by\" there can be \"limit\" and \"after\" alone");
}

static int said_read_place(struct call *call, struct saying_place *out, struct err *err)
{
	int64_t *const parts[PARTS] = {&out->at, &out->id, &out->n};
	char key[CURSOR_KEY_MAX], *part = key;

	if (cursor_after(call, LIST, key, err))
		return -1;
	for (size_t i = 0; i < PARTS && key[0]; i++) {
		char *end = strchr(part, ' ');

		if (end)
			*end = '\0';
		if (!end != (i == PARTS - 1) || text_int64(part, INT64_MIN, INT64_MAX, parts[i]))
			return err_set(err, ERR_INTERNAL, "A cursor of %s is no place", LIST);
		part = end ? end + 1 : part;
	}
	return 0;
}

static cJSON *saying_document(struct call *call, const struct saying *saying, struct err *err)
{
	cJSON *document = serve_document(call, &saying->sample, err), *said;

	if (!document)
		return NULL;
	said = json_new_object();
	json_add_string(said, "label", saying->label);
	json_add_time(said, "at", saying->at);
	json_add(document, "said", said);
	return document;
}

static int reply_sayings(struct call *call, const struct sayings_page *page, struct err *err)
{
	cJSON *answer = json_new_object(), *items = json_new_array();
	char key[CURSOR_KEY_MAX];

	json_add(answer, "items", items);
	for (size_t i = 0; i < page->count; i++) {
		cJSON *document = saying_document(call, &page->item[i], err);

		if (!document) {
			cJSON_Delete(answer);
			return -1;
		}
		json_append(items, document);
	}
	snprintf(key, sizeof(key), "%lld %lld %lld", (long long)page->reached.at, (long long)page->reached.id,
	         (long long)page->reached.n);
	int failed = cursor_add_next(call, LIST, page->more ? key : NULL, answer, err);
	reply_json(call->reply, 200, answer);
	return failed;
}

int samples_said(struct call *call, const char *user, struct err *err)
{
	struct sayings_page page = {.after = SAYINGS_NEWEST};
	int64_t limit = SAMPLES_LIMIT_DEFAULT;

	if (check_asker(call, user, err) || check_others(call, err) ||
	    request_limit(call->request, DATASET_PAGE_MAX, &limit, err) || said_read_place(call, &page.after, err) ||
	    call_place(call, err))
		return -1;
	page.limit = (size_t)limit;
	int failed = dataset_sayings(call->dataset, user, call_seen_by(call), &page, err) ||
	             reply_sayings(call, &page, err);
	sayings_release(&page);
	return failed;
}
