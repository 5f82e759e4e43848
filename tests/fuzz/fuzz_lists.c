/* Fuzzes what requests for lists say, by the input's first byte: the query of a filter ('q'), a JSON object with
 * "filter", "ids" and "policy" ('j'), a cursor ('c'), a split ('s'), the name of a kind or a time ('w').
 *
 * Parses: lib/fastcgi/filter.c lib/fastcgi/ids.c lib/fastcgi/document.c lib/fastcgi/cursor.c lib/dataset/split.c
 * lib/base/text.c lib/base/text_time.c lib/dataset/dataset.c lib/dataset/values.c lib/auth/token.c */
#include "fuzz.h"

#include "auth/token.h"
#include "base/json.h"
#include "dataset/split.h"
#include "fastcgi/cursor.h"
#include "fastcgi/document.h"
#include "fastcgi/filter.h"
#include "fastcgi/ids.h"

enum { IDS_MAX = 100 };

static void check_filter(const struct sample_filter *filter, int failed, const struct err *err)
{
	if (failed) {
		require_told(err);
		return;
	}
	require(!filter->of_state || sample_state_name(filter->state));
	require(!filter->label || !*filter->label || text_check_label(filter->label, NULL) == 0);
	require((!filter->by || *filter->by) && (!filter->q || strlen(filter->q) <= TEXT_FILEPATH_MAX));
	require(filter->since >= 0);
}

static void check_query(const char *text)
{
	struct request request = {0};
	struct sample_filter filter;
	struct err err = {0};

	if (request_parse_target(&request, text, &err) == 0)
		check_filter(&filter, filter_of_list(&request, &filter, &err), &err);
	request_release(&request);
}

static void check_policy(const cJSON *document)
{
	struct dataset_policy policy = dataset_policy_default();
	struct err err = {0};
	unsigned fields = 0;

	if (document_policy_parse(document, &policy, &fields, &err)) {
		require_told(&err);
		return;
	}
	require((fields & ~(unsigned)DATASET_POLICY_ALL) == 0);
	require(policy.overlap >= 1 && policy.overlap <= DATASET_OVERLAP_MAX && policy.gold_rate >= 0 && policy.gold_rate <= 100);
	require(policy.lease_seconds >= 0 && policy.lease_seconds <= DATASET_LEASE_SECONDS_MAX);
	require(dataset_order_name(policy.order) && dataset_skip_name(policy.skip));
}

static void check_object(const char *text, size_t len)
{
	struct err err = {0};
	cJSON *object = json_parse_object(text, len, &err);
	struct sample_filter filter;
	int64_t *ids = NULL;
	size_t count;

	if (!object)
		return;
	const cJSON *part = cJSON_GetObjectItemCaseSensitive(object, "filter");
	if (cJSON_IsObject(part))
		check_filter(&filter, filter_of_json(part, &filter, &err), &err);
	if (ids_read(cJSON_GetObjectItemCaseSensitive(object, "ids"), IDS_MAX, &ids, &count, &err) == 0) {
		require(count <= IDS_MAX);
		for (size_t i = 0; i < count; i++)
			require(ids[i] >= 0);
	}
	free(ids);
	part = cJSON_GetObjectItemCaseSensitive(object, "policy");
	if (cJSON_IsObject(part))
		check_policy(part);
	cJSON_Delete(object);
}

/* One that is read is the only one of its key; and each text that can be a key has one. */
static void check_cursor(const char *text)
{
	char key[CURSOR_KEY_MAX], made[CURSOR_MAX];

	if (cursor_read("samples", "uuid", text, key, NULL) == 0) {
		cursor_make("samples", "uuid", key, made);
		require(strcmp(made, text) == 0);
	}
	if (!*text || strlen(text) >= CURSOR_KEY_MAX)
		return;
	cursor_make("samples", "uuid", text, made);
	require(cursor_read("samples", "uuid", made, key, NULL) == 0 && strcmp(key, text) == 0);
	require(cursor_read("samples", "other", made, key, NULL) && cursor_read("labels", "uuid", made, key, NULL));
}

static void check_split(const char *text)
{
	struct split split = {.percent = {0}};
	struct err err = {0};

	if (split_parse(text, "seed", &split, &err))
		require_told(&err);
	else
		require(split.percent[0] >= 0 && split.percent[1] >= 0 && split.percent[2] >= 0 &&
		        split.percent[0] + split.percent[1] + split.percent[2] == 100);
	split_release(&split);
}

static void check_word(const char *text)
{
	static const char *const words[] = {"unlabelled", "labelled", "skipped"};
	enum dataset_order order;
	enum dataset_skip skip;
	enum sample_state state;
	struct err err = {0};
	char again[TEXT_TIME_MAX];
	int64_t time, number;
	bool read_only;

	if (text_time_parse(text, &time) == 0 && time >= 0 && *text == '2')
		require(strlen(text_time(time, again)) >= strlen("2026-01-31T12:34:56.789Z"));
	require(text_int64(text, -5, 5, &number) || (number >= -5 && number <= 5));
	require(dataset_order_parse(text, &order, &err) || dataset_order_name(order));
	require(dataset_skip_parse(text, &skip, &err) || strcmp(dataset_skip_name(skip), text) == 0);
	require(!sample_state_parse(text, &state) || strcmp(sample_state_name(state), text) == 0);
	require(token_scope_parse(text, &read_only, &err) || strcmp(text, read_only ? "read" : "write") == 0);
	text_nearest(text, words, 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	char *text = fuzz_text(data + 1, size - 1);
	switch (data[0]) {
	case 'q': check_query(text); break;
	case 'j': check_object(text, strlen(text)); break;
	case 'c': check_cursor(text); break;
	case 's': check_split(text); break;
	default: check_word(text);
	}
	free(text);
	return 0;
}
