/* The query parameters that say which samples are meant: of lists, exports and changes of many at once alike. */
#ifndef FASTCGI_FILTER_H
#define FASTCGI_FILTER_H

#include "fastcgi/app.h"

/* Their names, for a route's query parameters or a filter's fields in a body. */
#define FILTER_NAMES "state label by q flagged since"

/* Reads those that a request has; its texts are the request's. "label" without a value: without a label. "flagged" is
 * true or false, "since" a time (RFC 3339). ERR_BAD_REQUEST names what is wrong. */
int filter_of_query(const struct request *request, struct sample_filter *out, struct err *err);
/* The same of a JSON object, of which each field is a text ("flagged": true or false as they are, too); its texts are
 * the object's. An unknown field is ERR_BAD_REQUEST. */
int filter_of_json(const cJSON *object, struct sample_filter *out, struct err *err);

#endif
