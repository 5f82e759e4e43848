/* Answers kept by idempotency key in MongoDB. */
#include "dataset/mongodb/internal.h"

enum { CLAIM_TRIES = 20 }; /* when others claim and give up the same key again and again */

struct answer {
	bool found;
	char *fingerprint;
	int64_t at; /* time of the claim */
	bool done;
	int status;
	char *body;
};

static void answer_release(struct answer *answer)
{
	free(answer->fingerprint);
	free(answer->body);
	memset(answer, 0, sizeof(*answer));
}

static bson_t *answer_id(const char *user, const char *key)
{
	return BCON_NEW("_id", "{", "user", BCON_UTF8(user), "key", BCON_UTF8(key), "}");
}

static int answer_from(void *data, const bson_t *document, struct err *err)
{
	struct answer *answer = data;
	bson_iter_t iter;

	(void)err;
	answer->found = true;
	for (bool ok = bson_iter_init(&iter, document); ok && bson_iter_next(&iter);) {
		const char *key = bson_iter_key(&iter);

		if (strcmp(key, "fingerprint") == 0 && BSON_ITER_HOLDS_UTF8(&iter)) {
			free(answer->fingerprint);
			answer->fingerprint = memory_text(bson_iter_utf8(&iter, NULL));
		} else if (strcmp(key, "at") == 0) {
			answer->at = bson_iter_as_int64(&iter);
		} else if (strcmp(key, "status") == 0) {
			answer->done = true;
			answer->status = (int)bson_iter_as_int64(&iter);
		} else if (strcmp(key, "body") == 0 && BSON_ITER_HOLDS_UTF8(&iter)) {
			free(answer->body);
			answer->body = memory_text(bson_iter_utf8(&iter, NULL));
		}
	}
	return 0;
}

static void append_claim(bson_t *document, const char *fingerprint, int64_t now)
{
	BSON_APPEND_UTF8(document, "fingerprint", fingerprint);
	BSON_APPEND_INT64(document, "at", now);
	BSON_APPEND_DATE_TIME(document, "ended", now / 1000 + IDEMPOTENCY_SECONDS * INT64_C(1000));
}

/* Takes over a claim that is still as it was read. */
static int take_over(struct work *work, const char *user, const char *key, const char *fingerprint, int64_t was,
                     int64_t now, bool *taken, struct err *err)
{
	bson_t *filter = answer_id(user, key), *update = bson_new(), set;

	BSON_APPEND_INT64(filter, "at", was);
	BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &set);
	append_claim(&set, fingerprint, now);
	bson_append_document_end(update, &set);
	BCON_APPEND(update, "$unset", "{", "status", BCON_UTF8(""), "body", BCON_UTF8(""), "}");
	return work_update(work, "answers", filter, update, false, taken, err);
}

static int claim_idempotency(struct work *work, const char *user, const char *key, const char *fingerprint,
                             enum idempotency *out, struct answer *answer, struct err *err)
{
	for (unsigned tries = 0; tries < CLAIM_TRIES; tries++) {
		int64_t now;
		bool taken;

		if (work_now(work, &now, err))
			return -1;
		bson_t *document = answer_id(user, key);
		append_claim(document, fingerprint, now);
		*out = IDEMPOTENCY_NEW;
		if (work_insert(work, "answers", document, err) == 0)
			return 0;
		if (!work->duplicate)
			return -1;
		answer_release(answer);
		if (work_find(work, "answers", answer_id(user, key), NULL, answer_from, answer, err))
			return -1;
		if (!answer->found) { /* given up meanwhile */
			work_back_off(tries);
			continue;
		}
		bool same = answer->fingerprint && strcmp(answer->fingerprint, fingerprint) == 0;
		*out = rules_claim(same, answer->done, now - answer->at);
		if (*out != IDEMPOTENCY_NEW)
			return 0;
		if (take_over(work, user, key, fingerprint, answer->at, now, &taken, err))
			return -1;
		if (taken)
			return 0;
		work_back_off(tries);
	}
	return err_set(err, ERR_UNAVAILABLE, "This Idempotency-Key is claimed and given up again and again");
}

int mongodb_idempotency_claim(struct dataset_store *store, const char *user, const char *key, const char *fingerprint,
                              enum idempotency *out, int *status, char **body, struct err *err)
{
	struct answer answer = {.found = false};
	struct work work;
	int failed = work_begin(&work, mongodb_store(store), err) ||
	             claim_idempotency(&work, user, key, fingerprint, out, &answer, err);

	work_end(&work);
	*status = answer.status;
	*body = NULL;
	if (!failed && *out == IDEMPOTENCY_DONE)
		*body = memory_text(answer.body ? answer.body : "");
	answer_release(&answer);
	return failed;
}

int mongodb_idempotency_finish(struct dataset_store *store, const char *user, const char *key, int status,
                               const char *body, struct err *err)
{
	struct work work;
	bool found;
	int failed = work_begin(&work, mongodb_store(store), err) ||
	             work_update(&work, "answers", answer_id(user, key),
	                         BCON_NEW("$set", "{", "status", BCON_INT32(status), "body", BCON_UTF8(body), "}"), false,
	                         &found, err);

	work_end(&work);
	return failed;
}

int mongodb_idempotency_abandon(struct dataset_store *store, const char *user, const char *key, struct err *err)
{
	struct work work;
	int failed = work_begin(&work, mongodb_store(store), err);

	if (!failed) {
		bson_t *filter = answer_id(user, key);

		BCON_APPEND(filter, "status", "{", "$exists", BCON_BOOL(false), "}");
		failed = work_delete(&work, "answers", filter, err);
	}
	work_end(&work);
	return failed;
}
