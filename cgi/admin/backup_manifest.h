/* A backup's manifest: its parts with their SHA-256. It is written last, so that a backup without one is none. */
#ifndef ADMIN_BACKUP_MANIFEST_H
#define ADMIN_BACKUP_MANIFEST_H

#include "backup_place.h"
#include "base/hash.h"

#define BACKUP_MANIFEST "manifest.jsonl"
/* The audit log's database in the folder of databases, where a dataset's is NAME.db. */
#define BACKUP_AUDIT_FILE ".audit.db"

enum backup_kind {
	BACKUP_DATASET, /* a SQLite database, whatever store it came from */
	BACKUP_AUDIT,   /* the audit log, the same */
	BACKUP_USERS,   /* documents of users and tokens, a line of JSON each */
	BACKUP_CONFIG,  /* the configuration's file as it was */
	BACKUP_IMAGES,  /* the keys of all images, a line each */
	BACKUP_FAILED,  /* a dataset that could not be read: it is not in the backup */
	BACKUP_KINDS
};

struct backup_part {
	enum backup_kind kind;
	char *name; /* of the dataset; else "" */
	char *key;
	int64_t bytes;
	char sha256[HASH_SHA256_HEX];
	/* Of a dataset: */
	int64_t samples, images, image_bytes;
	int64_t missing;              /* images that the server lacks itself */
	int64_t in_folder;            /* samples whose images lie in the dataset's own folder, and are not in the backup */
	char digest[HASH_SHA256_HEX]; /* as image-label-migrate prints it */
};

struct backup_manifest {
	char id[BACKUP_ID_MAX];
	int64_t at; /* when it was begun */
	bool users_in_store;
	struct backup_part *parts;
	size_t count;
};
void backup_manifest_release(struct backup_manifest *manifest);
/* The first part of that kind and name (NULL: of any); NULL if there is none. */
const struct backup_part *backup_manifest_find(const struct backup_manifest *manifest, enum backup_kind kind,
                                               const char *name);

/* Adds a part, taking its name; its bytes are those of the file, which is put into the place. path NULL: there are
 * none. */
int backup_part_put(struct backup_place *place, struct backup_manifest *manifest, struct backup_part *part,
                    const char *path, struct err *err);
/* Writes the part's bytes to a new file. ERR_UNPROCESSABLE if they are not those of the manifest. */
int backup_part_fetch(struct backup_place *place, const struct backup_part *part, const char *path, struct err *err);
int backup_manifest_put(struct backup_place *place, const struct backup_manifest *manifest, struct err *err);
/* ERR_NOT_FOUND, ERR_UNPROCESSABLE. */
int backup_manifest_read(struct backup_place *place, const char *id, struct backup_manifest *out, struct err *err);
/* For people and for scripts: a line, or an object of JSON. */
void backup_manifest_print(const struct backup_manifest *manifest);
cJSON *backup_manifest_json(const struct backup_manifest *manifest);

#endif
