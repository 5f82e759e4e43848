/* Fuzzes what nginx passes of a request: a line "NAME=value" of the input is a parameter.
 *
 * Parses: lib/fastcgi/request.c lib/fastcgi/origin.c lib/auth/gate.c cgi/export/range.c lib/intake/multipart_header.c */
#include "fuzz.h"

#include "../../cgi/export/range.h"
#include "auth/gate.h"
#include "base/config.h"
#include "fastcgi/origin.h"
#include "fastcgi/request.h"
#include "intake/multipart_header.h"

enum { PARAMETERS_MAX = 40 };

static void check_request(const struct request *request)
{
	static char name[] = "*.example.org";
	const struct config config = {.listen = {.server_name = name}};
	struct err err = {0};
	int64_t limit = 7;

	require(request->content_length >= -1 && text_utf8_valid(request->user, strlen(request->user)));
	require(!request_accepts_json(request) || strcasestr(request_header(request, "HTTP_ACCEPT"), "application/json"));
	request_opens_page(request);
	request_is_v1(request);
	if (request_limit(request, 1000, &limit, &err))
		require_told(&err);
	require(limit >= 1 && limit <= 1000);
	if (request_check_coding(request, &err))
		require(err.code == ERR_MEDIA_TYPE);
	if (origin_check(request, &config, &err))
		require(err.code == ERR_FORBIDDEN);
	else if (strcmp(request->method, "POST") == 0 && request_header(request, "HTTP_SEC_FETCH_SITE"))
		require(!strcasestr(request_header(request, "HTTP_SEC_FETCH_SITE"), "cross-site"));
}

static void check_authorization(const char *header)
{
	char *space = malloc(GATE_BASIC_MAX);
	const char *user, *password;

	if (gate_basic(header, space, &user, &password))
		require(!strchr(user, ':') && user == space && password == user + strlen(user) + 1 &&
		        strlen(user) + strlen(password) + 1 < GATE_BASIC_MAX);
	free(space);
}

static void check_range(const struct request *request, int64_t size)
{
	struct range range = range_of(request_header(request, "HTTP_RANGE"), request_header(request, "HTTP_IF_RANGE"),
	                              "\"etag\"", size);

	require(!(range.partial && range.unsatisfiable));
	if (range.partial)
		require(range.first >= 0 && range.first <= range.last && range.last < size);
	else if (!range.unsatisfiable)
		require(range.first == 0 && range.last == size - 1);
}

static void check_type(const char *type)
{
	char boundary[MULTIPART_BOUNDARY_MAX + 1];
	struct err err = {0};

	if (multipart_boundary(type, boundary, &err))
		require_told(&err);
	else
		require(boundary[0] && strlen(boundary) <= MULTIPART_BOUNDARY_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *rest = text, *parameters[PARAMETERS_MAX + 1] = {NULL};
	size_t count = 0;

	for (char *line; count < PARAMETERS_MAX && (line = strsep(&rest, "\n"));)
		parameters[count++] = line;
	FCGX_Request fcgi = {.envp = parameters};
	struct request request;
	struct err err = {0};
	if (request_init(&request, &fcgi, &err))
		require_told(&err);
	else
		check_request(&request);
	const char *authorization = request_header(&request, "HTTP_AUTHORIZATION");
	check_authorization(authorization ? authorization : "");
	for (int64_t bytes = 0; bytes < 3; bytes++)
		check_range(&request, bytes * 1000);
	check_type(request.content_type);
	request_release(&request);
	free(text);
	return 0;
}
