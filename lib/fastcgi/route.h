/* Finds the route of a request in a program's table. Pure; thread-safe. */
#ifndef FASTCGI_ROUTE_H
#define FASTCGI_ROUTE_H

#include "fastcgi/app.h"

/* Sets call->route, call->param and *dataset_name (NULL when the path has no {dataset}). ERR_NOT_FOUND; or
 * ERR_METHOD, after appending the methods that the path has to `allow` ("GET, POST"). */
int route_find(struct call *call, const char **dataset_name, struct buf *allow, struct err *err);

/* ERR_BAD_REQUEST when the request has a query parameter, or its body (a JSON object) a field, that call->route does
 * not list. */
int route_check_query(const struct call *call, struct err *err);
int route_check_fields(const struct call *call, const cJSON *body, struct err *err);

#endif
