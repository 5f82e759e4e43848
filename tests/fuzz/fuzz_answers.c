/* Fuzzes the answers of an image-label-server, or of what is in its place, as the loader reads them: one after the
 * other, with a NUL between them, each with its status in the first line.
 *
 * Parses: cgi/upload/remote.c cgi/upload/known.c */
#include "fuzz.h"

#include "../../cgi/upload/remote.h"

/* In place of the real ones (Makefile). */
int __wrap_http_ask(CURL *easy, const struct http_server *server, const char *path, const cJSON *body, int tries_max,
                    struct http_answer *answer, struct err *err);

static const char *at, *end;

int __wrap_http_ask(CURL *easy, const struct http_server *server, const char *path, const cJSON *body, int tries_max,
                    struct http_answer *answer, struct err *err)
{
	size_t len = strnlen(at, (size_t)(end - at));
	char *text = fuzz_text((const uint8_t *)at, len), *rest = text;
	int64_t status;
	int failed = text_int64(strsep(&rest, "\n"), 100, 499, &status);

	(void)easy;
	(void)server;
	(void)path;
	(void)body;
	(void)tries_max;
	at += len + (at + len < end);
	buf_clear(&answer->body);
	answer->status = failed ? 0 : (long)status;
	buf_str(&answer->body, rest ? rest : "");
	free(text);
	return failed ? err_set(err, ERR_UNAVAILABLE, "refused") : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct http_server server = {.base = "http://127.0.0.1:1"};
	struct remote remote;
	struct err err = {0};

	at = (const char *)data;
	end = at + size;
	if (remote_open(&remote, &server, "cats", NULL, NULL, &err))
		require_told(&err);
	else
		for (size_t i = 0; i < remote.label_count; i++)
			require(remote.labels[i] != NULL);
	remote_release(&remote);
	return 0;
}
