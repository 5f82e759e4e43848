/* The objects of the image store, compared with what datasets name. One thread. */
#ifndef ADMIN_CHECK_OBJECTS_H
#define ADMIN_CHECK_OBJECTS_H

#include "blob/blob.h"

struct check_objects; /* 32 bytes an object */

/* Lists all objects below our prefixes. Free it with check_objects_free, also after a failure. */
int check_objects_list(struct check_objects **out, struct blob_store *store, struct err *err);
void check_objects_free(struct check_objects *objects); /* NULL is fine */
int64_t check_objects_count(const struct check_objects *objects);

/* Notes that a dataset names the key. Returns whether it was listed; *bytes gets its size then. */
bool check_objects_named(struct check_objects *objects, const char *key, int64_t *bytes);

/* Visits those that were listed, are still there, and that nobody named, stored before before_us. */
typedef int check_object_visit(void *data, const char *key, struct err *err);
int check_objects_unnamed(struct check_objects *objects, int64_t before_us, check_object_visit *visit, void *data,
                          struct err *err);

#endif
