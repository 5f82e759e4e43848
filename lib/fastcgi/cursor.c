/* Makes and reads the cursors of lists. */
#include "fastcgi/cursor.h"

#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"

enum { TAG = 9, NUMBER_MAX = 24 }; /* bytes; a tag of a multiple of 3 bytes keeps the key's characters separate */

static void make_tag(const char *list, const char *scope, const char *key, unsigned char out[TAG])
{
	unsigned char digest[HASH_SHA256_SIZE];
	struct buf text;

	buf_init(&text, 2 * CURSOR_KEY_MAX);
	buf_add(&text, list, strlen(list) + 1);
	buf_str(&text, key);
	hash_hmac_sha256(scope, strlen(scope), buf_text(&text), text.len, digest);
	buf_release(&text);
	memcpy(out, digest, TAG);
}

/* Converts between the alphabets of base64 and base64url. */
static void translate(char *text, const char *from, const char *to)
{
	for (; *text; text++) {
		const char *found = strchr(from, *text);

		if (found)
			*text = to[found - from];
	}
}

void cursor_make(const char *list, const char *scope, const char *key, char out[CURSOR_MAX])
{
	unsigned char bytes[TAG + CURSOR_KEY_MAX];
	size_t len = strlen(key) < CURSOR_KEY_MAX ? strlen(key) : CURSOR_KEY_MAX - 1;
	struct buf text;

	make_tag(list, scope, key, bytes);
	memcpy(bytes + TAG, key, len);
	buf_init(&text, CURSOR_MAX);
	hash_base64(bytes, TAG + len, &text);
	snprintf(out, CURSOR_MAX, "%s", buf_text(&text));
	buf_release(&text);
	translate(out, "+/", "-_");
	out[strcspn(out, "=")] = '\0';
}

/* Reads the key that the cursor would have. */
static int decode(const char *text, char key[CURSOR_KEY_MAX])
{
	char padded[CURSOR_MAX];
	struct buf bytes;

	if (strlen(text) > CURSOR_MAX - 4)
		return -1;
	snprintf(padded, sizeof(padded), "%s%.*s", text, (int)((4 - strlen(text) % 4) % 4), "===");
	translate(padded, "-_", "+/");
	buf_init(&bytes, TAG + CURSOR_KEY_MAX);
	bool decoded = !hash_base64_decode(padded, strlen(padded), &bytes) && bytes.len > TAG &&
	               bytes.len < TAG + CURSOR_KEY_MAX;
	if (decoded) {
		memcpy(key, bytes.data + TAG, bytes.len - TAG);
		key[bytes.len - TAG] = '\0';
	}
	buf_release(&bytes);
	return decoded ? 0 : -1;
}

int cursor_read(const char *list, const char *scope, const char *text, char key[CURSOR_KEY_MAX], struct err *err)
{
	char made[CURSOR_MAX];

	/* Each key has only one cursor: one that differs from it in any character was not made here. */
	if (decode(text, key) == 0) {
		cursor_make(list, scope, key, made);
		if (strlen(made) == strlen(text) && hash_equal(made, text, strlen(text)))
			return 0;
	}
	return err_set(err, ERR_BAD_REQUEST, "\"after\" is no cursor of this list");
}

/* --- of a request ------------------------------------------------------------------------------------------------- */

static int find_scope(struct call *call, const char **scope, struct err *err)
{
	*scope = "";
	if (!call->dataset)
		return 0;
	if (call_place(call, err))
		return -1;
	*scope = call->info.place.uuid;
	return 0;
}

int cursor_after(struct call *call, const char *list, char key[CURSOR_KEY_MAX], struct err *err)
{
	const char *text = request_query(call->request, "after"), *scope;

	key[0] = '\0';
	if (!text)
		return 0;
	return find_scope(call, &scope, err) || cursor_read(list, scope, text, key, err);
}

int cursor_page(struct call *call, const char *list, int64_t limit_max, int64_t *limit, int64_t *after,
                struct err *err)
{
	char key[CURSOR_KEY_MAX];

	if (request_limit(call->request, limit_max, limit, err) || cursor_after(call, list, key, err))
		return -1;
	if (key[0] && text_int64(key, 0, INT64_MAX - 1, after))
		return err_set(err, ERR_INTERNAL, "A cursor of %s is no number", list);
	return 0;
}

int cursor_add_next(struct call *call, const char *list, const char *key, cJSON *answer, struct err *err)
{
	char next[CURSOR_MAX];
	const char *scope;

	if (!key)
		json_add_null(answer, "next");
	else if (find_scope(call, &scope, err))
		return -1;
	else
		json_add_string(answer, "next", (cursor_make(list, scope, key, next), next));
	return 0;
}

int cursor_add_next_number(struct call *call, const char *list, int64_t key, bool more, cJSON *answer,
                           struct err *err)
{
	char text[NUMBER_MAX];

	snprintf(text, sizeof(text), "%lld", (long long)key);
	return cursor_add_next(call, list, more ? text : NULL, answer, err);
}
