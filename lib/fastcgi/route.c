/* Matches a request's path against the patterns of a program's routes. */
#include "fastcgi/route.h"

#include <string.h>

static bool is_parameter(const char *piece, size_t len)
{
	return len > 2 && piece[0] == '{' && piece[len - 1] == '}';
}

static bool takes_rest(const char *piece, size_t len)
{
	return is_parameter(piece, len) && len > 5 && memcmp(piece + len - 4, "...}", 4) == 0;
}

static const char *join_rest(struct call *call, size_t from)
{
	const struct request *request = call->request;

	buf_clear(&call->rest);
	for (size_t i = from; i < request->segment_count; i++) {
		if (i > from)
			buf_char(&call->rest, '/');
		buf_str(&call->rest, request->segment[i]);
	}
	return buf_text(&call->rest);
}

static bool matches(struct call *call, const char *pattern, const char **dataset_name)
{
	const struct request *request = call->request;
	size_t segment = 0, params = 0;

	*dataset_name = NULL;
	for (const char *piece = pattern + 1;; segment++) {
		size_t len = strcspn(piece, "/");

		if (segment >= request->segment_count)
			return false;
		const char *value = request->segment[segment];
		if (takes_rest(piece, len)) {
			call->param[params] = join_rest(call, segment);
			return call->param[params][0] != '\0';
		}
		if (len == 9 && memcmp(piece, "{dataset}", 9) == 0)
			*dataset_name = value;
		else if (is_parameter(piece, len))
			call->param[params++] = value;
		else if (strlen(value) != len || memcmp(piece, value, len) != 0)
			return false;
		if (piece[len] == '\0')
			return segment + 1 == request->segment_count;
		piece += len + 1;
	}
}

static bool same_method(const char *method, const char *route)
{
	return strcmp(method, route) == 0 || (strcmp(method, "HEAD") == 0 && strcmp(route, "GET") == 0);
}

/* Of patterns that match, the one with the fewest parameters says what the path is (OpenAPI 3.1, path templating). */
static size_t count_parameters(const char *pattern)
{
	size_t count = 0;

	for (; *pattern; pattern++)
		count += *pattern == '{';
	return count;
}

static size_t fewest_parameters(struct call *call, const char **dataset_name)
{
	size_t fewest = SIZE_MAX;

	for (const struct route *route = call->app->program->routes; route->method; route++) {
		size_t count = count_parameters(route->path);

		if (count < fewest && matches(call, route->path, dataset_name))
			fewest = count;
	}
	return fewest;
}

int route_find(struct call *call, const char **dataset_name, struct buf *allow, struct err *err)
{
	size_t fewest = fewest_parameters(call, dataset_name);

	for (const struct route *route = call->app->program->routes; route->method; route++) {
		if (!matches(call, route->path, dataset_name) || count_parameters(route->path) > fewest)
			continue;
		if (same_method(call->request->method, route->method)) {
			call->route = route;
			return 0;
		}
		buf_printf(allow, "%s%s", allow->len ? ", " : "", route->method);
	}
	if (allow->len == 0)
		return err_set(err, ERR_NOT_FOUND, "There is nothing at this address");
	return err_set(err, ERR_METHOD, "The method %s is not one of %s here", call->request->method, buf_text(allow));
}

/* Whether the name is in the list, whose names are separated by spaces. */
static bool is_listed(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = list; len > 0 && *at; at += strspn(at, " ")) {
		size_t size = strcspn(at, " ");

		if (size == len && memcmp(at, name, len) == 0)
			return true;
		at += size;
	}
	return false;
}

static int route_check(const char *list, const char *what, const char *name, struct err *err)
{
	if (strcmp(list, ROUTE_ANY) == 0 || is_listed(list, name))
		return 0;
	if (*list == '\0')
		return err_set(err, ERR_BAD_REQUEST, "There is no %s \"%s\" here, nor any other", what, name);
	return err_set(err, ERR_BAD_REQUEST, "There is no %s \"%s\" here; those there are: %s", what, name, list);
}

int route_check_query(const struct call *call, struct err *err)
{
	for (size_t i = 0; i < call->request->query_count; i++) {
		if (route_check(call->route->query, "query parameter", call->request->query[i].name, err))
			return -1;
	}
	return 0;
}

int route_check_fields(const struct call *call, const cJSON *body, struct err *err)
{
	const cJSON *field;

	cJSON_ArrayForEach(field, body) {
		if (route_check(call->route->fields, "field", field->string, err))
			return -1;
	}
	return 0;
}
