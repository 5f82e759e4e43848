/* Sends images with libcurl's multi interface. */
#include "send.h"


#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"

enum {
	ANSWER_BYTES = 256 * 1024,
	URL_BYTES = 32 * 1024,
	UPLOAD_BUFFER_BYTES = 256 * 1024,
	POLL_MS = 100,
	LOST_MAX = 3, /* images given up in a row before the server is given up */
};

/* One of the simultaneous uploads. */
struct slot {
	enum { SLOT_FREE, SLOT_SENDING, SLOT_WAITING } state;
	CURL *easy;
	struct source_item item;
	int64_t at; /* bytes of the item that were read */
	bool unreadable;
	int tries;
	int64_t due_us; /* for SLOT_WAITING */
	struct http_answer answer;
};

struct sender {
	struct remote *remote;
	struct source *source;
	struct report *report;
	CURLM *multi;
	struct slot slot[SEND_JOBS_MAX];
	int jobs, sending, waiting;
	int lost;    /* images given up since the server last answered */
	bool ended;  /* nothing more is read from the source */
	bool failed; /* because of `failure` */
	struct err failure;
};

static void send_fail(struct sender *sender, const struct err *err)
{
	if (!sender->failed)
		sender->failure = *err;
	sender->failed = sender->ended = true;
}

/* --- one image ---------------------------------------------------------------------------------------------------- */

static size_t give_bytes(char *out, size_t size, size_t count, void *data)
{
	struct slot *slot = data;
	ssize_t got = source_item_read(&slot->item, slot->at, out, size * count);

	slot->unreadable = got < 0;
	if (got < 0)
		return CURL_READFUNC_ABORT;
	slot->at += got;
	return (size_t)got;
}

/* libcurl goes back to the start when a kept connection turns out to be closed. */
static int seek_bytes(void *data, curl_off_t offset, int origin)
{
	struct slot *slot = data;

	if (origin != SEEK_SET)
		return CURL_SEEKFUNC_CANTSEEK;
	slot->at = offset;
	return CURL_SEEKFUNC_OK;
}

static void send_start(struct sender *sender, struct slot *slot)
{
	static struct curl_slist no_expect = {.data = (char *)"Expect:"};
	struct buf path;

	buf_init(&path, URL_BYTES);
	remote_image_path(sender->remote, slot->item.path, slot->item.label, &path);
	http_prepare(slot->easy, sender->remote->server, buf_text(&path), &slot->answer);
	buf_release(&path);
	slot->at = 0;
	slot->tries++;
	slot->unreadable = false;
	curl_easy_setopt(slot->easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(slot->easy, CURLOPT_HTTPHEADER, &no_expect);
	curl_easy_setopt(slot->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)slot->item.bytes);
	curl_easy_setopt(slot->easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_BUFFER_BYTES);
	curl_easy_setopt(slot->easy, CURLOPT_READFUNCTION, give_bytes);
	curl_easy_setopt(slot->easy, CURLOPT_READDATA, slot);
	curl_easy_setopt(slot->easy, CURLOPT_SEEKFUNCTION, seek_bytes);
	curl_easy_setopt(slot->easy, CURLOPT_SEEKDATA, slot);
	curl_easy_setopt(slot->easy, CURLOPT_PRIVATE, slot);
	curl_multi_add_handle(sender->multi, slot->easy);
	slot->state = SLOT_SENDING;
	sender->sending++;
}

static void empty_slot(struct slot *slot)
{
	source_item_release(&slot->item);
	slot->state = SLOT_FREE;
	slot->tries = 0;
}

/* Whether the server says that it has these bytes already; -1 when it does not answer as ours does. */
static int answered_duplicate(const struct http_answer *answer)
{
	bool duplicate = false;
	cJSON *document = json_parse_object(buf_text(&answer->body), answer->body.len, &(struct err){0});
	int failed = !document || json_bool(document, "duplicate", true, &duplicate, &(struct err){0});

	cJSON_Delete(document);
	return failed ? -1 : duplicate;
}

/* Whether all further images would fail in the same way. */
static bool is_hopeless(const struct http_answer *answer)
{
	return answer->code == CURLE_OK && (answer->status == 401 || answer->status == 403 ||
	                                    answer->status == 404 || answer->status == 507);
}

static void judge_failure(struct sender *sender, struct slot *slot)
{
	const struct http_answer *answer = &slot->answer;
	struct err err = {0};

	if (slot->unreadable) {
		report_failed(sender->report, slot->item.path, "it cannot be read to its end");
		return;
	}
	http_explain(sender->remote->server, answer, &err);
	if (is_hopeless(answer) || (answer->code != CURLE_OK && !http_is_down(answer))) {
		send_fail(sender, &err);
		return;
	}
	sender->lost = http_is_down(answer) ? sender->lost + 1 : 0;
	report_failed(sender->report, slot->item.path, err.text);
	if (sender->lost >= LOST_MAX)
		send_fail(sender, &err);
}

static void send_judge(struct sender *sender, struct slot *slot)
{
	const struct http_answer *answer = &slot->answer;
	bool stored = answer->code == CURLE_OK && (answer->status == 200 || answer->status == 201);
	int duplicate = stored ? answered_duplicate(answer) : -1;

	if (duplicate < 0) {
		judge_failure(sender, slot);
		return;
	}
	sender->lost = 0;
	if (duplicate)
		report_duplicate(sender->report);
	else
		report_loaded(sender->report, slot->item.bytes);
}

static void send_finish(struct sender *sender, struct slot *slot, CURLcode code)
{
	curl_multi_remove_handle(sender->multi, slot->easy);
	http_finish(slot->easy, code, &slot->answer);
	sender->sending--;
	int wait = slot->unreadable || sender->failed ? -1 : http_retry_ms(&slot->answer, slot->tries, HTTP_TRIES);
	if (wait >= 0) {
		if (slot->answer.code == CURLE_OK && slot->answer.status == 429)
			slot->tries--;
		slot->due_us = clock_us() + wait * 1000;
		slot->state = SLOT_WAITING;
		sender->waiting++;
		return;
	}
	send_judge(sender, slot);
	empty_slot(slot);
}

/* --- all of them -------------------------------------------------------------------------------------------------- */

static bool send_is_present(struct sender *sender, struct source_item *item, struct err *err)
{
	unsigned char sha256[HASH_SHA256_SIZE];

	return known_size(&sender->remote->known, item->bytes) && source_item_sha256(item, sha256, err) == 0 &&
	       known_content(&sender->remote->known, sha256);
}

/* Reads the source's next file into a free slot, unless the file is skipped. */
static void send_take(struct sender *sender, struct slot *slot)
{
	struct err err = {0};
	int more = source_next(sender->source, &slot->item, &err);

	if (more < 0)
		send_fail(sender, &err);
	if (more <= 0)
		sender->ended = true;
	if (more <= 0 || !slot->item.path)
		return;
	if (send_is_present(sender, &slot->item, &err)) {
		report_present(sender->report);
		empty_slot(slot);
	} else if (remote_prepare(sender->remote, slot->item.label, &err)) {
		send_fail(sender, &err);
		empty_slot(slot);
	} else {
		send_start(sender, slot);
	}
}

static struct slot *free_slot(struct sender *sender)
{
	for (int i = 0; !sender->ended && i < sender->jobs; i++)
		if (sender->slot[i].state == SLOT_FREE)
			return &sender->slot[i];
	return NULL;
}

/* Sends waiting images again when they are due. After a failure of the whole they are dropped as if never read. */
static void restart_due(struct sender *sender)
{
	int64_t now = sender->waiting ? clock_us() : 0;

	for (int i = 0; i < sender->jobs; i++) {
		struct slot *slot = &sender->slot[i];

		if (slot->state != SLOT_WAITING || (slot->due_us > now && !sender->failed))
			continue;
		sender->waiting--;
		if (sender->failed)
			empty_slot(slot);
		else
			send_start(sender, slot);
	}
}

static void step(struct sender *sender)
{
	struct slot *slot;
	CURLMsg *message;
	int running, left;

	restart_due(sender);
	/* One file a step, so that many known files in a row keep no connection waiting. */
	if ((slot = free_slot(sender)))
		send_take(sender, slot);
	curl_multi_perform(sender->multi, &running);
	while ((message = curl_multi_info_read(sender->multi, &left))) {
		CURLcode code = message->data.result;

		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&slot);
		send_finish(sender, slot, code);
	}
	report_show(sender->report, sender->source->done, sender->source->total);
	if (!free_slot(sender) && (sender->sending || sender->waiting))
		curl_multi_poll(sender->multi, NULL, 0, POLL_MS, NULL);
}

static int send_prepare(struct sender *sender, int jobs, struct err *err)
{
	sender->multi = curl_multi_init();
	for (; sender->jobs < jobs; sender->jobs++) {
		sender->slot[sender->jobs].easy = curl_easy_init();
		http_answer_init(&sender->slot[sender->jobs].answer, ANSWER_BYTES);
		if (!sender->slot[sender->jobs].easy)
			break;
	}
	if (!sender->multi || sender->jobs < jobs)
		return err_set(err, ERR_INTERNAL, "libcurl cannot be set up");
	curl_multi_setopt(sender->multi, CURLMOPT_MAXCONNECTS, (long)jobs);
	return 0;
}

static void send_release(struct sender *sender)
{
	for (int i = 0; i < sender->jobs; i++) {
		struct slot *slot = &sender->slot[i];

		if (slot->state == SLOT_SENDING)
			curl_multi_remove_handle(sender->multi, slot->easy);
		source_item_release(&slot->item);
		curl_easy_cleanup(slot->easy);
		http_answer_release(&slot->answer);
	}
	curl_multi_cleanup(sender->multi);
	free(sender);
}

int send_all(struct remote *remote, struct source *source, struct report *report, int jobs, struct err *err)
{
	struct sender *sender = memory_new(1, sizeof(*sender));

	sender->remote = remote;
	sender->source = source;
	sender->report = report;
	int failed = send_prepare(sender, jobs, err);
	while (!failed && !*remote->server->stopped && (!sender->ended || sender->sending || sender->waiting))
		step(sender);
	if (!failed && sender->failed && !*remote->server->stopped) {
		*err = sender->failure;
		failed = -1;
	}
	send_release(sender);
	return failed;
}
