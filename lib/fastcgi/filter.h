/* The query parameters that select samples: the same for lists, exports and bulk changes. */
#ifndef FASTCGI_FILTER_H
#define FASTCGI_FILTER_H

#include "fastcgi/app.h"

/* Their names, for a route's query parameters or for the fields of a filter in a body. */
#define FILTER_NAMES "state label by q flagged since"

/* Reads the parameters of a request; texts belong to the request. An empty "label" selects samples without a label.
 * "flagged" is true or false, "since" a time (RFC 3339). ERR_BAD_REQUEST names what is wrong. */
int filter_of_query(const struct request *request, struct sample_filter *out, struct err *err);
/* The same with those that only a list of samples has: "disputed" and "gold", each true or false. For who may not know
 * which answers are known, none is (gold.h). */
#define LIST_FILTERS "disputed gold " FILTER_NAMES
int filter_of_list(const struct request *request, struct sample_filter *out, struct err *err);
/* The same from a JSON object whose fields are texts ("flagged" may also be a boolean); texts belong to the object.
 * An unknown field is ERR_BAD_REQUEST. */
int filter_of_json(const cJSON *object, struct sample_filter *out, struct err *err);

#endif
