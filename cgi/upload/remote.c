/* Reads and changes the dataset on the server. */
#include "remote.h"

#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"

enum {
	FIRST_TRIES = 3,
	PAGE = 500, /* items a request; fewer when they turn out too large */
	PATH_BYTES = 32 * 1024,
};

static void add_path(const struct remote *remote, const char *rest, struct buf *out)
{
	buf_str(out, "/v1/datasets/");
	text_percent_encode_segment(remote->dataset, out);
	buf_str(out, rest);
}

void remote_image_path(const struct remote *remote, const char *filepath, const char *label, struct buf *out)
{
	add_path(remote, "/images/", out);
	text_percent_encode(filepath, out);
	if (*label) {
		buf_str(out, "?label=");
		text_percent_encode_segment(label, out);
	}
}

static int not_ours(const struct remote *remote, struct err *err)
{
	return err_set(err, ERR_UPSTREAM, "The answer of %s is not that of an image-label-server",
	               remote->server->base);
}

/* --- lists -------------------------------------------------------------------------------------------------------- */

typedef int take_item(struct remote *remote, const cJSON *item, struct err *err);

static int take_page(struct remote *remote, const struct http_answer *answer, take_item *take, char **next,
                     size_t *count, struct err *err)
{
	cJSON *page = json_parse_object(buf_text(&answer->body), answer->body.len, err);
	const cJSON *items = cJSON_GetObjectItemCaseSensitive(page, "items"), *item;
	const char *after = NULL;
	int failed = 0;

	if (!cJSON_IsArray(items) || json_string(page, "next", false, &after, err))
		failed = not_ours(remote, err);
	else
		cJSON_ArrayForEach(item, items) {
			failed = failed || take(remote, item, err);
			(*count)++;
		}
	free(*next);
	*next = after && !failed ? memory_text(after) : NULL;
	cJSON_Delete(page);
	return failed;
}

static int ask_page(struct remote *remote, const char *list, const char *next, int *limit,
                    struct http_answer *answer, struct err *err)
{
	struct buf path;

	buf_init(&path, PATH_BYTES);
	for (;; *limit /= 4) {
		buf_clear(&path);
		add_path(remote, list, &path);
		buf_printf(&path, "?limit=%d", *limit);
		if (next) {
			buf_str(&path, "&after=");
			text_percent_encode_segment(next, &path);
		}
		int failed = http_ask(remote->easy, remote->server, buf_text(&path), NULL, remote->tries, answer, err);
		remote->tries = HTTP_TRIES;
		if (answer->body.overflow && *limit >= 4)
			continue;
		buf_release(&path);
		return failed;
	}
}

/* ERR_NOT_FOUND when there is no such dataset. */
static int each_item(struct remote *remote, const char *list, take_item *take, remote_seen *seen, void *data,
                     struct err *err)
{
	struct http_answer answer;
	char *next = NULL;
	size_t count = 0;
	int limit = PAGE, failed;

	http_answer_init(&answer, JSON_BODY_MAX);
	do {
		failed = ask_page(remote, list, next, &limit, &answer, err);
		if (!failed && answer.status != 200) {
			failed = http_explain(remote->server, &answer, err);
			if (answer.status == 404)
				err->code = ERR_NOT_FOUND;
		}
		failed = failed || take_page(remote, &answer, take, &next, &count, err);
		if (!failed && seen)
			seen(data, count);
	} while (!failed && next);
	http_answer_release(&answer);
	free(next);
	return failed;
}

static void keep_label(struct remote *remote, const char *name)
{
	if (remote->label_count == remote->label_room) {
		remote->label_room = remote->label_room ? remote->label_room * 2 : 64;
		remote->labels = memory_grow(remote->labels, remote->label_room, sizeof(*remote->labels));
	}
	char *copy = memory_text(name);
	remote->labels[remote->label_count++] = copy;
}

static int remote_take_label(struct remote *remote, const cJSON *item, struct err *err)
{
	const char *name;

	if (!cJSON_IsObject(item) || json_string(item, "name", true, &name, err))
		return not_ours(remote, err);
	keep_label(remote, name);
	return 0;
}

/* An image in the dataset's own folder has no digest: the server knows only its filepath. */
static int remote_take_sample(struct remote *remote, const cJSON *item, struct err *err)
{
	unsigned char digest[HASH_SHA256_SIZE];
	const char *hex = NULL;
	int64_t bytes = 0;

	if (!cJSON_IsObject(item) || json_string(item, "sha256", false, &hex, err) ||
	    json_int64(item, "bytes", false, 0, INT64_C(1) << 53, &bytes, err))
		return not_ours(remote, err);
	if (!hex || strlen(hex) != HASH_SHA256_HEX - 1)
		return 0;
	for (size_t i = 0; i < HASH_SHA256_SIZE; i++) {
		int high = text_hex_digit(hex[2 * i]), low = text_hex_digit(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return not_ours(remote, err);
		digest[i] = (unsigned char)(high << 4 | low);
	}
	known_add(&remote->known, bytes, digest);
	remote->known_samples++;
	return 0;
}

int remote_open(struct remote *remote, const struct http_server *server, const char *dataset, remote_seen *seen,
                void *data, struct err *err)
{
	*remote = (struct remote){.server = server, .dataset = dataset, .easy = curl_easy_init(), .tries = FIRST_TRIES};
	if (!remote->easy)
		return err_set(err, ERR_INTERNAL, "libcurl cannot be set up");
	if (each_item(remote, "/labels", remote_take_label, NULL, NULL, err))
		return err->code != ERR_NOT_FOUND;
	remote->there = true;
	return each_item(remote, "/samples", remote_take_sample, seen, data, err);
}

void remote_release(struct remote *remote)
{
	curl_easy_cleanup(remote->easy);
	for (size_t i = 0; i < remote->label_count; i++)
		free(remote->labels[i]);
	free(remote->labels);
	known_release(&remote->known);
	memset(remote, 0, sizeof(*remote));
}

/* --- making ------------------------------------------------------------------------------------------------------- */

/* POSTs {"name": name}; returns the answer's status, or -1. */
static long post_name(struct remote *remote, const char *path, const char *name, struct err *err)
{
	struct http_answer answer;
	cJSON *body = json_new_object();

	http_answer_init(&answer, JSON_BODY_MAX);
	json_add_string(body, "name", name);
	long status = http_ask(remote->easy, remote->server, path, body, HTTP_TRIES, &answer, err) ? -1 : answer.status;
	if (status >= 300)
		http_explain(remote->server, &answer, err);
	http_answer_release(&answer);
	cJSON_Delete(body);
	return status;
}

static int remote_make_dataset(struct remote *remote, struct err *err)
{
	if (remote->there)
		return 0;
	long status = post_name(remote, "/v1/datasets", remote->dataset, err);
	if (status == 403)
		return err_set(err, ERR_FORBIDDEN,
		               "There is no dataset %s that you may see, and making one is up to an admin",
		               remote->dataset);
	bool is_known = status == 409; /* made meanwhile, by another client or by a request whose answer was lost */
	if (is_known && each_item(remote, "/labels", remote_take_label, NULL, NULL, err))
		return -1;
	remote->there = status == 201 || is_known;
	return remote->there ? 0 : err_prefix(err, "Dataset %s cannot be made", remote->dataset);
}

static bool remote_has_label(struct remote *remote, const char *label)
{
	if (remote->label_last < remote->label_count && strcmp(remote->labels[remote->label_last], label) == 0)
		return true;
	for (size_t i = 0; i < remote->label_count; i++)
		if (strcmp(remote->labels[i], label) == 0) {
			remote->label_last = i; /* the next file is likely to have it, too */
			return true;
		}
	return false;
}

int remote_prepare(struct remote *remote, const char *label, struct err *err)
{
	struct buf path;

	if (remote_make_dataset(remote, err))
		return -1;
	if (*label == '\0' || remote_has_label(remote, label))
		return 0;
	buf_init(&path, PATH_BYTES);
	add_path(remote, "/labels", &path);
	long status = post_name(remote, buf_text(&path), label, err);
	buf_release(&path);
	if (status != 200 && status != 201)
		return err_prefix(err, "Label %s cannot be added to dataset %s", label, remote->dataset);
	keep_label(remote, label);
	return 0;
}
