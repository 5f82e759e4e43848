/* Distinguishes other sites' pages from our own and from scripts. */
#include "fastcgi/origin.h"

#include <strings.h>

static const char *value_of(const char *param, const char *name)
{
	size_t len = strlen(name);
	return strncmp(param, name, len) == 0 && param[len] == '=' ? param + len + 1 : NULL;
}

static bool is_word(const char *text, size_t len, const char *word)
{
	return len == strlen(word) && strncasecmp(text, word, len) == 0;
}

/* Takes the next element of a comma-separated list, without the space around it; NULL at the list's end. */
static const char *element(const char **list, size_t *len)
{
	*list += strspn(*list, ", \t");
	const char *begin = *list;
	*len = strcspn(begin, ",");
	*list += *len;
	while (*len > 0 && (begin[*len - 1] == ' ' || begin[*len - 1] == '\t'))
		(*len)--;
	return *begin ? begin : NULL;
}

/* --- Sec-Fetch-Site ----------------------------------------------------------------------------------------------- */

static bool is_from_here(const char *site)
{
	size_t len;
	for (const char *word; (word = element(&site, &len)) != NULL;) {
		if (!is_word(word, len, "same-origin") && !is_word(word, len, "none"))
			return false;
	}
	return true;
}

/* --- Origin ------------------------------------------------------------------------------------------------------- */

struct origin {
	bool https;
	const char *host; /* with its port, unless that is the scheme's default */
	size_t len;
};

static bool origin_parse(const char *text, struct origin *out)
{
	static const char http[] = "http://", https[] = "https://";
	out->https = strncasecmp(text, https, strlen(https)) == 0;
	if (!out->https && strncasecmp(text, http, strlen(http)) != 0)
		return false;
	out->host = text + (out->https ? strlen(https) : strlen(http));
	out->len = strlen(out->host);
	return out->len > 0 && !strpbrk(out->host, "/ ,@");
}

static size_t without_port(const char *host, size_t len, const char *port)
{
	size_t port_len = strlen(port);
	bool has = len > port_len + 1 && host[len - port_len - 1] == ':' && memcmp(host + len - port_len, port, port_len) == 0;
	return has ? len - port_len - 1 : len;
}

static bool same_host(const struct origin *origin, const char *host, size_t len)
{
	const char *port = origin->https ? "443" : "80"; /* may be given where it is the default */
	len = without_port(host, len, port);
	return len > 0 && len == without_port(origin->host, origin->len, port) && strncasecmp(origin->host, host, len) == 0;
}

static bool is_one_of(const struct origin *origin, const char *hosts)
{
	size_t len;
	for (const char *host; hosts && (host = element(&hosts, &len)) != NULL;) {
		if (same_host(origin, host, len))
			return true;
	}
	return false;
}

/* Whether the origin's host is `name`, such as "labels.example.org" or "*.example.org", at the scheme's port or the
 * one that the request used. */
static bool is_named(const struct origin *origin, const char *name, const char *port)
{
	struct origin bare = *origin;
	bare.len = without_port(bare.host, bare.len, port ? port : "");
	if (name[0] != '*')
		return name[0] != '\0' && same_host(&bare, name, strlen(name));
	size_t len = strlen(++name);
	bare.len = without_port(bare.host, bare.len, bare.https ? "443" : "80");
	return len > 1 && bare.len > len && strncasecmp(bare.host + bare.len - len, name, len) == 0;
}

static bool was_asked_by_https(const struct request *request)
{
	const char *scheme = request_header(request, "FORWARDED_PROTO");
	if (!scheme || !*scheme)
		scheme = request_header(request, "REQUEST_SCHEME");
	return scheme && strcasecmp(scheme, "https") == 0;
}

static bool is_ours(const char *text, const struct request *request, const struct config *config)
{
	struct origin origin;
	/* https where the request came by http means a proxy that does the TLS; the reverse cannot be a page of ours. */
	if (!origin_parse(text, &origin) || (was_asked_by_https(request) && !origin.https))
		return false;
	return is_one_of(&origin, request_header(request, "HTTP_HOST")) ||
	       is_one_of(&origin, request_header(request, "FORWARDED_HOST")) ||
	       is_named(&origin, config->listen.server_name, request_header(request, "SERVER_PORT"));
}

/* --- both --------------------------------------------------------------------------------------------------------- */

static bool may_change(const char *method)
{
	return strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0 && strcmp(method, "OPTIONS") != 0;
}

int origin_check(const struct request *request, const struct config *config, struct err *err)
{
	if (!may_change(request->method))
		return 0;
	/* A header may come several times, and each counts: so the list is walked. */
	for (char **param = request->fcgi->envp; *param; param++) {
		const char *site = value_of(*param, "HTTP_SEC_FETCH_SITE"), *origin = value_of(*param, "HTTP_ORIGIN");
		if (site && !is_from_here(site))
			return err_set(err, ERR_FORBIDDEN, "A page of another site may change nothing here");
		if (origin && !is_ours(origin, request, config))
			return err_set(
				err, ERR_FORBIDDEN,
				"A page of another origin may change nothing here (other names of this server belong "
				"in listen.server_name, or must come from a listen.trusted_proxy)");
	}
	return 0;
}
