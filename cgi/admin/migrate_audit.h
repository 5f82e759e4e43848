/* Copies the audit log of datasets that were moved. */
#ifndef ADMIN_MIGRATE_AUDIT_H
#define ADMIN_MIGRATE_AUDIT_H

#include "dataset/audit.h"

/* Whether the entries of a dataset ("": those about none) are to be copied. */
typedef bool migrate_audit_wants(void *data, const char *dataset);
/* Copies the entries that the destination does not have yet: the same in all, to the millisecond, which is as fine as
 * every store keeps times. *count gets how many. */
int migrate_audit_log(struct dataset_store *from, struct dataset_store *to, migrate_audit_wants *wants, void *data,
                      int64_t *count, struct err *err);

#endif
