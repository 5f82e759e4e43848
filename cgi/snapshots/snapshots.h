/* The handlers of the snapshots program. */
#ifndef SNAPSHOTS_H
#define SNAPSHOTS_H

#include "dataset/snapshot.h"
#include "fastcgi/app.h"

app_handler snapshots_list, snapshots_create, snapshots_manifest;

/* As /v1 answers it. */
cJSON *snapshots_document(const struct snapshot *snapshot);

#endif
