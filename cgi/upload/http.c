/* Sends requests to an image-label-server. */
#include "http.h"

#include <time.h>

#include "base/json.h"
#include "base/text.h"

enum {
	CONNECT_MS = 10 * 1000,
	STALLED_SECONDS = 120, /* without receiving or sending a byte */
	FIRST_WAIT_MS = 250,
	WAIT_MAX_MS = 10 * 1000,
};

void http_answer_init(struct http_answer *answer, size_t max)
{
	memset(answer, 0, sizeof(*answer));
	buf_init(&answer->body, max);
}

void http_answer_release(struct http_answer *answer)
{
	buf_release(&answer->body);
}

static size_t take_body(char *bytes, size_t size, size_t count, void *data)
{
	struct http_answer *answer = data;

	return buf_add(&answer->body, bytes, size * count) ? 0 : size * count;
}

static int http_interrupted(void *data, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct http_server *server = data;

	(void)a, (void)b, (void)c, (void)d;
	return *server->stopped != 0;
}

static void set_credentials(CURL *easy, const struct http_server *server)
{
	curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
	if (server->password) {
		curl_easy_setopt(easy, CURLOPT_USERNAME, server->user);
		curl_easy_setopt(easy, CURLOPT_PASSWORD, server->password);
	} else {
		curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_OPTIONAL);
		curl_easy_setopt(easy, CURLOPT_NETRC_FILE, server->netrc);
	}
}

static void set_trust(CURL *easy, const struct http_server *server)
{
	if (server->cacert)
		curl_easy_setopt(easy, CURLOPT_CAINFO, server->cacert);
	if (server->insecure) {
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
}

/* libcurl looks up a user's password in a netrc only when the URL has the user's name. */
static void http_set_url(CURL *easy, const struct http_server *server, const char *path)
{
	int scheme = (int)(strstr(server->base, "://") + 3 - server->base);
	struct buf url;

	buf_init(&url, strlen(server->base) + strlen(path) + 3 * (server->user ? strlen(server->user) : 0) + 1);
	buf_printf(&url, "%.*s", scheme, server->base);
	if (server->user && !server->password) {
		text_percent_encode_segment(server->user, &url);
		buf_char(&url, '@');
	}
	buf_printf(&url, "%s%s", server->base + scheme, path);
	curl_easy_setopt(easy, CURLOPT_URL, buf_text(&url));
	buf_release(&url);
}

void http_prepare(CURL *easy, const struct http_server *server, const char *path, struct http_answer *answer)
{
	answer->code = CURLE_OK;
	answer->status = 0;
	answer->retry_after_ms = 0;
	answer->trouble[0] = '\0';
	buf_clear(&answer->body);
	curl_easy_reset(easy); /* keeps the connections */
	http_set_url(easy, server, path);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_NOPROXY, server->no_proxy);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "image-label-load");
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)STALLED_SECONDS);
	curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, answer);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, answer->trouble);
	curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, http_interrupted);
	curl_easy_setopt(easy, CURLOPT_XFERINFODATA, server);
	set_credentials(easy, server);
	set_trust(easy, server);
}

void http_finish(CURL *easy, CURLcode code, struct http_answer *answer)
{
	curl_off_t seconds = 0;

	answer->code = code;
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &answer->status);
	curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &seconds);
	answer->retry_after_ms = seconds > 0 && seconds < 3600 ? seconds * 1000 : 0;
	if (code != CURLE_OK && answer->trouble[0] == '\0')
		snprintf(answer->trouble, sizeof(answer->trouble), "%s", curl_easy_strerror(code));
}

/* --- failures ----------------------------------------------------------------------------------------------------- */

static bool is_passing(CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_PARTIAL_FILE:
	case CURLE_WEIRD_SERVER_REPLY: return true;
	default: return false;
	}
}

bool http_is_down(const struct http_answer *answer)
{
	if (answer->code != CURLE_OK)
		return is_passing(answer->code);
	if (answer->status == 501 || answer->status == 505 || answer->status == 507)
		return false;
	return answer->status == 408 || answer->status >= 500;
}

int http_retry_ms(const struct http_answer *answer, int tries, int tries_max)
{
	bool slow_down = answer->code == CURLE_OK && answer->status == 429; /* however often it comes */

	if (!slow_down && (!http_is_down(answer) || tries >= tries_max))
		return -1;
	int64_t wait = answer->retry_after_ms;
	if (wait == 0)
		wait = tries < 8 ? FIRST_WAIT_MS << (tries - 1) : WAIT_MAX_MS;
	if (answer->retry_after_ms == 0 && wait > WAIT_MAX_MS)
		wait = WAIT_MAX_MS;
	return (int)(wait / 2 + arc4random_uniform((uint32_t)wait + 1));
}

int http_explain(const struct http_server *server, const struct http_answer *answer, struct err *err)
{
	const char *message = "";

	if (answer->code != CURLE_OK)
		return err_set(err, ERR_UNAVAILABLE, "%s does not answer: %s", server->base, answer->trouble);
	if (answer->status == 401)
		return err_set(err, ERR_FORBIDDEN, "Wrong user or password");
	cJSON *problem = json_parse_object(buf_text(&answer->body), answer->body.len, &(struct err){0});
	if (!problem || json_string(problem, "message", true, &message, &(struct err){0}) || *message == '\0')
		err_set(err, ERR_UPSTREAM, "The server answered %ld", answer->status);
	else
		err_set(err, ERR_UPSTREAM, "%s", message);
	cJSON_Delete(problem);
	return -1;
}

/* --- one at a time ------------------------------------------------------------------------------------------------ */

/* Sleeps; ends early when a signal comes. */
static void pause_ms(int ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL);
}

static void ask_once(CURL *easy, const struct http_server *server, const char *path, const struct buf *body,
                     struct http_answer *answer)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");

	http_prepare(easy, server, path, answer);
	if (body) {
		curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)body->len);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, buf_text(body));
	}
	http_finish(easy, curl_easy_perform(easy), answer);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
}

int http_ask(CURL *easy, const struct http_server *server, const char *path, const cJSON *body, int tries_max,
             struct http_answer *answer, struct err *err)
{
	struct buf text;

	buf_init(&text, JSON_BODY_MAX);
	if (body && json_print(body, &text)) {
		buf_release(&text);
		return err_set(err, ERR_TOO_LARGE, "The request is too large");
	}
	for (int tries = 1;; tries++) {
		ask_once(easy, server, path, body ? &text : NULL, answer);
		int wait = *server->stopped ? -1 : http_retry_ms(answer, tries, tries_max);
		if (wait < 0)
			break;
		pause_ms(wait);
	}
	buf_release(&text);
	return answer->code != CURLE_OK || answer->status >= 500 ? http_explain(server, answer, err) : 0;
}
