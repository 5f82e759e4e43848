/* Cursors of lists: a page's "next", which a request for the next page sends as "after".
 *
 * A cursor is opaque: base64url (RFC 4648 §5) of a short digest and the key of the page's last item. The digest is
 * of the list's name and the key, keyed with the uuid of the list's dataset. So a cursor that was altered, made by
 * hand, or belongs to another list or dataset is refused on every machine alike, and a list may change its kind of
 * keys. It protects no secret: anybody who sees a list may see its keys. */
#ifndef FASTCGI_CURSOR_H
#define FASTCGI_CURSOR_H

#include "fastcgi/app.h"

enum {
	CURSOR_KEY_MAX = 1024,                          /* bytes of a key with its NUL */
	CURSOR_MAX = (CURSOR_KEY_MAX + 12) * 4 / 3 + 4, /* of a cursor */
};

/* Pure. scope: the dataset's uuid, "" for a list outside of datasets. key is shorter than CURSOR_KEY_MAX, and not
 * "". */
void cursor_make(const char *list, const char *scope, const char *key, char out[CURSOR_MAX]);
/* ERR_BAD_REQUEST "\"after\" is no cursor of this list". */
int cursor_read(const char *list, const char *scope, const char *text, char key[CURSOR_KEY_MAX], struct err *err);

/* The same for the list that a request asks for, within its dataset, if it has one. `list` is a constant text. */
/* Reads the key of "after", "" when it is not given. */
int cursor_after(struct call *call, const char *list, char key[CURSOR_KEY_MAX], struct err *err);
/* For keys that are numbers from 0: reads the page from "limit", from 1 to limit_max, and "after". A parameter that
 * is not given leaves its value as it was. */
int cursor_page(struct call *call, const char *list, int64_t limit_max, int64_t *limit, int64_t *after,
                struct err *err);
/* Adds "next" to the answer; key NULL: this was the last page. */
int cursor_add_next(struct call *call, const char *list, const char *key, cJSON *answer, struct err *err);
int cursor_add_next_number(struct call *call, const char *list, int64_t key, bool more, cJSON *answer,
                           struct err *err);

#endif
